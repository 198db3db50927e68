"""Requests under way, waiting and verdicts of one replica."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraudray.deployments.planning.queueing import erlang_c

from .shapes import PIPELINE, SHORT, replica

ONE = replica()
shares = st.floats(0.001, 0.999)


@pytest.mark.parametrize(("servers", "offered", "waits"), [
    (1, 0.5, 0.5), (2, 1.0, 1 / 3), (5, 4.0, 0.5541), (10, 8.0, 0.4092), (3, 3.0, 1.0), (64, 200.0, 1.0),
])  # fmt: skip
def test_erlang_c_gives_the_share_of_the_tables(servers: int, offered: float, waits: float) -> None:
    assert erlang_c(servers, offered) == pytest.approx(waits, abs=5e-5)


@given(shares)
def test_littles_law_holds_for_what_is_under_way(share: float) -> None:
    rate = share * ONE.capacity_per_s
    running = ONE.running(rate)
    service_s = (ONE.prompt_s + ONE.load.written_tokens * ONE.token_s(max(1.0, running))) * ONE.stretch(rate)

    assert running == pytest.approx(rate * service_s, rel=1e-6)
    assert 0 < running < ONE.slots


@given(shares, shares)
def test_a_verdict_never_comes_sooner_with_more_to_do(one: float, other: float) -> None:
    less, more = sorted((one * ONE.capacity_per_s, other * ONE.capacity_per_s))
    sooner, later = ONE.verdict_s(less, slow=True), ONE.verdict_s(more, slow=True)

    assert sooner is not None
    assert later is not None
    assert sooner <= later * (1 + 1e-9)
    median = ONE.verdict_s(less)
    assert median is not None
    assert ONE.alone_s <= median * (1 + 1e-9) <= sooner * (1 + 2e-9)


def test_beyond_the_capacity_there_is_no_verdict_and_all_slots_are_taken() -> None:
    assert ONE.verdict_s(1.001 * ONE.capacity_per_s) is None
    assert ONE.running(2 * ONE.capacity_per_s) == ONE.slots
    assert ONE.verdict_s(0.999 * ONE.capacity_per_s) is not None


def test_the_rate_within_a_budget_is_the_last_that_keeps_it() -> None:
    budget_s = 1.3 * ONE.alone_s
    rate = ONE.rate_within(budget_s)

    assert 0 < rate < ONE.capacity_per_s
    kept, broken = ONE.verdict_s(0.999 * rate, slow=True), ONE.verdict_s(1.001 * rate, slow=True)
    assert kept is not None
    assert broken is not None
    assert kept <= budget_s < broken


def test_a_budget_shorter_than_one_answer_alone_is_kept_at_no_rate() -> None:
    assert ONE.rate_within(0.99 * ONE.alone_s) == 0


def test_the_tokens_that_fit_a_budget_are_the_most_that_do() -> None:
    fitting = ONE.answer_tokens_within(1.7)
    token_s = ONE.token_s(1)

    assert ONE.prompt_s + fitting * token_s <= 1.7 < ONE.prompt_s + (fitting + 1) * token_s
    assert ONE.answer_tokens_within(ONE.prompt_s / 2) == 0


def test_slots_are_bounded_by_the_keys_that_fit() -> None:
    long = replace(SHORT, prompt_tokens=100_000)

    assert replica(load=long).slots == replica(load=long).memory.kv_tokens // long.context_tokens < 64


def test_a_pipeline_bears_about_what_two_replicas_do() -> None:
    assert replica(PIPELINE).capacity_per_s == pytest.approx(2 * ONE.capacity_per_s, rel=0.1)
    assert replica(PIPELINE).capacity_per_s < 2 * ONE.capacity_per_s


def test_waiting_follows_erlangs_exponential_tail() -> None:
    rate = 0.97 * ONE.capacity_per_s
    running = ONE.running(rate)
    waits = erlang_c(ONE.slots, running)
    assert waits > 0.05

    waited_s = ONE.wait_s(rate, 0.95)
    each_s = running / rate
    assert waits * math.exp(-waited_s * (ONE.slots - running) / each_s) == pytest.approx(0.05)
