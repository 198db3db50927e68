"""The estimator's sums of memory are those in the comments of deployments/configs."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from fraudray.deployments.planning.hardware import KNOWN as INSTANCES
from fraudray.deployments.planning.layout import Layout
from fraudray.deployments.planning.memory import Memory, memory_of
from fraudray.deployments.planning.models import KNOWN as MODELS
from fraudray.llm.serving import LlmServing

from .shapes import ONE_NODE, P4D, PIPELINE, R1_32B

CONFIGS = Path(__file__).parents[3] / "deployments" / "configs"
FILES = [
    ("deepseek-r1-32b-p4d.yaml", "p4d.24xlarge", 2, "bf16"),
    ("deepseek-r1-32b-p4d-single.yaml", "p4d.24xlarge", 1, "bf16"),
    ("g6-12xlarge.yaml", "g6.12xlarge", 1, "int4"),
]  # fmt: skip


def figure(text: str, pattern: str) -> float:
    found = re.findall(pattern, text, re.MULTILINE)
    assert len(found) == 1, pattern
    return float(str(found[0]).replace(",", ""))


def summed(name: str, instance: str, nodes: int, dtype: Any) -> Memory:
    content = yaml.safe_load((CONFIGS / name).read_text(encoding="utf-8"))
    arguments = next(app["args"] for app in content["applications"] if app["name"] == "llm")
    serving = LlmServing.model_validate(arguments)
    layout = Layout(
        nodes, serving.tensor_parallel, serving.pipeline_parallel, dtype=dtype,
        batched_tokens=serving.engine["max_num_batched_tokens"], memory_share=serving.engine["gpu_memory_utilization"],
    )  # fmt: skip
    return memory_of(MODELS["deepseek-r1-distill-qwen-32b"], INSTANCES[instance], layout)


@pytest.mark.parametrize(("name", "instance", "nodes", "dtype"), FILES)
def test_the_comment_of_a_config_file_says_what_the_estimator_says(
    name: str, instance: str, nodes: int, dtype: str
) -> None:
    text, memory = (CONFIGS / name).read_text(encoding="utf-8"), summed(name, instance, nodes, dtype)

    assert memory.weights_gib == pytest.approx(figure(text, r"/ \d+ GPUs +([\d.]+)$"), abs=0.06)
    assert memory.engine_gib == figure(text, r"^# +engine .* ([\d.]+)$")
    assert memory.budget_gib == pytest.approx(figure(text, r"^# +budget .* ([\d.]+)$"), abs=0.06)
    assert memory.kv_gib == pytest.approx(figure(text, r"^# +left for KV .* ([\d.]+)$"), abs=0.1)
    assert memory.kv_bytes_per_token == 1024 * figure(text, r"^# +a token's KV .* = (\d+) KiB$")
    tokens = figure(text, r"= ([\d.,]+) (?:million )?tokens, that is") * (1e6 if "million tokens, that" in text else 1)
    assert memory.kv_tokens == pytest.approx(tokens, rel=0.005)
    assert memory.requests(16_384) == figure(text, r"that is (\d+) requests")


def test_a_head_that_cannot_be_split_is_held_by_several_gpus() -> None:
    four_heads = replace(R1_32B, kv_heads=4)

    assert (
        memory_of(four_heads, P4D, ONE_NODE).kv_bytes_per_token == memory_of(R1_32B, P4D, ONE_NODE).kv_bytes_per_token
    )


def test_a_second_stage_halves_weights_and_a_tokens_keys() -> None:
    whole, half = memory_of(R1_32B, P4D, ONE_NODE), memory_of(R1_32B, P4D, PIPELINE)

    assert half.weights_gib == pytest.approx(whole.weights_gib / 2)
    assert half.kv_bytes_per_token == whole.kv_bytes_per_token / 2
    assert half.kv_tokens > 2 * whole.kv_tokens


def test_a_model_too_large_has_no_room_for_keys() -> None:
    memory = memory_of(R1_32B, INSTANCES["g6.12xlarge"], Layout(1, 2))

    assert not memory.fits
    assert memory.kv_tokens == memory.requests(1) == 0
