"""The last quarter of an hour, as it is counted and forgotten."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from fraudray.bootstrap import App
from fraudray.deployments.live import LATELY_S, STEP_S, STEPS, LiveWindow
from fraudray.domain.decision import Decision, Latency, Outcome

Make = Callable[..., dict[str, Any]]


class Seconds:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.at = 1_800_000_000.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def live(seconds: Seconds) -> LiveWindow:
    return LiveWindow(seconds)


@pytest.fixture
def decision(app: App, plain: Make) -> Decision:
    return app.engine.decide(plain())


def took(decision: Decision, total_ms: float, outcome: Outcome = Outcome.APPROVE) -> Decision:
    latency = Latency(total=total_ms, state=0.1, tools=0.2, policy=0.3)
    return decision.model_copy(update={"latency_ms": latency, "decision": outcome})


def test_decisions_are_counted_by_outcome_in_the_step_in_which_they_were_made(
    live: LiveWindow, seconds: Seconds, decision: Decision
) -> None:
    live.decided(took(decision, 1))
    live.decided(took(decision, 1, Outcome.BLOCK))
    seconds.at += STEP_S
    live.decided(took(decision, 1, Outcome.REVIEW))
    live.refused()
    found = live.document()
    assert len(found["series"]) == STEPS
    assert [step["at"] for step in found["series"]] == sorted(step["at"] for step in found["series"])
    before, now = found["series"][-2:]
    assert (before["APPROVE"], before["REVIEW"], before["BLOCK"], before["refused"]) == (1, 0, 1, 0)
    assert (now["APPROVE"], now["REVIEW"], now["BLOCK"], now["refused"]) == (0, 1, 0, 1)
    assert found["per_second"] == {"10s": 0.3, "60s": 0.05, "300s": 0.01}


def test_what_is_older_than_the_window_is_forgotten_and_gaps_are_empty_steps(
    live: LiveWindow, seconds: Seconds, decision: Decision
) -> None:
    live.decided(took(decision, 1))
    seconds.at += STEP_S * STEPS
    found = live.document()
    assert sum(step["APPROVE"] for step in found["series"]) == 0
    assert found["latency_ms"]["total"] is None
    seconds.at += 7 * 24 * 3600
    live.decided(took(decision, 1))
    assert sum(step["APPROVE"] for step in live.document()["series"]) == 1


def test_quantiles_are_right_to_within_a_tenth(live: LiveWindow, decision: Decision) -> None:
    draw = random.Random(3)
    drawn = sorted(draw.lognormvariate(1, 1.2) for _ in range(2000))
    for value in drawn:
        live.decided(took(decision, value))
    found = live.document()["latency_ms"]
    for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
        assert found["total"][name] == pytest.approx(drawn[int(share * len(drawn)) - 1], rel=0.1)
    assert found["total"]["count"] == 2000
    assert found["policy"]["p99"] == pytest.approx(0.3, rel=0.1)
    assert found["investigator"] is None


def test_tools_that_fail_are_counted_for_five_minutes(live: LiveWindow, seconds: Seconds, decision: Decision) -> None:
    tool, found = next(iter(decision.evidence.items()))
    failed = {**decision.evidence, tool: found.model_copy(update={"status": "unavailable"})}
    live.decided(decision)
    live.decided(decision.model_copy(update={"evidence": failed}))
    assert live.document()["tools"][tool] == {"answers": 1, "failures": 1}
    seconds.at += LATELY_S + STEP_S
    assert live.document()["tools"] == {}
