"""Properties of every decision: bounds, monotony, no card number, the same answer twice."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fraudray.domain.cards import is_card_number, mask
from fraudray.domain.errors import InvalidTransaction
from fraudray.domain.facts import CATALOGUE
from fraudray.domain.transaction import Transaction
from fraudray.policy.policy import Policy
from fraudray.testing.clock import FixedClock

POLICY = Policy.load()
NOW = FixedClock().now()
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "double": st.floats(0, 1e9, allow_nan=False),
    "int": st.integers(0, 10_000),
    "bool": st.booleans(),
    "string": st.text(max_size=20) | st.sampled_from(["RU", "KP", "air", "resalable", "cryptocurrency", "USD"]),
}
FACTS = st.fixed_dictionaries({}, optional={name: VALUES[fact.kind] for name, fact in CATALOGUE.items()})


@given(FACTS)
@settings(max_examples=300, deadline=None)
def test_score_and_risk_are_within_their_bounds_and_reasons_add_up(facts: dict[str, Any]) -> None:
    judged = POLICY.judge(facts)
    assert 0 <= judged.score <= 100
    assert 0.0 <= judged.risk <= 1.0
    assert sum(r.points for r in judged.reasons) + sum(a.points for a in judged.adjustments) == judged.score


WORSE = [
    ("travel_feasible", True, False), ("place_known", True, False), ("device_of_another", False, True),
    ("profile_known", True, False), ("address_anonymising", False, True), ("address_hosting", False, True),
    ("previous_contradicted", False, True), ("ip_country_differs", False, True), ("biometric_matched", True, False),
    ("card_present", True, False), ("currency_rated", True, False), ("account_frozen", False, True),
    ("identity_available", True, False), ("place_available", True, False), ("transaction_risk_available", True, False),
    ("exceeds_original", False, True), ("original_known", True, False), ("country_high_risk", False, True),
]  # fmt: skip


@given(FACTS, st.sampled_from(WORSE))
@settings(max_examples=400, deadline=None)
def test_more_evidence_of_risk_never_lowers_the_score(facts: dict[str, Any], worse: tuple[str, bool, bool]) -> None:
    name, good, bad = worse
    facts = {"frozen_until": "then", "device_known": False} | facts
    if name == "profile_known":
        facts.pop("device_of_another", None)  # who is unknown has no device of one's own to compare
        facts.pop("device_known", None)
    assert POLICY.judge(facts | {name: bad}).score >= POLICY.judge(facts | {name: good}).score


@given(FACTS, st.floats(0, 1e6), st.floats(0, 1e6))
@settings(max_examples=200, deadline=None)
def test_a_larger_amount_never_lowers_the_score(facts: dict[str, Any], one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert POLICY.judge(facts | {"amount_base": high}).score >= POLICY.judge(facts | {"amount_base": low}).score


def _complete(prefix: str, length: int, filler: list[int]) -> str:
    body = (prefix + "".join(map(str, filler)))[: length - 1]
    return next(body + str(check) for check in range(10) if is_card_number(body + str(check)))


CARDS = st.builds(
    lambda kind, filler: _complete(*kind, filler),
    st.sampled_from(
        [("4", 16), ("4", 13), ("51", 16), ("2221", 16), ("34", 15), ("6011", 16), ("36", 14), ("3528", 16)]
    ),
    st.lists(st.integers(0, 9), min_size=20, max_size=20),
)
SEPARATORS = st.sampled_from(["", " ", "-", ".", "\u00a0", "\u2011", "/", " - "])


@given(CARDS, st.text(max_size=30), st.text(max_size=30), SEPARATORS, st.integers(1, 8))
@settings(max_examples=500, deadline=None)
def test_no_card_number_leaks_from_text(card: str, before: str, after: str, separator: str, group: int) -> None:
    written = separator.join(card[i : i + group] for i in range(0, len(card), group))
    masked = mask(before + written + after)
    assert card not in masked
    if separator:
        assert written not in masked


@given(CARDS, st.sampled_from(["merchant", "memo", "location", "merchant_category", "previous_location"]))
@settings(max_examples=200, deadline=None)
def test_no_card_number_leaks_from_a_transaction(card: str, field: str) -> None:
    data = {"transaction_id": "t", "customer_id": "c", "amount": 1, "merchant": "m"} | {field: f"x {card} y"}
    assert card not in Transaction.parse(data, now=NOW).model_dump_json()


@given(CARDS, st.sampled_from(["transaction_id", "customer_id", "device_id", "instrument_id", "terminal_id"]))
@settings(max_examples=100, deadline=None)
def test_a_card_number_as_an_id_is_refused_without_repeating_it(card: str, field: str) -> None:
    data = {"transaction_id": "t", "customer_id": "c", "amount": 1, "merchant": "m"} | {field: card}
    with pytest.raises(InvalidTransaction) as caught:
        Transaction.parse(data, now=NOW)
    assert card not in str(caught.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(sorted(Transaction.model_fields)) | st.text(max_size=12), JSON, max_size=8))
@settings(max_examples=400, deadline=None)
def test_whatever_is_sent_is_either_accepted_or_refused_by_name(data: dict[str, Any]) -> None:
    try:
        tx = Transaction.parse(data, now=NOW)
    except InvalidTransaction as error:
        if not error.problems:
            pytest.fail("refused without a reason")
        return
    again = Transaction.parse(json.loads(tx.model_dump_json(exclude_none=True)), now=NOW)
    assert again.content_hash == tx.content_hash
