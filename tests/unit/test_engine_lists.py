"""Lists at work in the engine: the very next decision, what follows from it, and what explains it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fraudray.bootstrap import App
from fraudray.domain.decision import Decision, Outcome
from fraudray.domain.errors import InvalidTransaction, Refused
from fraudray.domain.evidence import LISTS
from fraudray.domain.transaction import Transaction
from fraudray.policy.source import default_policy_text
from fraudray.service import LocalService
from fraudray.testing.clock import FixedClock

Make = Callable[..., dict[str, Any]]


@pytest.fixture
def service(app: App) -> LocalService:
    return LocalService(app)


def put(service: LocalService, level: str, kind: str, value: str, **fields: Any) -> str:
    entry = {"level": level, "kind": kind, "value": value, "reason": "test"} | fields
    return str(service.lists.add(entry, author="ana")["entry_id"])


def codes(decision: Decision) -> list[str]:
    return [reason.code for reason in decision.reasons]


def test_a_deny_blocks_the_very_next_decision_and_its_removal_frees_the_one_after(
    app: App, service: LocalService, plain: Make
) -> None:
    assert app.engine.decide(plain()).decision is Outcome.APPROVE
    entry = put(service, "deny", "merchant", "CORNER shop")
    blocked = app.engine.decide(plain())
    assert (blocked.decision, blocked.score, blocked.risk, codes(blocked)[0]) == (
        Outcome.BLOCK, 100, 1.0, "DENY_LISTED",
    )  # fmt: skip
    assert blocked.reasons[0].evidence == [f"lists/{entry}"]
    assert blocked.evidence[LISTS].items[entry]["effect"] == "blocks; nothing lifts it"
    service.lists.remove(entry, reason="mistake", author="ana")
    passed = app.engine.decide(plain())
    assert passed.decision is Outcome.APPROVE
    assert LISTS not in passed.evidence


def test_decisions_submitted_before_and_after_a_change_differ(app: App, service: LocalService, plain: Make) -> None:
    before = [app.engine.submit(plain()) for _ in range(20)]
    put(service, "deny", "customer", "C-12345")
    after = [app.engine.submit(plain()) for _ in range(5)]
    assert {answer.result().decision.decision for answer in before} == {Outcome.APPROVE}
    assert {answer.result().decision.decision for answer in after} == {Outcome.BLOCK}


@pytest.mark.parametrize("level", ["deny", "block"])
def test_a_listed_block_opens_no_case_freezes_nothing_and_alerts_nobody(
    app: App, service: LocalService, plain: Make, level: str
) -> None:
    put(service, level, "merchant", "Corner Shop")
    decision = app.engine.decide(plain())
    assert (decision.decision, decision.actions, decision.case_id) == (Outcome.BLOCK, [], None)
    assert app.engine.decide(plain(merchant="Other")).decision is Outcome.APPROVE


def test_evidence_that_blocks_by_itself_acts_beside_a_list(
    app: App, service: LocalService, samples: list[dict[str, Any]]
) -> None:
    put(service, "block", "customer", samples[1]["customer_id"])
    decision = app.engine.decide(samples[1])
    assert decision.score == 100
    assert [action.kind for action in decision.actions] == [
        "open_case", "freeze_account", "email_alert", "customer_sms", "report",
    ]  # fmt: skip


def test_the_policy_says_what_else_follows_a_listed_block(
    make_app: Callable[..., App], plain: Make, tmp_path: Any
) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(default_policy_text() + "actions_when_listed: [open_case, report]\n")
    app = make_app("other", policy_file=file)
    put(LocalService(app), "deny", "merchant", "Corner Shop")
    decision = app.engine.decide(plain())
    assert [action.kind for action in decision.actions] == ["open_case", "report"]
    assert decision.case_id
    assert decision.report_url
    assert app.store.ledger.customer("C-12345").freeze is None


def test_an_allow_lets_pass_and_freezes_nothing(
    app: App, service: LocalService, samples: list[dict[str, Any]], plain: Make
) -> None:
    put(service, "allow", "customer", samples[1]["customer_id"])
    decision = app.engine.decide(samples[1])
    assert (decision.decision, decision.score, decision.actions) == (Outcome.APPROVE, 39, [])
    assert sum(r.points for r in decision.reasons) + sum(a.points for a in decision.adjustments) == 39
    assert decision.risk > 0.9
    assert app.engine.decide(plain()).decision is Outcome.APPROVE


def test_an_allow_does_not_lift_a_freeze(
    app: App, service: LocalService, samples: list[dict[str, Any]], plain: Make
) -> None:
    app.engine.decide(samples[1])
    entry = put(service, "allow", "customer", samples[1]["customer_id"])
    frozen = app.engine.decide(plain(customer_id=samples[1]["customer_id"]))
    assert (frozen.decision, frozen.score) == (Outcome.BLOCK, 100)
    assert frozen.evidence[LISTS].items[entry]["effect"] == "lifts nothing: a certain fact stands"


def test_an_entry_expires_by_the_decisions_clock(
    app: App, service: LocalService, clock: FixedClock, plain: Make
) -> None:
    put(service, "block", "device", "dev-abc123", expires="1h")
    assert app.engine.decide(plain()).decision is Outcome.BLOCK
    clock.advance(hours=1)
    assert app.engine.decide(plain()).decision is Outcome.APPROVE


def test_lists_never_hold_a_reversal_up(app: App, service: LocalService, plain: Make) -> None:
    bought = plain()
    app.engine.decide(bought)
    put(service, "deny", "customer", "C-12345")
    later = {"original_transaction_id": bought["transaction_id"]}
    assert app.engine.decide(plain(transaction_type="reversal", **later)).decision is Outcome.APPROVE
    assert app.engine.decide(plain(transaction_type="refund", **later)).decision is Outcome.BLOCK


def test_a_muted_rule_is_silent_for_its_customer_until_its_date(
    app: App, service: LocalService, clock: FixedClock, plain: Make
) -> None:
    for customer in ("C-12345", "C-67890"):
        app.engine.decide(plain(customer_id=customer, location="Seattle, WA"))
    kept = service.lists.mute("impossible-travel", "C-12345", until="2026-03-02", reason="crew", author="ana")
    assert kept["expires_at"] == "2026-03-03T00:00:00.000Z"
    clock.advance(minutes=30)
    away = {"location": "Miami, FL", "device_id": None}
    explained = service.explain(plain(**away))
    states = {rule["id"]: rule["state"] for rule in explained["rules"]}
    assert states["impossible-travel"] == "muted until 2026-03-03 00:00 UTC"
    assert explained["order"][4]["acted"] is True
    muted, other = (app.engine.submit(plain(customer_id=c, **away)).result().decision for c in ("C-12345", "C-67890"))
    assert "IMPOSSIBLE_TRAVEL" not in codes(muted)
    assert "IMPOSSIBLE_TRAVEL" in codes(other)
    said = muted.evidence[LISTS].items[kept["entry_id"]]
    assert (said["rule"], said["effect"]) == (
        "impossible-travel", "muted until 2026-03-03 00:00 UTC, and would have held",
    )  # fmt: skip


def test_what_cannot_be_muted(service: LocalService) -> None:
    with pytest.raises(Refused, match="lift the freeze"):
        service.lists.mute("account-frozen", "C-1", until="1d", reason="x", author="ana")
    with pytest.raises(InvalidTransaction, match="impossible-travel"):
        service.lists.mute("imposible-travel", "C-1", until="1d", reason="x", author="ana")


def test_explain_and_match_say_what_would_act_and_store_nothing(app: App, service: LocalService, plain: Make) -> None:
    deny, allow = put(service, "deny", "terminal", "T-9"), put(service, "allow", "customer", "C-12345")
    row = plain(terminal_id="T-9")
    found = service.lists.match(row)
    assert [(match["entry_id"], match["effect"]) for match in found["matches"]] == [
        (deny, "blocks; nothing lifts it"), (allow, "lifts nothing: it is denied"),
    ]  # fmt: skip
    explained = service.explain(row)
    assert [step["name"] for step in explained["order"] if step["acted"]] == ["deny"]
    assert sum(step["points"] for step in explained["order"]) == explained["score"] == 100
    assert app.store.ledger.find(row["transaction_id"]) is None


def test_a_tools_own_score_knows_no_lists(app: App, service: LocalService, plain: Make) -> None:
    put(service, "deny", "customer", "C-12345")
    tx = Transaction.parse(plain(), now=app.clock.now())
    assert app.engine.preview(tx, only="identity-verifier").judgement.outcome is Outcome.APPROVE
    assert app.engine.preview(tx).judgement.outcome is Outcome.BLOCK


def test_erasing_a_customer_leaves_entries_as_they_are(app: App, service: LocalService, plain: Make) -> None:
    entry = put(service, "deny", "customer", "C-12345")
    app.engine.decide(plain())
    service.erase("C-12345", reason="asked", author="ana")
    assert service.lists.show(entry)["state"] == "active"


def test_an_email_is_part_of_the_content_only_when_it_is_there(app: App, service: LocalService, plain: Make) -> None:
    row = plain()
    without, given = (Transaction.parse(r, now=app.clock.now()) for r in (row, row | {"email": "Ana@EVIL.example"}))
    assert b"email" not in without.stored_json
    assert without.content_hash != given.content_hash
    put(service, "block", "email_domain", "evil.example")
    assert app.engine.decide(given).decision is Outcome.BLOCK
    with pytest.raises(InvalidTransaction, match="email"):
        app.engine.decide(plain(email="nobody"))
