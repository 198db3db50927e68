"""A step-up: asked for on a REVIEW, carried out by the caller, lifting or confirming it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from fraudray.bootstrap import App
from fraudray.domain.decision import Decision, Outcome
from fraudray.domain.errors import ConflictingTransaction, InvalidTransaction, NotFound, Refused
from fraudray.service import LocalService
from fraudray.testing.clock import FixedClock

Make = Callable[..., dict[str, Any]]


@pytest.fixture
def review(app: App, samples: list[dict[str, Any]]) -> Decision:
    decision = app.engine.decide(samples[2])
    assert decision.decision is Outcome.REVIEW
    return decision


def answer(app: App, decision: Decision, result: str, **more: Any) -> dict[str, Any]:
    return LocalService(app).step_up(decision.transaction_id, result=result, author="ana", **more)


def points(decision: dict[str, Any]) -> int:
    return sum(part["points"] for part in (*decision["reasons"], *decision["adjustments"]))


def test_a_review_asks_for_the_step_up_that_the_policy_names(app: App, review: Decision, plain: Make) -> None:
    assert review.step_up is not None
    assert review.step_up.status == "requested"
    online = app.engine.decide(plain(customer_id="C-9", card_present=False, amount=1500, mcc="7995"))
    assert online.decision is Outcome.REVIEW
    assert online.step_up is not None
    assert online.step_up.method == "3ds"
    assert online.step_up.until == app.clock.now() + timedelta(minutes=15)


def test_an_approval_and_a_block_ask_for_none(app: App, samples: list[dict[str, Any]]) -> None:
    assert [app.engine.decide(sample).step_up for sample in samples[:2]] == [None, None]


def test_passing_lifts_the_review_and_closes_its_case(
    app: App, review: Decision, samples: list[dict[str, Any]]
) -> None:
    revised = answer(app, review, "passed", reference="call-17")
    assert (revised["decision"], revised["revision"], revised["score"]) == ("APPROVE", 2, 39)
    assert revised["step_up"]["reference"] == "call-17"
    assert points(revised) == 39
    assert revised["risk"] == review.risk
    assert app.engine.decide(samples[2]).revision == 2  # a repeated POST answers with the current revision
    assert review.case_id is not None
    case = app.store.cases.case(review.case_id)
    assert case.status == "closed"
    assert [entry.kind for entry in case.entries] == ["step_up", "closed"]
    assert [decision.revision for decision in case.decisions] == [2]
    assert app.store.verify_audit().whole


def test_failing_confirms_it_and_acts_as_a_block_does(app: App, review: Decision, plain: Make) -> None:
    revised = answer(app, review, "failed")
    assert (revised["decision"], revised["score"]) == ("BLOCK", 75)
    assert points(revised) == 75
    assert revised["case_id"] == review.case_id
    kinds = [action["kind"] for action in revised["actions"]]
    assert kinds.count("open_case") == 1
    assert {"freeze_account", "email_alert", "report"} <= set(kinds)
    assert app.engine.decide(plain(customer_id=review.customer_id)).reasons[0].code == "ACCOUNT_FROZEN"
    app.worker.drain()
    assert LocalService(app).report(str(review.case_id))["summary"]["decision"] == "BLOCK"
    assert app.store.verify_audit().whole


def test_what_a_failed_payment_taught_is_forgotten(app: App, plain: Make) -> None:
    state = app.store.ledger.customer("C-9").state
    row = plain(customer_id="C-9", amount=1500, mcc="7995", device_id="dev-thief", card_present=False,
                location="Lagos, Nigeria", ip_address="198.51.100.7")  # fmt: skip
    decision = app.engine.decide(row)
    assert decision.decision is Outcome.REVIEW
    assert "dev-thief" in state.devices
    answer(app, decision, "failed")
    state = app.store.ledger.customer("C-9").state
    assert (state.devices, state.addresses, state.sightings, state.habit_base_minor) == ({}, {}, {}, [])
    assert [attempt.declined for attempt in state.attempts] == [True]


def test_abandoning_leaves_the_review_open_for_a_later_answer(app: App, review: Decision) -> None:
    revised = answer(app, review, "abandoned")
    assert (revised["decision"], revised["score"], revised["revision"]) == ("REVIEW", review.score, 2)
    assert answer(app, review, "passed")["revision"] == 3


def test_the_same_answer_again_changes_nothing_and_another_is_refused(app: App, review: Decision) -> None:
    first, again = answer(app, review, "passed"), answer(app, review, "passed")
    assert again | {"latency_ms": None} == first | {"latency_ms": None}
    with pytest.raises(Refused, match="answered passed before"):
        answer(app, review, "failed")


def test_a_late_pass_lifts_nothing_but_a_late_failure_confirms(app: App, clock: FixedClock, review: Decision) -> None:
    clock.advance(days=2)
    with pytest.raises(Refused, match="ended"):
        answer(app, review, "passed")
    assert answer(app, review, "failed")["decision"] == "BLOCK"


@pytest.mark.parametrize("level", ["deny", "block"])
def test_a_pass_lifts_no_list_entry_made_since(app: App, review: Decision, level: str) -> None:
    service = LocalService(app)
    entry = {"level": level, "kind": "customer", "value": review.customer_id, "reason": "mule"}
    listed = service.lists.add(entry, author="ana")["entry_id"]
    with pytest.raises(Refused, match="by list \\(customer\\)"):
        answer(app, review, "passed")
    assert service.decision(review.transaction_id)["revision"] == 1
    service.lists.remove(listed, reason="cleared", author="ana")
    assert answer(app, review, "passed")["decision"] == "APPROVE"


def test_a_pass_lifts_a_block_where_an_allow_does(app: App, review: Decision) -> None:
    lists = LocalService(app).lists
    for level in ("block", "allow"):
        lists.add({"level": level, "kind": "customer", "value": review.customer_id, "reason": "x"}, author="ana")
    assert answer(app, review, "passed")["decision"] == "APPROVE"


def test_a_pass_lifts_no_freeze_made_since(app: App, plain: Make) -> None:
    row = {"customer_id": "C-9", "card_present": False, "amount": 1500, "mcc": "7995"}
    first, second = app.engine.decide(plain(**row)), app.engine.decide(plain(**row))
    answer(app, first, "failed")
    with pytest.raises(Refused, match="frozen until"):
        answer(app, second, "passed")
    assert answer(app, second, "failed")["decision"] == "BLOCK"


def test_what_was_not_asked_for_is_refused(app: App, samples: list[dict[str, Any]]) -> None:
    approved = app.engine.decide(samples[0])
    with pytest.raises(Refused, match="no step-up was asked for"):
        answer(app, approved, "passed")
    with pytest.raises(NotFound):
        LocalService(app).step_up("T-never", result="passed", author="ana")


@pytest.mark.parametrize(
    ("result", "reference", "field"),
    [("maybe", None, "result"), ("passed", "x" * 201, "reference"), ("passed", "a\x00b", "reference")],
)
def test_bad_answers_name_their_field(
    app: App, review: Decision, result: str, reference: str | None, field: str
) -> None:
    with pytest.raises(InvalidTransaction) as caught:
        answer(app, review, result, reference=reference)
    assert [problem.field for problem in caught.value.problems] == [field]
    assert app.store.cases.decision(review.transaction_id).revision == 1


def test_a_revision_survives_a_restart_and_keeps_the_idempotency_of_its_transaction(
    make_app: Callable[..., App], samples: list[dict[str, Any]]
) -> None:
    app = make_app()
    sample = samples[2] | {"biometric_sample": "sample"}
    decision = app.engine.decide(sample)
    answer(app, decision, "passed")
    app.close()
    again = make_app()
    assert again.engine.decide(sample).revision == 2
    with pytest.raises(ConflictingTransaction):
        again.engine.decide(sample | {"amount": 1})
