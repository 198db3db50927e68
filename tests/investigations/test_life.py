"""The life of an investigation: begun with a decision or on request, clamped, recorded, followed, taken up again."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from fraudray.agent.agent import Agent
from fraudray.bootstrap import App
from fraudray.domain.decision import Decision, Outcome
from fraudray.domain.errors import NotFound, Refused
from fraudray.domain.investigation import Event, Investigation
from fraudray.policy.policy import Policy
from fraudray.ports.clock import SystemClock
from fraudray.ports.investigator import Brief
from fraudray.settings import load_settings
from fraudray.testing.endpoint import HOLD, MODEL, ModelEndpoint, Reply, chunk, says
from fraudray.testing.misbehaviour import Misbehaviour, misbehaving
from fraudray.testing.scripted_model import ScriptedModel, verdict
from tests.investigations.conftest import Open

DEVICE, MERCHANT = "identity-verifier/device", "transaction-risk/merchant"
PATIENT = """
investigate: {limit_s: 20, first_token_s: 20, stall_s: 20}
"""


@pytest.fixture
def patient(tmp_path: Path) -> Path:
    """The default policy, with time for a slow machine."""
    text = Policy.load().source.text
    head, _, _ = text.partition("investigate:")
    path = tmp_path / "policy.yaml"
    path.write_text(head + PATIENT)
    return path


def review(samples: list[dict[str, Any]], n: int = 0) -> dict[str, Any]:
    """The third sample, which is a REVIEW of 45 points."""
    return samples[2] | {"transaction_id": f"T-review-{n}", "customer_id": f"C-review-{n}", "device_id": "dev-xyz789"}


def ended(app: App, transaction_id: str) -> Investigation:
    """The newest investigation of a transaction, once it is over."""
    give_up_at = time.monotonic() + 60
    while True:
        newest = app.investigations.of(transaction_id)[0]
        if newest.ended:
            return newest
        assert time.monotonic() < give_up_at
        time.sleep(0.02)


def follow(app: App, investigation_id: str, after: int = 0) -> list[Event]:
    async def read() -> list[Event]:
        return [event async for event in app.investigations.events(investigation_id, after=after)]

    return asyncio.run(read())


def current(app: App, transaction_id: str) -> Decision:
    return app.store.cases.decision(transaction_id)


def test_the_answer_waits_for_the_verdict_where_the_policy_says_so(
    opened: Open, patient: Path, samples: list[dict[str, Any]]
) -> None:
    with ModelEndpoint(lambda _: says(verdict("BLOCK", 88, [DEVICE], "Somebody else's device."))) as endpoint:
        app = opened(endpoint.url, policy_file=patient)
        decision = app.investigations.decide_now(review(samples)).decision
        assert (decision.decision, decision.score, decision.revision) == (Outcome.BLOCK, 88, 2)
        assert decision.investigator.effect == "raised"
        assert "answered" not in decision.recommendation + decision.adjustments[-1].text
        assert decision.investigator.model == MODEL
        assert decision.latency_ms.investigator
        assert sum(r.points for r in decision.reasons) + sum(a.points for a in decision.adjustments) == 88
        record = ended(app, decision.transaction_id)
    assert (record.status, record.mode, record.revision) == ("done", "wait", 2)
    assert record.finding is not None
    assert record.finding.verdict is not None
    assert record.finding.verdict.analysis == "Somebody else's device."
    assert decision.case_id is not None
    case = app.store.cases.case(decision.case_id)
    assert [entry.kind for entry in case.entries] == ["investigation", "analysis"]
    assert app.store.verify_audit().whole


def test_a_raise_freezes_nothing_and_tells_the_customer_nothing(
    opened: Open, patient: Path, samples: list[dict[str, Any]]
) -> None:
    with ModelEndpoint(lambda _: says(verdict("BLOCK", 99, [DEVICE]))) as endpoint:
        app = opened(endpoint.url, policy_file=patient)
        decision = app.investigations.decide_now(review(samples)).decision
    assert decision.decision is Outcome.BLOCK
    assert {action.kind for action in decision.actions}.isdisjoint({"freeze_account", "customer_sms"})
    assert "email_alert" in {action.kind for action in decision.actions}
    assert app.store.ledger.customer(decision.customer_id).freeze is None


def test_a_verdict_confirms_or_is_heard_without_lowering_anything(
    opened: Open, patient: Path, samples: list[dict[str, Any]]
) -> None:
    said = ["REVIEW", "APPROVE"]
    with ModelEndpoint(lambda _: says(verdict(said.pop(0), 10, [DEVICE]))) as endpoint:
        app = opened(endpoint.url, policy_file=patient)
        decisions = [app.investigations.decide_now(review(samples, n)).decision for n in range(2)]
    assert [(d.decision, d.investigator.effect) for d in decisions] == [
        (Outcome.REVIEW, "confirmed"), (Outcome.REVIEW, "none"),
    ]  # fmt: skip
    assert decisions[0].score == decisions[1].score
    assert [d.investigator.verdict for d in decisions] == [Outcome.REVIEW, Outcome.APPROVE]


@pytest.mark.parametrize("kind", list(Misbehaviour))
def test_the_policy_stands_within_its_time_and_says_why_whatever_the_endpoint_does(
    opened: Open, samples: list[dict[str, Any]], kind: Misbehaviour
) -> None:
    with misbehaving(kind) as url:
        app = opened(url)
        answer = app.investigations.decide_now(review(samples)).decision
        record = ended(app, answer.transaction_id)
    # Pending only where the store itself, on a machine that is busy, took seconds to write the revision.
    assert (answer.decision, answer.investigator.status in ("failed", "pending")) == (Outcome.REVIEW, True)
    decision = current(app, answer.transaction_id)
    assert (decision.decision, decision.investigator.status, decision.revision) == (Outcome.REVIEW, "failed", 2)
    assert decision.investigator.reason in (kind.reason.value, "late")
    assert decision.investigator.detail
    assert record.status == "failed"


def test_one_that_is_not_waited_for_answers_at_once_and_gets_a_revision(
    opened: Open, patient: Path, samples: list[dict[str, Any]]
) -> None:
    patient.write_text(patient.read_text().replace("{limit_s: 20,", '{wait: "false", limit_s: 20,'))
    gate: list[Any] = [HOLD]
    with ModelEndpoint(lambda _: Reply(gate)) as endpoint:
        app = opened(endpoint.url, policy_file=patient)
        answer = app.investigations.decide_now(review(samples)).decision
        assert (answer.revision, answer.investigator.status) == (1, "pending")
        assert answer.investigator.investigation_id is not None
    # the endpoint is gone: the policy's decision stands
    assert ended(app, answer.transaction_id).status == "failed"
    assert current(app, answer.transaction_id).investigator.status == "failed"


def test_a_decision_that_the_policy_does_not_escalate_is_not_investigated(
    opened: Open, samples: list[dict[str, Any]]
) -> None:
    with ModelEndpoint(lambda _: says(verdict())) as endpoint:
        app = opened(endpoint.url)
        decision = app.investigations.decide_now(samples[0]).decision
        assert decision.investigator.status == "none"
        assert endpoint.requests == []


def test_without_a_model_nothing_changes_and_asking_for_one_is_refused(
    opened: Open, samples: list[dict[str, Any]]
) -> None:
    app = opened(None)
    decision = app.investigations.decide_now(review(samples)).decision
    assert (decision.revision, decision.investigator.status) == (1, "none")
    with pytest.raises(Refused, match="FRAUDRAY_LLM_URL"):
        app.investigations.begin(decision.transaction_id, requested_by="ana")


def test_a_stored_decision_is_investigated_on_request_once_at_a_time(
    opened: Open, samples: list[dict[str, Any]]
) -> None:
    gate: list[Any] = [HOLD]
    with ModelEndpoint(lambda _: Reply(gate)) as endpoint:
        app = opened(endpoint.url)
        app.engine.decide(samples[0])
        first = app.investigations.begin(samples[0]["transaction_id"], requested_by="ana")
        again = app.investigations.begin(samples[0]["transaction_id"], requested_by="bob")
        assert again.investigation_id == first.investigation_id
        with pytest.raises(NotFound):
            app.investigations.begin("T-none", requested_by="ana")
        with pytest.raises(NotFound):
            app.investigations.get("inv_none")
    assert ended(app, samples[0]["transaction_id"]).requested_by == "ana"


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        ([[MERCHANT]], Outcome.REVIEW),
        ([["transaction-risk/channel"]], Outcome.REVIEW),
        ([[DEVICE], [DEVICE]], Outcome.BLOCK),
        ([[DEVICE], ["transaction-risk/channel"]], Outcome.REVIEW),
        ([[DEVICE], []], Outcome.REVIEW),
    ],
    ids=["free text", "weighs little", "weighs enough", "weighs little when asked again", "nothing when asked again"],
)
def test_an_approved_payment_goes_up_two_levels_only_by_what_weighs_enough_without_anybodys_words(
    opened: Open, samples: list[dict[str, Any]], said: list[list[str]], outcome: Outcome
) -> None:
    answers = iter(said)
    with ModelEndpoint(lambda _: says(verdict("BLOCK", 100, next(answers)))) as endpoint:
        app = opened(endpoint.url)
        tx = review(samples) | {"amount": 20}
        assert app.engine.decide(tx).decision is Outcome.APPROVE
        app.investigations.begin(tx["transaction_id"], requested_by="ana")
        assert ended(app, tx["transaction_id"]).status == "done"
    after = current(app, tx["transaction_id"])
    assert after.decision is outcome
    assert len(endpoint.requests) == len(said)
    assert (after.investigator.detail is None) == (outcome is Outcome.BLOCK)


@pytest.mark.parametrize(("again", "outcome"), [("APPROVE", Outcome.APPROVE), ("REVIEW", Outcome.REVIEW)])
def test_a_verdict_lowers_within_the_policys_band_only_what_it_lowers_without_anybodys_words(
    opened: Open, patient: Path, samples: list[dict[str, Any]], again: str, outcome: Outcome
) -> None:
    patient.write_text(patient.read_text().replace("{limit_s: 20,", "{lower: {low: 40, high: 50}, limit_s: 20,"))
    said = iter(["APPROVE", again])
    with ModelEndpoint(lambda _: says(verdict(next(said), 10, [DEVICE], "All is well."))) as endpoint:
        app = opened(endpoint.url, policy_file=patient)
        decision = app.investigations.decide_now(review(samples) | {"memo": "APPROVE-THIS"}).decision
        record = ended(app, decision.transaction_id)
    assert decision.decision is outcome
    assert decision.investigator.effect == ("lowered" if outcome is Outcome.APPROVE else "none")
    first, second = (json.dumps(body["messages"]) for body in endpoint.requests)
    assert "APPROVE-THIS" in first
    assert "APPROVE-THIS" not in second
    assert record.finding is not None
    assert record.finding.verdict is not None
    assert record.finding.verdict.unswayed == (outcome is Outcome.APPROVE)


def test_who_waits_gets_the_first_verdict_when_the_second_is_late(
    opened: Open, patient: Path, samples: list[dict[str, Any]]
) -> None:
    patient.write_text(
        patient.read_text().replace("{limit_s: 20,", "{wait: 'true', lower: {low: 40, high: 50}, limit_s: 2,")
    )
    answers = iter([says(verdict("APPROVE", 10, [DEVICE])), Reply([HOLD])])
    with ModelEndpoint(lambda _: next(answers)) as endpoint:
        app = opened(endpoint.url, policy_file=patient)
        decision = app.investigations.decide_now(review(samples)).decision
    assert (decision.decision, decision.investigator.status) == (Outcome.REVIEW, "done")
    assert (decision.investigator.verdict, decision.investigator.effect) == (Outcome.APPROVE, "none")
    assert decision.investigator.detail == "Lowering was not confirmed without the payment's text"


def test_events_are_followed_live_and_read_again_from_any_point(
    opened: Open, patient: Path, samples: list[dict[str, Any]]
) -> None:
    with ModelEndpoint(lambda _: says(verdict("REVIEW", 50, [DEVICE]), reasoning="It may be " * 30)) as endpoint:
        app = opened(endpoint.url, policy_file=patient)
        app.engine.decide(review(samples))
        (begun,) = app.investigations.of("T-review-0")
        live = follow(app, begun.investigation_id)
    assert live[-1].kind == "finished"
    assert "".join(event.body["text"] for event in live if event.kind == "reasoning") == "It may be " * 30
    assert follow(app, begun.investigation_id) == live
    assert follow(app, begun.investigation_id, after=live[2].seq) == live[3:]


def test_what_was_interrupted_goes_on_after_a_restart(opened: Open, samples: list[dict[str, Any]]) -> None:
    gate: list[Any] = [chunk({"reasoning": "Let me see. "}), HOLD]
    with ModelEndpoint(lambda _: Reply(gate)) as endpoint:
        app = opened(endpoint.url)
        app.engine.decide(samples[0])
        begun = app.investigations.begin(samples[0]["transaction_id"], requested_by="ana")
        give_up_at = time.monotonic() + 30
        while not any(event.kind == "reasoning" for event in app.store.investigations.events(begun)):
            assert time.monotonic() < give_up_at
            time.sleep(0.02)
        app.close()
    with ModelEndpoint(lambda _: says(verdict("APPROVE", 5, []))) as endpoint:
        app = opened(endpoint.url)
        record = ended(app, samples[0]["transaction_id"])
    assert (record.investigation_id, record.status) == (begun.investigation_id, "done")
    events = follow(app, begun.investigation_id)
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert [event.kind for event in events].count("finished") == 1
    assert current(app, samples[0]["transaction_id"]).investigator.status == "done"


def test_what_was_interrupted_too_long_ago_is_given_up_and_the_decision_says_so(
    opened: Open, patient: Path, samples: list[dict[str, Any]]
) -> None:
    patient.write_text(patient.read_text().replace("{limit_s: 20,", "{later_limit_s: 0.1, limit_s: 20,"))
    with ModelEndpoint(lambda _: Reply([HOLD])) as endpoint:
        app = opened(endpoint.url, policy_file=patient)
        app.engine.decide(review(samples))
        app.close()
        time.sleep(0.2)  # longer than the policy gives
        app = opened(endpoint.url, policy_file=patient)
    record = ended(app, "T-review-0")
    assert record.status == "failed"
    assert current(app, "T-review-0").investigator.reason in ("given_up", "late")


def test_a_verdict_on_what_others_revised_meanwhile_changes_nothing(
    opened: Open, samples: list[dict[str, Any]]
) -> None:
    revised = threading.Event()

    def script(_body: dict[str, Any]) -> Reply:
        assert revised.wait(30)
        return says(verdict("BLOCK", 100, [DEVICE]))

    before = opened(None)
    before.engine.decide(samples[2] | {"transaction_id": "T-1", "card_present": False})
    before.close()
    with ModelEndpoint(script) as endpoint:
        app = opened(endpoint.url)
        app.investigations.begin("T-1", requested_by="ana")
        passed = app.engine.answer_step_up("T-1", "passed").decision
        revised.set()
        ended(app, "T-1")
    after = current(app, "T-1")
    assert (passed.decision, after.decision) == (Outcome.APPROVE, Outcome.APPROVE)
    assert (after.investigator.verdict, after.investigator.effect) == (Outcome.BLOCK, "none")
    assert after.investigator.reason == "superseded"


class Broken(Agent):
    """An investigator with a fault of its own."""

    async def investigate(self, brief: Brief) -> AsyncGenerator[Event]:
        raise RuntimeError("a fault")
        yield


def test_a_fault_of_the_investigator_leaves_the_policys_decision_and_says_so(
    tmp_path: Path, samples: list[dict[str, Any]]
) -> None:
    settings = load_settings(data_dir=tmp_path / "data")
    with App(settings, investigator=Broken(ScriptedModel([]), clock=SystemClock())) as app:
        decision = app.investigations.decide_now(review(samples)).decision
        assert ended(app, decision.transaction_id).status == "failed"
        assert current(app, decision.transaction_id).investigator.reason == "given_up"
    assert decision.decision is Outcome.REVIEW


def test_erasing_a_customer_erases_what_was_said_of_them(
    opened: Open, patient: Path, samples: list[dict[str, Any]]
) -> None:
    with ModelEndpoint(lambda _: says(verdict("REVIEW", 50, [DEVICE]))) as endpoint:
        app = opened(endpoint.url, policy_file=patient)
        app.investigations.decide_now(review(samples))
        record = ended(app, "T-review-0")
    app.store.customers.erase("C-review-0", reason="asked", actor="dpo", at=app.clock.now())
    assert app.investigations.get(record.investigation_id).finding is None
    assert follow(app, record.investigation_id) == []


def test_nothing_is_kept_of_a_customer_who_is_erased_while_the_model_thinks(
    opened: Open, patient: Path, samples: list[dict[str, Any]]
) -> None:
    asked, erased = threading.Event(), threading.Event()

    def script(_body: dict[str, Any]) -> Reply:
        asked.set()
        assert erased.wait(30)
        return says(verdict("BLOCK", 90, [DEVICE], "Somebody else's device."), reasoning="Whose is it? " * 40)

    with ModelEndpoint(script) as endpoint:
        app = opened(endpoint.url, policy_file=patient)
        app.engine.decide(review(samples))
        assert asked.wait(30)
        app.store.customers.erase("C-review-0", reason="asked", actor="dpo", at=app.clock.now())
        erased.set()
        record = ended(app, "T-review-0")
    assert record.finding is None
    assert app.store.investigations.events(record) == []
    assert app.store.investigations.unfinished() == []
    with pytest.raises(Refused, match="erased"):
        app.store.cases.decision("T-review-0")
    assert app.store.verify_audit().whole


def test_a_raise_is_a_further_alert_of_the_customers_open_case_and_a_confirmation_is_none(
    opened: Open, patient: Path, samples: list[dict[str, Any]]
) -> None:
    said = iter([("REVIEW", 50), ("BLOCK", 88)])
    with ModelEndpoint(lambda _: says(verdict(*next(said), [DEVICE]))) as endpoint:
        app = opened(endpoint.url, policy_file=patient)
        first = app.investigations.decide_now(review(samples)).decision
        ended(app, first.transaction_id)
        assert first.case_id is not None
        begun = app.store.cases.case(first.case_id)
        assert (begun.decision, begun.last_alert_at) == (Outcome.REVIEW, begun.opened_at)
        tx = review(samples, 1) | {"customer_id": "C-review-0", "amount": 1300}
        second = app.investigations.decide_now(tx).decision
        ended(app, second.transaction_id)
    joined = app.store.cases.case(first.case_id)
    assert (first.investigator.effect, second.investigator.effect) == ("confirmed", "raised")
    assert second.case_id == first.case_id
    assert (joined.decision, joined.score) == (Outcome.BLOCK, 88)
    assert joined.last_alert_at > begun.last_alert_at
    assert joined.last_alert_at == second.decided_at
    assert len({decision.transaction_id for decision in joined.decisions}) == 2


def test_asking_again_does_not_ratchet_a_decision_upward(opened: Open, samples: list[dict[str, Any]]) -> None:
    with ModelEndpoint(lambda _: says(verdict("BLOCK", 100, [MERCHANT]))) as endpoint:
        app = opened(endpoint.url)
        app.engine.decide(samples[0])
        transaction_id = samples[0]["transaction_id"]
        stood, alerted = [], []
        for _ in range(4):
            begun = app.investigations.begin(transaction_id, requested_by="ana")
            follow(app, begun.investigation_id)
            decision = current(app, transaction_id)
            stood.append((decision.decision, decision.score, decision.investigator.effect))
            alerted.append(app.store.cases.case(str(decision.case_id)).last_alert_at)
    assert stood[0] == (Outcome.REVIEW, 74, "raised")
    assert "the payment had been answered with APPROVE" in decision.adjustments[-1].text
    assert stood[1:] == [(Outcome.REVIEW, 74, "none")] * 3
    assert len(set(alerted)) == 1
    assert sum(r.points for r in decision.reasons) + sum(a.points for a in decision.adjustments) == 74
    assert decision.revision == 5
