"""The circuit breaker opens for a model that is down, probes it one at a time, and says the cause once."""

from __future__ import annotations

import logging

import pytest

from fraudray.agent.breaker import Breaker
from fraudray.domain.investigation import FallbackReason
from fraudray.ports.llm import ModelFailed

CUT = ModelFailed(FallbackReason.CUT, "the connection broke")
DOWN = ModelFailed(FallbackReason.REFUSED_CONNECTION, "no connection")


class Seconds:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def breaker(seconds: Seconds) -> Breaker:
    return Breaker(now=seconds, jitter=lambda: 0.0, pause_s=1.0, pause_s_max=8.0)


def test_a_closed_breaker_refuses_nothing(breaker: Breaker) -> None:
    assert breaker.refusal() is None
    assert not breaker.probe_due()


def test_three_failures_in_a_row_open_it_and_a_success_between_them_does_not(breaker: Breaker) -> None:
    breaker.failed(CUT)
    breaker.failed(CUT)
    breaker.succeeded()
    breaker.failed(CUT)
    breaker.failed(CUT)
    assert breaker.state == "closed"
    breaker.failed(CUT)
    assert breaker.state == "open"


def test_an_engine_that_is_down_opens_it_at_once_and_the_refusal_names_the_first_cause(breaker: Breaker) -> None:
    breaker.failed(DOWN)
    breaker.failed(CUT)
    refusal = breaker.refusal()
    assert refusal is not None
    assert refusal.reason is FallbackReason.BREAKER_OPEN
    assert "no connection" in refusal.detail


@pytest.mark.parametrize("reason", [FallbackReason.INVALID_JSON, FallbackReason.LATE, FallbackReason.UNKNOWN_EVIDENCE])
def test_a_poor_answer_never_opens_it(breaker: Breaker, reason: FallbackReason) -> None:
    for _ in range(10):
        breaker.failed(ModelFailed(reason, ""))
    assert breaker.state == "closed"


def test_one_probe_is_due_after_the_pause_and_no_second_beside_it(breaker: Breaker, seconds: Seconds) -> None:
    breaker.failed(DOWN)
    assert not breaker.probe_due()
    seconds.now = 1.0
    assert breaker.probe_due()
    assert not breaker.probe_due()
    assert breaker.state == "half-open"
    assert breaker.refusal() is not None


def test_the_pause_grows_with_each_probe_that_fails_and_is_bounded(breaker: Breaker, seconds: Seconds) -> None:
    breaker.failed(DOWN)
    for pause_s in (1.0, 2.0, 4.0, 8.0, 8.0):
        seconds.now += pause_s - 0.001
        assert not breaker.probe_due()
        seconds.now += 0.001
        assert breaker.probe_due()
        breaker.failed(DOWN)


def test_a_probe_that_answers_closes_it_and_forgets_the_pauses(breaker: Breaker, seconds: Seconds) -> None:
    breaker.failed(DOWN)
    seconds.now = 1.0
    assert breaker.probe_due()
    breaker.succeeded()
    assert breaker.refusal() is None
    breaker.failed(DOWN)
    seconds.now = 2.0
    assert breaker.probe_due()


def test_a_server_that_says_when_to_come_again_is_left_alone_until_then(breaker: Breaker, seconds: Seconds) -> None:
    breaker.failed(ModelFailed(FallbackReason.RATE_LIMITED, "HTTP 429", 30.0))
    seconds.now = 29.9
    assert not breaker.probe_due()
    seconds.now = 30.0
    assert breaker.probe_due()


def test_the_first_cause_is_logged_once_and_its_end_once(
    breaker: Breaker, seconds: Seconds, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "fraudray"):
        for _ in range(5):
            breaker.failed(DOWN)
            seconds.now += 100
            breaker.probe_due()
        breaker.succeeded()
        breaker.succeeded()
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]
