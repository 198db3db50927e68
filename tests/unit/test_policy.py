"""Policies: what is refused at load and where, and how evidence adds up."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from fraudray.domain.decision import Outcome
from fraudray.domain.errors import PolicyError
from fraudray.policy.policy import Policy
from fraudray.policy.source import default_policy_text

HEAD = """\
name: test
version: "1"
families:
  place: {cap: 40}
  amount: {cap: 20}
actions: {APPROVE: [], REVIEW: [], BLOCK: []}
recommendations: {APPROVE: a, REVIEW: r, BLOCK: b}
rules:
"""
RULE = """\
  - id: {id}
    code: {code}
    family: {family}
    weight: {weight}
    when: {when}
    text: {text}
"""


def rule(**fields: Any) -> str:
    return RULE.format(**({"id": "r", "code": "R", "family": "amount", "weight": 10, "text": '"t"'} | fields))


def policy(*rules: str, head: str = HEAD, tail: str = "") -> Policy:
    return Policy.parse(head + "".join(rules) + tail, file="p.yaml")


@pytest.mark.parametrize(
    ("text", "line", "column", "says"),
    [
        (HEAD + rule(when="amount_base >"), 13, 24, "CEL"),
        (HEAD + rule(when="amuont_base > 1.0"), 13, 11, "amount_base"),
        (HEAD + rule(when='"spending && nonsense"'), 13, 24, "nonsense"),
        (HEAD + rule(when="amount_base"), 13, 11, "not true or false"),
        (HEAD + rule(when='amount_base + "x" == "y"'), 13, 11, "computed"),
        (HEAD + rule(when="spending", family="plaice"), 11, 13, "place"),
        (HEAD + rule(when="spending", weight=101), 12, 13, "less than or equal to 100"),
        (HEAD + rule(when="spending", text='"{amuont_base}"'), 14, 12, "amount_base"),
        (HEAD + rule(when="spending", text='"{amount_base.real}"'), 14, 12, "no fact"),
        (HEAD + rule(when="spending", text='"{merchant:.2f}"'), 14, 11, "filled in"),
        (HEAD + rule(when="lowerAscii(merchant) == 'x'"), 13, 11, "function"),
        (HEAD + rule(when="spending") + rule(when="spending"), 15, 9, "twice"),
        (HEAD + rule(when="spending") + "colour: red\n", 15, 9, "colour"),
        (HEAD + rule(when="spending") + "name: again\n", 15, 1, "twice"),
        (HEAD + rule(when="spending") + "escalate: scroe > 40\n", 15, 11, "score"),
        (HEAD + rule(when="spending") + "thresholds: {review: 80, block: 40}\n", 15, 13, "below"),
        ("- just\n- a list\n", 1, 1, "mapping"),
        ("name: [unclosed\n", 2, 1, "YAML"),
        ("name: x\n", 1, 1, "required"),
    ],
)
def test_a_bad_policy_is_refused_with_its_place(text: str, line: int, column: int, says: str) -> None:
    with pytest.raises(PolicyError) as caught:
        Policy.parse(text, file="p.yaml")
    assert says in str(caught.value)
    assert str(caught.value).startswith("p.yaml")
    assert (caught.value.line, caught.value.column) == (line, column)


def test_families_are_capped_and_points_go_to_the_heaviest() -> None:
    judged = policy(
        rule(id="a", code="A", weight=15, when="spending"), rule(id="b", code="B", weight=10, when="spending")
    ).judge({"spending": True})
    assert judged.score == 20
    assert [(r.code, r.points) for r in judged.reasons] == [("A", 15), ("B", 5)]


def test_a_rule_stays_silent_while_a_fact_is_missing() -> None:
    judged = policy(rule(when='"!travel_feasible"', family="place", weight=40)).judge({"spending": True})
    assert judged.score == 0
    assert judged.reasons == ()


def test_a_rule_applies_only_to_its_kind_of_message() -> None:
    spending = policy(rule(when="currency == 'USD'"))
    assert spending.judge({"spending": False, "currency": "USD"}).score == 0
    assert spending.judge({"spending": True, "currency": "USD"}).score == 10


def test_inferred_evidence_stops_at_the_ceiling_and_certainty_does_not() -> None:
    head = HEAD.replace("cap: 40", "cap: 100").replace("cap: 20", "cap: 100")
    two = [
        rule(id=i, code=i.upper(), family=f, weight=90, when="spending") for i, f in (("a", "amount"), ("b", "place"))
    ]
    judged = policy(*two, head=head).judge({"spending": True})
    assert (judged.score, [a.points for a in judged.adjustments]) == (95, [-85])
    certain = policy(rule(when="account_frozen") + "    certain: true\n").judge(
        {"spending": True, "account_frozen": True}
    )
    assert (certain.score, certain.risk, certain.outcome) == (100, 1.0, Outcome.BLOCK)
    assert certain.outcome_on_evidence is Outcome.APPROVE


def test_certainty_other_than_a_freeze_acts_as_any_block() -> None:
    listed = policy(rule(when="merchant == 'X'") + "    certain: true\n")
    judged = listed.judge({"spending": True, "merchant": "X"})
    assert (judged.score, judged.outcome_on_evidence) == (100, Outcome.BLOCK)


def test_a_floor_lifts_and_its_lift_is_its_points() -> None:
    floor = "floors:\n  - {id: f, code: F, score: 80, when: spending, text: t}\n"
    judged = policy(rule(when="spending"), tail=floor).judge({"spending": True})
    assert judged.score == 80
    assert [(r.code, r.points) for r in judged.reasons] == [("R", 10), ("F", 70)]


def test_a_rule_that_cannot_be_computed_fails_closed() -> None:
    judged = policy(rule(when="100 / attempts_1h > 50"), rule(id="s", code="S", when="spending")).judge(
        {"spending": True, "attempts_1h": 0}
    )
    assert judged.outcome is Outcome.REVIEW
    assert {reason.code for reason in judged.reasons} == {"S", "RULE_FAILED"}
    absent = policy(rule(when="100 / attempts_1h > 50")).judge({"spending": True})
    assert absent.outcome is Outcome.APPROVE


def test_lists_and_words_inside_texts_are_told_apart() -> None:
    lists = "lists: {risky: [US, CA]}\n"
    both = policy(rule(when="country_code in risky || merchant == 'risky'"), tail=lists)
    assert both.judge({"spending": True, "country_code": "CA", "merchant": "x"}).score == 10
    assert both.judge({"spending": True, "country_code": "DE", "merchant": "risky"}).score == 10
    assert both.judge({"spending": True, "country_code": "DE", "merchant": "x"}).score == 0


def test_hostile_values_in_a_sentence_are_only_text() -> None:
    judged = policy(rule(when="spending", text='"at {merchant}"')).judge(
        {"spending": True, "merchant": "{0.__class__}"}
    )
    assert judged.reasons[0].text == "at {0.__class__}"


def test_a_policy_travels_between_processes() -> None:
    original = Policy.load()
    copy = pickle.loads(pickle.dumps(original))  # noqa: S301 - our own bytes
    assert copy.ref == original.ref


def test_the_default_policy_names_no_sample() -> None:
    text = default_policy_text().lower()
    for word in ("moscow", "crypto-exchange", "best buy", "amazon", "c-12345", "dev-unknown", "185.220", "new york"):
        assert word not in text


@pytest.mark.parametrize(
    ("name", "category", "mcc", "expected"),
    [
        ("CRYPTO-EXCHANGE-XX", "Cryptocurrency", None, "cryptocurrency"), ("Bitcoin ATM", None, None, "cryptocurrency"),
        ("X", None, "6051", "cryptocurrency"), ("Lucky Casino", None, None, "gambling"),
        ("Y", None, "7995", "gambling"),
        ("Western Union", None, None, "money_transfer"), ("Acme", "Gift Cards", None, "gift_cards"),
        ("Best Buy", "Electronics", None, "resalable"), ("Amazon.com", "E-commerce", None, None),
        ("Descrypto", None, None, None), ("Cafe", "Restaurants", "5812", None),
    ],
)  # fmt: skip
def test_merchants_are_classified_by_mcc_and_words(
    name: str, category: str | None, mcc: str | None, expected: str | None
) -> None:
    found = Policy.load().document.parameters.classify_merchant(name, category, mcc)
    assert (found[0] if found else None) == expected
