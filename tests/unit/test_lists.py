"""What levels do to a judgement: every pair of them, on evidence of every kind; and what a look-up finds."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import product
from typing import Any

import pytest

from fraudray.domain.customer import CustomerProfile
from fraudray.domain.decision import Outcome
from fraudray.domain.list_values import Kind, normalise
from fraudray.domain.listing import ListMatches, Lists, Mark
from fraudray.domain.lists import Level
from fraudray.domain.transaction import Transaction
from fraudray.policy.order import NAMES, order_of
from fraudray.policy.policy import Judgement, Policy

from .test_policy import HEAD, policy, rule

POLICY = Policy.load()
NOW = datetime(2026, 3, 2, 15, 30, tzinfo=UTC)
QUIET: dict[str, Any] = {"spending": True}
REVIEWED = QUIET | {"device_of_another": True, "amount_base": 1500.0, "address_anonymising": True,
                    "address_kind": "tor"}  # fmt: skip
BLOCKED = REVIEWED | {"merchant_class": "cryptocurrency", "merchant": "x", "biometric_matched": False}
FLOORED = QUIET | {"identity_available": False, "stated_amount_base": 900.0}
FROZEN = BLOCKED | {"account_frozen": True, "frozen_until": "then"}
EVIDENCE = {"quiet": QUIET, "reviewed": REVIEWED, "blocked": BLOCKED, "floored": FLOORED, "frozen": FROZEN}
LEVELS = ("deny", "allow", "block")


def matches(*levels: str, mutes: tuple[str, ...] = ()) -> ListMatches:
    marks = {level: (Mark(f"lst_{level}", Level(level), Kind.CUSTOMER),) for level in levels}
    muting = tuple(Mark(f"lst_{rule}", Level.MUTE, Kind.CUSTOMER, rule, 2_000_000_000_000_000) for rule in mutes)
    return ListMatches(**marks, mutes=muting)


def total(judged: Judgement) -> int:
    return sum(r.points for r in judged.reasons) + sum(a.points for a in judged.adjustments)


@pytest.mark.parametrize(("name", "one", "other"), list(product(EVIDENCE, LEVELS, LEVELS)))
def test_every_pair_of_levels_on_every_evidence(name: str, one: str, other: str) -> None:
    levels = {one, other}
    plain = POLICY.judge(EVIDENCE[name])
    judged = POLICY.judge(EVIDENCE[name], lists=matches(*levels))
    if "deny" in levels or (name != "frozen" and levels == {"block"}):
        assert (judged.outcome, judged.score, judged.risk) == (Outcome.BLOCK, 100, 1.0)
    elif name == "frozen":
        assert (judged.outcome, judged.score) == (Outcome.BLOCK, 100)
    else:  # an allow, with or without a block that it lifts
        assert (judged.outcome, judged.score) == (Outcome.APPROVE, min(plain.score, 39))
        assert judged.risk == plain.risk
    assert total(judged) == judged.score
    assert {reason.code for reason in plain.reasons} <= {reason.code for reason in judged.reasons}
    cited = {evidence for reason in judged.reasons for evidence in reason.evidence if evidence.startswith("lists/")}
    assert cited == {f"lists/lst_{level}" for level in levels}
    steps = order_of(judged, matches(*levels), POLICY.explain(EVIDENCE[name]))
    assert [step["name"] for step in steps] == list(NAMES)
    assert sum(step["points"] for step in steps) == judged.score
    acted = {step["name"] for step in steps if step["acted"]}
    assert ("deny" in acted) == ("deny" in levels)
    assert ("allow" in acted) == ("allow" in levels and "deny" not in levels and name != "frozen")


@pytest.mark.parametrize("levels", [("deny",), ("block",), ("deny", "block")])
def test_what_follows_a_listed_block_follows_from_the_evidence(levels: tuple[str, ...]) -> None:
    for facts, outcome in ((QUIET, Outcome.APPROVE), (REVIEWED, Outcome.REVIEW), (BLOCKED, Outcome.BLOCK)):
        judged = POLICY.judge(facts, lists=matches(*levels))
        assert (judged.outcome_on_evidence, judged.by_list) == (outcome, True)


def test_an_allow_that_is_overruled_still_keeps_inferred_evidence_from_freezing_the_account() -> None:
    for facts, levels in ((BLOCKED, ("deny", "allow")), (FROZEN, ("allow",))):
        judged = POLICY.judge(facts, lists=matches(*levels))
        assert (judged.outcome, judged.outcome_on_evidence) == (Outcome.BLOCK, Outcome.APPROVE)


def test_an_allow_below_the_threshold_takes_nothing_off_and_is_cited() -> None:
    judged = POLICY.judge(QUIET | {"card_present": False}, lists=matches("allow"))
    assert (judged.score, judged.adjustments) == (5, ())
    assert judged.reasons[0].code == "ALLOW_LISTED"


BROKEN = rule(when="1 / attempts_10m > 0")


def test_an_allow_does_not_let_a_broken_rule_pass_but_a_mute_of_it_does() -> None:
    broken = policy(BROKEN, rule(id="heavy", code="H", weight=20, when="spending"), head=HEAD)
    facts = {"spending": True, "attempts_10m": 0}
    assert broken.judge(facts).reasons[-1].code == "RULE_FAILED"
    judged = broken.judge(facts, lists=matches("allow"))
    assert (judged.outcome, judged.score, total(judged)) == (Outcome.REVIEW, 40, 40)
    assert broken.judge(facts, lists=matches(mutes=("r",))).outcome is Outcome.APPROVE


def test_a_muted_rule_is_out_and_a_certain_one_is_not() -> None:
    judged = POLICY.judge(REVIEWED, lists=matches(mutes=("device-of-another", "night-hour")))
    assert judged.score == POLICY.judge(REVIEWED).score - 25
    assert judged.muted == ("device-of-another",)
    assert POLICY.judge(FROZEN, lists=matches(mutes=("account-frozen",))).score == 100
    floored = POLICY.judge(FLOORED, lists=matches(mutes=("identity-unavailable",)))
    assert floored.outcome is Outcome.APPROVE


def test_a_tools_own_score_knows_no_lists() -> None:
    alone = POLICY.judge(BLOCKED, tool="identity-verifier")
    assert POLICY.judge(BLOCKED, tool="identity-verifier", lists=matches("deny", mutes=("biometric-failed",))) == alone


def transaction(**fields: Any) -> Transaction:
    tx = {"transaction_id": "T", "customer_id": "C-1", "amount": 1, "merchant": "Café del Mar"} | fields
    return Transaction.parse(tx, now=NOW)


def lists(kind: str, *values: str, expires_us: int | None = None) -> Lists:
    of = Kind(kind)
    marks = (Mark(value, Level.DENY, of, expires_us=expires_us) for value in values)
    return Lists(zip((normalise(of, value) for value in values), marks, strict=True))


@pytest.mark.parametrize(
    ("kind", "value", "fields"),
    [
        ("customer", "C-1", {}),
        ("instrument", "card", {"instrument_id": "card"}),
        ("device", "d1", {"device_id": "d1", "device_fingerprint": "d1"}),
        ("device", "f1", {"device_id": "d1", "device_fingerprint": "f1"}),
        ("terminal", "t1", {"terminal_id": "t1"}),
        ("merchant", "CAFE DEL-MAR", {}),
        ("merchant", "mcc:5944", {"mcc": "5944"}),
        ("address", "10.0.0.0/8", {"ip_address": "10.1.2.3"}),
        ("address", "10.1.2.3", {"ip_address": "::ffff:10.1.2.3"}),
        ("address", "2001:db8::/33", {"ip_address": "2001:db8::1"}),
        ("email_domain", "evil.example", {"email": "x@evil.example"}),
        ("email_domain", "evil.example", {"email": "x@MAIL.evil.example"}),
        ("email_domain", "bücher.example", {"email": "x@xn--bcher-kva.example"}),
    ],
)
def test_a_transaction_is_found_by_what_it_carries(kind: str, value: str, fields: dict[str, Any]) -> None:
    found = lists(kind, value).look_up(transaction(**fields), None, NOW)
    assert [mark.entry_id for mark in found] == [value]


@pytest.mark.parametrize(
    ("kind", "value", "fields"),
    [
        ("customer", "c-1", {}),
        ("customer", "card", {"instrument_id": "card"}),
        ("merchant", "Café", {}),
        ("merchant", "mcc:5945", {"mcc": "5944"}),
        ("address", "10.0.0.0/9", {"ip_address": "10.128.0.1"}),
        ("address", "10.0.0.0/8", {"ip_address": "a00::1"}),
        ("email_domain", "evil.example", {"email": "x@notevil.example"}),
        ("email_domain", "mail.evil.example", {"email": "x@evil.example"}),
    ],
)
def test_and_by_nothing_else(kind: str, value: str, fields: dict[str, Any]) -> None:
    assert not lists(kind, value).look_up(transaction(**fields), None, NOW).any


def test_the_registered_address_of_a_customer_counts_too() -> None:
    profile = CustomerProfile.model_validate({"customer_id": "C-1", "email": "ana@evil.example"})
    assert lists("email_domain", "evil.example").look_up(transaction(), profile, NOW).deny


def test_an_entry_ends_at_the_decisions_own_moment() -> None:
    at_us = int(NOW.timestamp()) * 1_000_000
    assert not lists("customer", "C-1", expires_us=at_us).look_up(transaction(), None, NOW).any
    assert lists("customer", "C-1", expires_us=at_us + 1).look_up(transaction(), None, NOW).any


@pytest.mark.parametrize(("kind", "acts"), [("refund", True), ("capture", True), ("reversal", False)])
def test_lists_act_on_spending_and_refunds_and_never_hold_a_reversal_up(kind: str, acts: bool) -> None:
    tx = transaction(transaction_type=kind, original_transaction_id="O")
    mute = Mark("m", Level.MUTE, Kind.CUSTOMER, "refund-of-unknown", 2_000_000_000_000_000)
    found = lists("customer", "C-1").changed(added=[("C-1", mute)]).look_up(tx, None, NOW)
    assert (bool(found.deny), bool(found.mutes)) == (acts, True)


def test_a_snapshot_never_changes_and_a_change_twice_is_one() -> None:
    before = lists("customer", "C-1")
    mark = Mark("b", Level.BLOCK, Kind.ADDRESS)
    after = before.changed(added=[("10.0.0.0/8", mark)]).changed(added=[("10.0.0.0/8", mark)])
    assert (len(before), len(after)) == (1, 2)
    again = after.changed(removed=[("10.0.0.0/8", mark)]).changed(removed=[("10.0.0.0/8", mark)])
    assert len(again) == 1
    assert again.look_up(transaction(ip_address="10.0.0.1"), None, NOW).deny
