"""The Serve config files where vLLM is: the models' applications are built and placed without a GPU.

On a pretended cluster of two nodes with eight GPUs each, of Ray's own making.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from fraudray.llm.serving import LlmServing
from tests.unit.test_serve_configs import FILES, LLM, arguments, read

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

WITH_MODEL = [name for name in FILES if any(app["import_path"] == LLM for app in read(name)["applications"])]


@pytest.mark.parametrize("name", WITH_MODEL)
def test_the_engines_arguments_are_vllms_own(name: str) -> None:
    """Given as on vLLM's command line, since only its parser checks the values too."""
    from vllm.engine.arg_utils import AsyncEngineArgs
    from vllm.entrypoints.launchers.cli_args import make_arg_parser
    from vllm.utils.argparse_utils import FlexibleArgumentParser

    wanted = LlmServing.model_validate(arguments(name, LLM)).engine_arguments()
    words = []
    for key, value in wanted.items():
        option = key.replace("_", "-")
        if isinstance(value, bool):
            words.append(f"--{option}" if value else f"--no-{option}")
        else:
            words += [f"--{option}", json.dumps(value) if isinstance(value, dict) else str(value)]

    parsed = make_arg_parser(FlexibleArgumentParser()).parse_args(words)
    engine = AsyncEngineArgs.from_cli_args(parsed)

    for key, value in wanted.items():
        got = getattr(engine, key) if hasattr(engine, key) else getattr(parsed, key)
        if isinstance(value, dict):
            assert {part: getattr(got, part) for part in value} == value, key
        else:
            assert got == value, key


@pytest.fixture(scope="module")
def pretended() -> dict[str, Any]:
    """What came of building and placing every model on pretended nodes: see pretended_cluster.py."""
    token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": os.urandom(32).hex(), "RAY_USAGE_STATS_ENABLED": "0"}
    command = [sys.executable, "-m", "tests.llm.pretended_cluster"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=400, check=False, env=os.environ | token)
    assert done.returncode == 0, done.stderr[-4000:]
    results: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return results


def test_one_node_gives_a_clear_message_instead_of_waiting_for_ever(pretended: dict[str, Any]) -> None:
    assert "needs 16 A100 GPUs: 2 x 8 on one node each" in pretended["with one node"]
    assert "Missing: 8 A100 GPUs, that is 1 more node(s) with 8 each" in pretended["with one node"]


def test_sixteen_gpus_are_placed_eight_and_eight_on_two_nodes(pretended: dict[str, Any]) -> None:
    assert pretended["deepseek-r1-32b-p4d.yaml"]["gpus by node"] == [8, 8]


def test_eight_gpus_are_placed_on_one_node_and_replicas_share_prompts_by_their_beginnings(
    pretended: dict[str, Any],
) -> None:
    assert pretended["deepseek-r1-32b-p4d-single.yaml"]["gpus by node"] == [8]
    assert pretended["deepseek-r1-32b-p4d-single.yaml"]["router"] == "PrefixCacheAffinityRouter"


def test_prompts_that_begin_alike_go_to_the_same_replica(pretended: dict[str, Any]) -> None:
    assert pretended["replicas by prompt"] == [1, 1]


def test_four_gpus_of_another_type_are_placed_on_their_node(pretended: dict[str, Any]) -> None:
    assert pretended["g6-12xlarge.yaml"]["gpus by node"] == [4]


def test_a_model_on_the_processor_takes_no_gpu(pretended: dict[str, Any]) -> None:
    assert pretended["laptop-llm.yaml"]["gpus by node"] == []


@pytest.mark.parametrize("name", WITH_MODEL)
def test_replicas_scale_within_bounds_and_have_time_for_long_prefills(pretended: dict[str, Any], name: str) -> None:
    serving, scaling = LlmServing.model_validate(arguments(name, LLM)), pretended[name]["scaling"]

    assert scaling["max_replicas"] == serving.replicas_max
    assert scaling["target_ongoing_requests"] == serving.ongoing_target
    assert pretended[name]["health_check_timeout_s"] >= 60
    assert 0 < pretended[name]["max_queued_requests"] <= 65_536
