"""What comes of the measurements: figures beside their baselines and aims."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fraudray.deployments.bench.usual_loop import LoopRun
from fraudray.domain.investigation import Finding, Usage

OVERHEAD_AIM_MS, THROUGHPUT_AIM_PERCENT, CACHE_AIM_PERCENT, FASTER_AIM = 15.0, 10.0, 80.0, 3.0
Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Run:
    """One investigation; seconds since its beginning."""

    finding: Finding
    verdict_s: float | None
    verdict_engine_s: float
    """Of these, waited for the engine."""
    total_s: float
    total_engine_s: float


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of many requests at once: tokens a second, and this process's CPU time for each."""

    tokens_per_s: float
    cpu_us_per_token: float


def figures(
    runs: Sequence[Run], loops: Sequence[LoopRun], questions_s: Sequence[float],
    windows: Mapping[str, Sequence[Window]], at_once: int,
) -> Document:  # fmt: skip
    """All of them; `windows` are of `agent` and `bare`, with `at_once` requests under way."""
    return {
        "investigations": len(runs),
        "without_verdict": sum(run.finding.verdict is None for run in runs),
        "overhead": _overhead(runs),
        "throughput": _throughput(windows, at_once),
        "prefix_cache": _cache(runs, loops),
        "usual_loop": _beside_loop(runs, loops),
        "kinds": _kinds(runs, questions_s),
    }


def _throughput(windows: Mapping[str, Sequence[Window]], at_once: int) -> Document:
    rates = {kind: _mean(window.tokens_per_s for window in windows[kind]) for kind in windows}
    cpu = {kind: _mean(window.cpu_us_per_token for window in windows[kind]) for kind in windows}
    agent, bare = rates["agent"], rates["bare"]
    return {
        "at_once": at_once,
        "agent_tokens_per_s": round(agent, 1),
        "bare_tokens_per_s": round(bare, 1),
        "overhead_percent": round(100 * (1 - agent / bare), 1) if bare else None,
        "aim_percent": THROUGHPUT_AIM_PERCENT,
        "cpu_us_per_token": {kind: round(value, 1) for kind, value in cpu.items()},
    }


def _overhead(runs: Sequence[Run]) -> Document:
    """Of the agent beyond the engine's own time and the tools'."""
    reached = [(run, run.verdict_s) for run in runs if run.verdict_s is not None]
    verdict = [(took - run.verdict_engine_s) * 1000 - run.finding.timing.tools_ms for run, took in reached]
    answer = [(run.total_s - run.total_engine_s) * 1000 - run.finding.timing.tools_ms for run in runs]
    return {
        "verdict_ms": _spread(verdict),
        "whole_answer_ms": _spread(answer),
        "engine_verdict_ms": _spread([run.verdict_engine_s * 1000 for run, _ in reached]),
        "tools_ms": _spread([run.finding.timing.tools_ms for run in runs]),
        "aim_ms": OVERHEAD_AIM_MS,
    }


def _cache(runs: Sequence[Run], loops: Sequence[LoopRun]) -> Document:
    ours = _sum([run.finding.usage for run in runs])
    return {
        "cached_percent": _percent(ours.cached_tokens, ours.prompt_tokens),
        "prompt_tokens": ours.prompt_tokens,
        "cached_tokens": ours.cached_tokens,
        "aim_percent": CACHE_AIM_PERCENT,
        "usual_loop_percent": _percent(*_cached(loops)),
    }


def _beside_loop(runs: Sequence[Run], loops: Sequence[LoopRun]) -> Document:
    decision = [run.verdict_s * 1000 for run in runs if run.verdict_s is not None]
    usual = [loop.decision_s * 1000 for loop in loops]
    return {
        "decision_ms": _spread(decision),
        "usual_decision_ms": _spread(usual),
        "times_faster": round(_mean(usual) / _mean(decision), 2) if decision else None,
        "aim_times": FASTER_AIM,
        "round_trips": round(_mean(run.finding.usage.round_trips for run in runs), 2),
        "usual_round_trips": round(_mean(loop.usage.round_trips for loop in loops), 2),
        "completion_tokens": round(_mean(run.finding.usage.completion_tokens for run in runs), 1),
        "usual_completion_tokens": round(_mean(loop.usage.completion_tokens for loop in loops), 1),
    }


def _kinds(runs: Sequence[Run], questions: Sequence[float]) -> Document:
    return {
        "simple_question_ms": _spread([took * 1000 for took in questions]),
        "fraud_decision_ms": _spread([run.verdict_s * 1000 for run in runs if run.verdict_s is not None]),
        "complex_analysis_ms": _spread([run.total_s * 1000 for run in runs]),
    }


def _sum(usages: Sequence[Usage]) -> Usage:
    total = Usage()
    for usage in usages:
        total += usage
    return total


def _cached(loops: Sequence[LoopRun]) -> tuple[int, int]:
    total = _sum([loop.usage for loop in loops])
    return total.cached_tokens, total.prompt_tokens


def _percent(part: int, whole: int) -> float | None:
    return round(100 * part / whole, 1) if whole else None


def _mean(values: Iterable[float]) -> float:
    listed = list(values)
    return statistics.fmean(listed) if listed else 0.0


def _spread(values: Sequence[float]) -> dict[str, float] | None:
    """Median, mean and 95th percentile; None of nothing."""
    if not values:
        return None
    ordered = sorted(values)
    p95 = ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
    return {
        "p50": round(statistics.median(ordered), 2), "mean": round(statistics.fmean(ordered), 2), "p95": round(p95, 2)
    }  # fmt: skip
