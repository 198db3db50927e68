"""Times of prompts and tokens: beside what others measured, and how they must behave."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraudray.cli.exits import InputError
from fraudray.deployments.planning.hardware import (
    A100_80,
    EFFICIENCY_SOURCES,
    H100,
    NVSWITCH_A100,
    NVSWITCH_H100,
    PCIE_4,
    Efficiency,
    Gpu,
    Instance,
)  # fmt: skip
from fraudray.deployments.planning.layout import Layout
from fraudray.deployments.planning.models import ModelShape
from fraudray.deployments.planning.timing import Timing, all_reduce_s

from .shapes import ONE_NODE, P4D, PIPELINE, R1_32B

QWEN_72B = ModelShape("Qwen2.5-72B", 80, 8192, 64, 8, 128, 29_568, 152_064, "config.json")
QWEN_7B = ModelShape("Qwen2.5-7B", 28, 3584, 28, 4, 128, 18_944, 152_064, "config.json")
LLAMA_70B = ModelShape("Llama 2 70B", 80, 8192, 64, 8, 128, 28_672, 32_000, "config.json", attention_bias=False)
LLAMA_33B = ModelShape("Llama 33B", 60, 6656, 52, 52, 128, 17_920, 32_000, "config.json", attention_bias=False)
TWO_H100 = Instance("2 x H100", 2, H100, NVSWITCH_H100, 1e9, False, "")
A100S = Instance("A100 80 GB", 8, A100_80, NVSWITCH_A100, 1e9, False, "")
RTX_4090 = Instance(
    "RTX 4090", 1, Gpu("RTX 4090", 22, 1.008e12, 165e12, "NVIDIA Ada whitepaper"), PCIE_4, 1e9, False, ""
)
DEFAULT = Efficiency()


def timing(model: ModelShape, instance: Instance, tensor: int) -> Timing:
    return Timing(model, instance, Layout(1, tensor), DEFAULT)


def whole_batch_s(model: ModelShape, tensor: int) -> float:
    """64 prompts of 256 tokens, then 256 tokens for each."""
    here = timing(model, A100S, tensor)
    return here.prompt_s(64 * 256) + 256 * here.token(64, 256 + 128).total_s


# The first two rows are those that two of the efficiencies were taken from; the others are not.
PUBLISHED = [
    ("tenstorrent/tt-inference-server#143, a token", timing(QWEN_72B, TWO_H100, 2).token(1, 128).total_s, 0.0309),
    ("the same, a prompt of 8,192", timing(QWEN_72B, TWO_H100, 2).prompt_s(8192), 1.0638),
    ("the same, a prompt of 4,096", timing(QWEN_72B, TWO_H100, 2).prompt_s(4096), 0.5051),
    ("tenstorrent/tt-inference-server#125, a token", timing(QWEN_7B, RTX_4090, 1).token(1, 128).total_s, 0.0171),
    ("vllm-project/vllm#2192, 70B on 4 A100", whole_batch_s(LLAMA_70B, 4), 14.57),
    ("vllm-project/vllm#2192, 33B on 2 A100", whole_batch_s(LLAMA_33B, 2), 14.38),
]


@pytest.mark.parametrize(("source", "estimated_s", "measured_s"), PUBLISHED, ids=[row[0] for row in PUBLISHED])
def test_an_estimate_is_within_a_quarter_of_what_was_published(
    source: str, estimated_s: float, measured_s: float
) -> None:
    assert estimated_s == pytest.approx(measured_s, rel=0.25), source


@pytest.mark.parametrize(
    ("kib", "measured_us"), [(0.5, 10.1), (4, 9.3), (32, 11.8), (256, 24.1), (512, 30.4), (1024, 45.0)]
)
def test_an_all_reduce_of_eight_gpus_is_near_what_vllms_kernel_takes(kib: float, measured_us: float) -> None:
    """sgl-project/sglang#2904, on 8 H100."""
    assert 1e6 * all_reduce_s(1024 * kib, 8, NVSWITCH_H100, DEFAULT) == pytest.approx(measured_us, rel=0.4)


@pytest.mark.parametrize(("kib", "measured_us"), [(4, 19.4), (16, 22.3), (32, 24.2), (128, 51.8), (384, 83.5)])
def test_an_all_reduce_over_pcie_is_near_what_nccl_takes(kib: float, measured_us: float) -> None:
    """haohervchb/sglang-V100#2, 4 GPUs."""
    assert 1e6 * all_reduce_s(1024 * kib, 4, PCIE_4, DEFAULT) == pytest.approx(measured_us, rel=0.25)


def test_one_gpu_tells_nobody() -> None:
    assert all_reduce_s(1e6, 1, NVSWITCH_A100, DEFAULT) == 0


def test_weights_alone_take_what_the_configs_say_at_the_peak() -> None:
    """5.3 ms on eight A100; in a pipeline of two no less."""
    peak = Efficiency(memory=1.0)

    assert Timing(R1_32B, P4D, ONE_NODE, peak).token(1, 1).read_s == pytest.approx(5.2e-3, rel=0.03)
    assert Timing(R1_32B, P4D, PIPELINE, peak).token(1, 1).read_s == pytest.approx(5.2e-3, rel=0.03)


def test_a_pipeline_makes_no_answer_faster() -> None:
    single, piped = (Timing(R1_32B, P4D, layout, DEFAULT) for layout in (ONE_NODE, PIPELINE))

    assert piped.token(1, 2000).total_s > single.token(1, 2000).total_s
    assert piped.prompt_s(2000) > single.prompt_s(2000)
    assert piped.token(1, 2000).hand_over_s > 0 == single.token(1, 2000).hand_over_s


def test_tcp_between_the_stages_costs_more_than_efa_and_a_node_of_its_own_less() -> None:
    within = replace(PIPELINE, nodes=1, tensor_parallel=4)
    hand_overs = [
        Timing(R1_32B, P4D, layout, DEFAULT).token(1, 2000).hand_over_s
        for layout in (within, PIPELINE, replace(PIPELINE, network="tcp"))
    ]

    assert hand_overs == sorted(hand_overs)
    assert len(set(hand_overs)) == 3


def test_four_bits_read_faster_and_reckon_the_same() -> None:
    wide, narrow = (Timing(R1_32B, P4D, replace(ONE_NODE, dtype=dtype), DEFAULT) for dtype in ("bf16", "int4"))

    assert narrow.token(1, 2000).read_s < 0.35 * wide.token(1, 2000).read_s
    assert narrow.prompt_s(8000) == wide.prompt_s(8000)


def test_what_is_cached_of_a_prompt_is_not_read_again() -> None:
    here = Timing(R1_32B, P4D, ONE_NODE, DEFAULT)

    assert here.prompt_s(400, before=1600) < 0.4 * here.prompt_s(2000)


@given(st.floats(1, 500), st.floats(1, 500), st.floats(1, 30_000))
def test_more_requests_never_make_a_token_faster(few: float, more: float, context: float) -> None:
    here = Timing(R1_32B, P4D, ONE_NODE, DEFAULT)
    few, more = sorted((few, more))

    assert here.token(few, context).total_s <= here.token(more, context).total_s


@given(st.integers(1, 20_000), st.integers(1, 20_000))
def test_a_longer_prompt_never_takes_less(short: int, long: int) -> None:
    here = Timing(R1_32B, P4D, ONE_NODE, DEFAULT)
    short, long = sorted((short, long))

    assert here.prompt_s(short) <= here.prompt_s(long) * (1 + 1e-9)


def test_every_efficiency_has_a_source_and_nonsense_is_refused() -> None:
    assert set(EFFICIENCY_SOURCES) == set(Efficiency.__slots__)
    with pytest.raises(InputError, match="efficiency memory"):
        Efficiency(memory=1.2)
    with pytest.raises(InputError, match="efficiency step_s"):
        Efficiency(step_s=-1)
