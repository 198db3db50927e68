"""The estimator beside what `fraudray bench llm` measured: it finds again what went into the figures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fraudray.cli.exits import InputError
from fraudray.deployments.planning.check import BenchFigures, check, read_figures
from fraudray.deployments.planning.machine import Machine, measure_machine
from fraudray.deployments.planning.models import KNOWN

TINY = KNOWN["fraudray-tiny"]
MACHINE = Machine(20e9, 60e9, 1_600_000)
FIGURES: dict[str, Any] = {
    "model": "fraudray-tiny", "investigations": 20, "without_verdict": 3,
    "throughput": {"at_once": 32, "agent_tokens_per_s": 1500.0, "bare_tokens_per_s": 1650.0},
    "prefix_cache": {"prompt_tokens": 40_000, "cached_tokens": 32_000, "cached_percent": 80.0},
    "usual_loop": {"completion_tokens": 300.0, "round_trips": 1.25},
    "kinds": {
        "simple_question_ms": {"p50": 256.0, "mean": 260.0, "p95": 300.0}, "fraud_decision_ms": None,
        "complex_analysis_ms": {"p50": 1100.0, "mean": 1200.0, "p95": 1500.0},
    },
}  # fmt: skip


def figures(**throughput: float) -> BenchFigures:
    return BenchFigures.model_validate(FIGURES | {"throughput": FIGURES["throughput"] | throughput})


def test_tokens_of_a_round_trip_are_worked_out() -> None:
    found = figures()

    assert (found.prompt_tokens, found.answer_tokens, found.cached) == (1600, 240, 0.8)


def test_the_short_answer_gives_the_engines_step_and_is_marked_as_put_in() -> None:
    found = check(figures(), TINY, MACHINE, 64)

    assert found.step_s == pytest.approx(0.256 / 65, rel=0.05)
    peaks, short, alone, many = found.beside
    assert [one.calibrated for one in found.beside] == [False, True, False, False]
    assert short.predicted == pytest.approx(short.measured, rel=0.02)
    assert alone.predicted > 1.25 * 240 * found.step_s
    assert peaks.predicted > many.predicted


def test_the_measured_rate_of_many_gives_back_what_a_request_takes_in_a_step() -> None:
    """An engine that behaves as the estimator says, but for 100 µs a request, is found to take 100 µs."""
    bare = check(figures(), TINY, MACHINE, 64).beside[3].predicted
    request_s = 32 * 240 / bare + 32 * 240 * 100e-6

    found = check(figures(bare_tokens_per_s=32 * 240 / request_s), TINY, MACHINE, 64)
    assert found.request_step_s == pytest.approx(100e-6, rel=1e-6)


def test_an_engine_as_fast_as_the_machine_needs_no_step_of_its_own() -> None:
    fast = FIGURES | {"kinds": FIGURES["kinds"] | {"simple_question_ms": {"p50": 0.001, "mean": 0.001}}}

    assert check(BenchFigures.model_validate(fast), TINY, MACHINE, 64).step_s == 0


def test_this_machine_is_measured() -> None:
    small, large = measure_machine(TINY.read_bytes("bf16")), measure_machine(8 * 2**20)

    assert small.working_set_bytes == pytest.approx(TINY.read_bytes("bf16"), rel=0.01)
    assert large.working_set_bytes == 8 * 2**20
    assert min(small.read_bytes_per_s, large.read_bytes_per_s, small.flops) > 1e6
    assert small.instance(0).gpu.memory_bytes_per_s == small.read_bytes_per_s


def test_a_model_larger_than_what_is_measured_with_is_checked_too() -> None:
    large = KNOWN["deepseek-r1-distill-qwen-32b"]

    assert large.weight_bytes("bf16") > 100 * 2**29
    assert all(one.predicted > 0 for one in check(figures(), large, MACHINE, 64).beside)


@pytest.mark.parametrize(("content", "said"), [
    ("{", "not JSON"), ("[]", "not what `fraudray bench llm --json` prints"), ("{}", "throughput: Field required"),
    (json.dumps(FIGURES | {"investigations": 0}), "investigations"),
])  # fmt: skip
def test_a_file_that_no_bench_wrote_is_told(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "bench.json").write_text(content)
    with pytest.raises(InputError, match=said):
        read_figures(tmp_path / "bench.json")
    with pytest.raises(InputError, match="cannot read"):
        read_figures(tmp_path / "none.json")
