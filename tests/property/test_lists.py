"""Properties of lists: what levels may and may not do, and that networks hold what `ipaddress` says they hold."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fraudray.domain.decision import Outcome
from fraudray.domain.errors import InvalidTransaction
from fraudray.domain.list_values import Kind, normalise
from fraudray.domain.listing import NOTHING_LISTED, ListMatches, Lists, Mark
from fraudray.domain.lists import Level, NewEntry
from fraudray.domain.transaction import Transaction
from fraudray.policy.order import order_of

from .test_decisions import FACTS, JSON, POLICY

NOW = datetime(2026, 3, 2, 15, 30, tzinfo=UTC)
RULES = [line.source.id for line in POLICY.lines]


def _marks(level: Level) -> st.SearchStrategy[tuple[Mark, ...]]:
    return st.sampled_from([(), (Mark(f"lst_{level}", level, Kind.CUSTOMER),)])


MUTES = st.lists(st.sampled_from(RULES), unique=True, max_size=6).map(
    lambda rules: tuple(Mark(f"lst_{rule}", Level.MUTE, Kind.CUSTOMER, rule, 2_000_000_000_000_000) for rule in rules)
)
MATCHES = st.builds(ListMatches, _marks(Level.DENY), _marks(Level.ALLOW), _marks(Level.BLOCK), MUTES)
DENY, ALLOW = (Mark(f"lst_{level}", level, Kind.DEVICE) for level in (Level.DENY, Level.ALLOW))
FROZEN = {"account_frozen": True, "frozen_until": "then", "spending": True}


@given(FACTS, MATCHES)
@settings(max_examples=400, deadline=None)
def test_points_always_add_up_to_the_score_and_so_do_the_steps(facts: dict[str, Any], lists: ListMatches) -> None:
    judged = POLICY.judge(facts, lists=lists)
    assert 0 <= judged.score <= 100
    assert sum(r.points for r in judged.reasons) + sum(a.points for a in judged.adjustments) == judged.score
    assert sum(step["points"] for step in order_of(judged, lists, POLICY.explain(facts))) == judged.score


@given(FACTS, MATCHES)
@settings(max_examples=200, deadline=None)
def test_a_deny_never_lowers_anything(facts: dict[str, Any], lists: ListMatches) -> None:
    before = POLICY.judge(facts, lists=lists)
    after = POLICY.judge(facts, lists=ListMatches((DENY, *lists.deny), lists.allow, lists.block, lists.mutes))
    assert after.outcome.severity >= before.outcome.severity
    assert (after.score, after.risk) >= (before.score, before.risk)
    assert after.outcome_on_evidence.severity <= before.outcome.severity


@given(FACTS, MATCHES, st.booleans())
@settings(max_examples=200, deadline=None)
def test_an_allow_never_changes_what_is_denied_or_frozen(facts: dict[str, Any], lists: ListMatches, deny: bool) -> None:
    if deny:
        lists = ListMatches((DENY,), lists.allow, lists.block, lists.mutes)
    else:
        facts = facts | FROZEN
    before = POLICY.judge(facts, lists=lists)
    after = POLICY.judge(facts, lists=ListMatches(lists.deny, (ALLOW, *lists.allow), lists.block, lists.mutes))
    assert (after.outcome, after.score, after.risk) == (before.outcome, before.score, before.risk)
    assert after.outcome is Outcome.BLOCK


@given(FACTS, MUTES)
@settings(max_examples=200, deadline=None)
def test_a_mute_never_raises_the_score_and_never_touches_a_freeze(facts: dict[str, Any], mutes: Any) -> None:
    assert POLICY.judge(facts, lists=ListMatches(mutes=mutes)).score <= POLICY.judge(facts).score
    assert POLICY.judge(facts | FROZEN, lists=ListMatches(mutes=mutes)).score == 100


V4 = st.tuples(st.integers(0, 2**32 - 1), st.integers(1, 32)).map(lambda p: ipaddress.IPv4Network(p, strict=False))
V6 = st.tuples(st.integers(2**96, 2**128 - 1), st.integers(33, 128)).map(
    lambda p: ipaddress.IPv6Network(p, strict=False)
)
NETWORKS = st.lists(V4 | V6, min_size=1, max_size=12)


@given(NETWORKS, st.data())
@settings(max_examples=300, deadline=None)
def test_a_network_holds_exactly_the_addresses_that_ipaddress_says(networks: list[Any], data: st.DataObject) -> None:
    placed = [
        (normalise(Kind.ADDRESS, str(net)), Mark(str(index), Level.DENY, Kind.ADDRESS))
        for index, net in enumerate(networks)
    ]
    near = data.draw(st.sampled_from(networks))
    inside = near.network_address + data.draw(st.integers(0, near.num_addresses - 1))
    anywhere = type(near.network_address)(data.draw(st.integers(0, 2**near.max_prefixlen - 1)))
    for address in (inside, anywhere):
        tx = Transaction.parse(
            {"transaction_id": "T", "customer_id": "C", "amount": 1, "merchant": "M", "ip_address": str(address)},
            now=NOW,
        )
        seen = getattr(address, "ipv4_mapped", None) or address
        expected = {str(i) for i, net in enumerate(networks) if net.version == seen.version and seen in net}
        assert {mark.entry_id for mark in Lists(placed).look_up(tx, None, NOW)} == expected
    for value, mark in placed:
        assert {m.entry_id for m in Lists(placed).changed(removed=[(value, mark)]).look_up(tx, None, NOW)} == (
            expected - {mark.entry_id}
        )


ENTRIES = st.lists(
    st.tuples(st.sampled_from(["C-1", "C-2"]), st.sampled_from(list(Level)), st.integers(0, 5)), unique=True, max_size=8
)


@given(ENTRIES, ENTRIES)
@settings(max_examples=200, deadline=None)
def test_taking_off_what_was_put_on_restores(first: Any, more: Any) -> None:
    def placed(rows: Any) -> list[tuple[str, Mark]]:
        return [(value, Mark(f"{value}{level}{n}", level, Kind.CUSTOMER, "r", 2**60)) for value, level, n in rows]

    tx = Transaction.parse({"transaction_id": "T", "customer_id": "C-1", "amount": 1, "merchant": "M"}, now=NOW)
    start = Lists(placed(first))
    news = [pair for pair in placed(more) if pair not in placed(first)]
    end = start.changed(added=news).changed(removed=news)
    assert set(end.look_up(tx, None, NOW)) == set(start.look_up(tx, None, NOW))
    assert len(end) == len(start)
    assert Lists().look_up(tx, None, NOW) is NOTHING_LISTED


@given(st.dictionaries(st.sampled_from([*NewEntry.model_fields]) | st.text(max_size=8), JSON, max_size=7))
@settings(max_examples=300, deadline=None)
def test_whatever_is_sent_as_an_entry_is_kept_or_refused_by_name(data: dict[str, Any]) -> None:
    data = {"level": "block", "kind": "merchant", "value": "x", "reason": "y"} | data
    try:
        entry = NewEntry.parse(data, now=NOW)
    except InvalidTransaction as error:
        if not error.problems:
            pytest.fail("refused without a reason")
        return
    assert entry.kind is not None
    assert normalise(entry.kind, entry.value) == entry.value


@given(st.sampled_from(list(Kind)), st.text(max_size=60))
@settings(max_examples=500, deadline=None)
def test_a_value_of_any_kind_is_refused_or_has_one_form(kind: Kind, value: str) -> None:
    try:
        entry = NewEntry.parse({"level": "deny", "kind": kind.value, "value": value, "reason": "y"}, now=NOW)
    except InvalidTransaction as error:
        if {problem.field for problem in error.problems} != {"value"}:
            pytest.fail(f"names {error}")
        return
    assert normalise(kind, entry.value) == entry.value
