"""The description of a model's serving, and what vLLM is told of it."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from fraudray.llm.serving import LlmServing


def serving(**fields: Any) -> LlmServing:
    return LlmServing.model_validate(
        {"model_id": "m", "model_source": "/models/m", "accelerator": "A100", "max_model_len": 4096} | fields
    )


def test_the_engine_caches_prefixes_prefills_in_pieces_and_knows_priorities() -> None:
    arguments = serving(tensor_parallel=8, pipeline_parallel=2).engine_arguments()

    assert arguments["enable_prefix_caching"] is True
    assert arguments["enable_chunked_prefill"] is True
    assert arguments["scheduling_policy"] == "priority"
    assert arguments["structured_outputs_config"]["disable_any_whitespace"] is True
    assert (arguments["tensor_parallel_size"], arguments["pipeline_parallel_size"]) == (8, 2)


@pytest.mark.parametrize(
    ("fields", "parser"),
    [
        ({"model_id": "DeepSeek-R1-Distill-Qwen-32B"}, "deepseek_r1"),
        ({"model_source": "/fsx/DeepSeek-R1-Distill-Llama-8B"}, "deepseek_r1"),
        ({"model_id": "DeepSeek-R1-Distill-Qwen-32B", "reasoning_parser": "qwen3"}, "qwen3"),
        ({"model_id": "qwen2.5-32b"}, None),
    ],
)
def test_the_distills_of_r1_get_their_reasoning_parser_others_none(fields: dict[str, str], parser: str | None) -> None:
    assert serving(**fields).engine_arguments().get("reasoning_parser") == parser


def test_a_distill_of_r1_calls_no_tools_by_itself_unless_told() -> None:
    assert "tool_call_parser" not in serving(model_id="deepseek-r1-distill").engine_arguments()
    assert serving(tool_parser="hermes").engine_arguments()["enable_auto_tool_choice"] is True


def test_what_the_file_says_of_the_engine_has_the_last_word() -> None:
    assert serving(engine={"enable_chunked_prefill": False}).engine_arguments()["enable_chunked_prefill"] is False


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"replicas_min": 2}, "replicas_max is below replicas_min"),
        ({"replicas_max": 2}, "engine_metrics"),
        ({"ongoing_target": 65}, "ongoing_target is above ongoing_max"),
        ({"placement": "STRICT_PACK", "pipeline_parallel": 2}, "STRICT_PACK"),
        ({"engine": {"tensor_parallel_size": 2}}, r"engine\.tensor_parallel_size: say it as tensor_parallel"),
        ({"accelerator": "abacus"}, "accelerator"),
        ({"max_model_length": 4096}, "max_model_length"),
        ({"model_id": "two words"}, "model_id"),
        ({"env": {"A-B": "1"}}, "env"),
    ],
)
def test_a_description_that_contradicts_itself_is_refused_by_name(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        serving(**fields)


def test_scaling_is_bounded_and_aims_at_ongoing_requests() -> None:
    scaling = serving(replicas_min=1, replicas_max=3, engine_metrics="ray", ongoing_target=12).autoscaling()

    assert (scaling["min_replicas"], scaling["max_replicas"], scaling["target_ongoing_requests"]) == (1, 3, 12)
