"""What every book of investigations must do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from fraudray.adapters.sql.store import SqlStore
from fraudray.bootstrap import App
from fraudray.domain.decision import Outcome
from fraudray.domain.errors import NotFound, StoreFailed
from fraudray.domain.investigation import (
    Event,
    FallbackReason,
    Finding,
    FoundFact,
    Investigation,
    Timing,
    Usage,
    Verdict,
)
from fraudray.testing.clock import FixedClock
from fraudray.testing.endpoint import MODEL, ModelEndpoint, says
from fraudray.testing.scripted_model import verdict

SAID = "Somebody else's device: W-SAID \x00 \u2028 \U0001f600"
FINDING = Finding(
    verdict=Verdict(
        risk=88, decision=Outcome.BLOCK, evidence=["a/b"], analysis=SAID, next_checks=["call"], customer_reason="r",
        unswayed=True,
    ),
    model="m", found=[FoundFact(id="q/1", tool="q", arguments={"days": 3}, items={"rows": [SAID]}, free_text=True)],
    usage=Usage(round_trips=2, prompt_tokens=100), timing=Timing(total_ms=12.5),
)  # fmt: skip
FAILED = Finding(failure=FallbackReason.LATE, detail="too late", model="m")


@pytest.fixture
def decided(app: App, plain: Callable[..., dict[str, Any]]) -> App:
    """An App with a decision on T-1 of customer C-1."""
    app.engine.decide(plain(transaction_id="T-1", customer_id="C-1"))
    return app


def opened(app: App, clock: FixedClock, number: int = 1, **fields: Any) -> Investigation:
    known: dict[str, Any] = {
        "investigation_id": f"inv_{number}", "transaction_id": "T-1", "decision_id": "dec_1", "customer_id": "C-1",
        "begun_at": 1, "mode": "later", "status": "pending", "requested_by": "ana", "requested_at": clock.now(),
        "deadline": clock.now() + timedelta(seconds=120),
    }  # fmt: skip
    investigation = Investigation(**known | fields)
    app.store.investigations.open(investigation)
    return investigation


def happened(clock: FixedClock, *texts: str, begin: int = 1) -> list[Event]:
    events = enumerate(texts, begin)
    return [Event(seq=seq, at=clock.now(), kind="reasoning", body={"text": text}) for seq, text in events]


def finished(app: App, clock: FixedClock, investigation: Investigation, finding: Finding = FINDING) -> Investigation:
    status = "done" if finding.verdict else "failed"
    update = {"status": status, "ended_at": clock.now(), "finding": finding, "revision": 2}
    ended = investigation.model_copy(update=update)
    app.store.investigations.finish(ended).result(10)
    return ended


def test_one_is_kept_from_its_beginning_to_its_end(decided: App, clock: FixedClock) -> None:
    book, begun = decided.store.investigations, opened(decided, clock)
    assert book.get("inv_1") == begun
    running = begun.model_copy(update={"status": "running", "started_at": clock.now()})
    book.started(running).result(10)
    assert book.get("inv_1") == running
    clock.advance(seconds=3)
    ended = finished(decided, clock, running)
    assert book.get("inv_1") == ended
    assert book.of("T-1") == [ended]


def test_a_failure_is_kept_with_its_reason(decided: App, clock: FixedClock) -> None:
    ended = finished(decided, clock, opened(decided, clock), FAILED)
    assert decided.store.investigations.get("inv_1") == ended


def test_those_of_a_transaction_come_newest_first_and_no_others(decided: App, clock: FixedClock) -> None:
    for number in (1, 2, 3):
        opened(decided, clock, number)
        clock.advance(seconds=1)
    opened(decided, clock, 4, transaction_id="T-2")
    book = decided.store.investigations
    assert [one.investigation_id for one in book.of("T-1")] == ["inv_3", "inv_2", "inv_1"]
    assert book.of("T-none") == []
    with pytest.raises(NotFound, match="investigation inv_none"):
        book.get("inv_none")


def test_what_has_not_ended_is_found_again_oldest_first(decided: App, clock: FixedClock) -> None:
    book = decided.store.investigations
    begun = []
    for number in (1, 2, 3, 4):
        begun.append(opened(decided, clock, number))
        clock.advance(seconds=1)
    book.started(begun[1].model_copy(update={"status": "running", "started_at": clock.now()})).result(10)
    finished(decided, clock, begun[0])
    finished(decided, clock, begun[3], FAILED)
    assert [(one.investigation_id, one.status) for one in book.unfinished()] == [
        ("inv_2", "running"), ("inv_3", "pending"),
    ]  # fmt: skip


def test_events_are_kept_in_order_once_and_read_from_any_point(decided: App, clock: FixedClock) -> None:
    book, begun = decided.store.investigations, opened(decided, clock)
    first, second = happened(clock, "one \x00", "two"), happened(clock, "three", begin=3)
    book.append(begun, first).result(10)
    book.append(begun, second).result(10)
    with pytest.raises(StoreFailed):
        book.append(begun, happened(clock, "two again", begin=2)).result(10)
    assert book.events(begun) == first + second
    assert book.events(begun, after=1) == [first[1], *second]
    assert book.events(begun, after=9) == []
    assert book.events(opened(decided, clock, 2)) == []


def test_all_of_it_outlives_the_process(decided: App, clock: FixedClock, make_store: Callable[..., SqlStore]) -> None:
    begun = opened(decided, clock)
    events = happened(clock, "one", "two")
    decided.store.investigations.append(begun, events).result(10)
    ended = finished(decided, clock, begun)
    left = opened(decided, clock, 2)
    decided.close()
    book = make_store("data").investigations
    assert book.get("inv_1") == ended
    assert book.events(ended) == events
    assert book.unfinished() == [left]


def test_what_a_model_said_and_found_is_sealed_at_rest(
    decided: App, clock: FixedClock, at_rest: Callable[[], bytes]
) -> None:
    begun = opened(decided, clock)
    decided.store.investigations.append(begun, happened(clock, "W-SAID")).result(10)
    finished(decided, clock, begun)
    decided.close()
    assert b"W-SAID" not in at_rest()


def test_erasing_the_customer_erases_it_and_what_comes_later_is_not_kept(decided: App, clock: FixedClock) -> None:
    book, begun, running = decided.store.investigations, opened(decided, clock), opened(decided, clock, 2)
    book.append(begun, happened(clock, "one")).result(10)
    finished(decided, clock, begun)
    book.append(running, happened(clock, "one")).result(10)
    decided.store.customers.erase("C-1", reason="asked", actor="dpo", at=clock.now())
    book.append(running, happened(clock, "two", begin=2)).result(10)
    finished(decided, clock, running)
    for investigation_id in ("inv_1", "inv_2"):
        kept = book.get(investigation_id)
        assert (kept.status, kept.finding, kept.revision) == ("done", None, 2)
        assert book.events(kept) == []
    assert decided.store.verify_audit().whole


def test_a_new_key_of_a_customer_who_was_erased_opens_nothing_old(
    decided: App, clock: FixedClock, plain: Callable[..., dict[str, Any]]
) -> None:
    book, begun = decided.store.investigations, opened(decided, clock)
    book.append(begun, happened(clock, "one")).result(10)
    finished(decided, clock, begun)
    decided.store.customers.erase("C-1", reason="asked", actor="dpo", at=clock.now())
    decided.engine.decide(plain(transaction_id="T-2", customer_id="C-1"))
    assert book.get("inv_1").finding is None
    assert book.events(begun) == []


def test_its_beginning_and_end_are_on_the_audit_trail_without_what_was_said(decided: App, clock: FixedClock) -> None:
    finished(decided, clock, opened(decided, clock))
    trail = list(reversed(decided.store.audit_entries(subject="inv_1")))
    assert [(entry.kind, entry.actor) for entry in trail] == [
        ("investigation_begun", "ana"), ("investigation_ended", "investigator"),
    ]  # fmt: skip
    assert "W-SAID" not in str(trail)
    assert decided.store.verify_audit().whole


def test_a_raise_is_one_revision_with_its_case_and_record(
    make_app: Callable[..., App], samples: list[dict[str, Any]]
) -> None:
    said = verdict("BLOCK", 88, ["identity-verifier/device"], SAID)
    with ModelEndpoint(lambda _: says(said, reasoning="hm \x00")) as endpoint:
        app = make_app(llm_url=endpoint.url, llm_model=MODEL)
        app.investigations.start()
        app.engine.decide(samples[2])
        (begun,) = app.investigations.of(samples[2]["transaction_id"])

        async def follow() -> list[Event]:
            return [event async for event in app.investigations.events(begun.investigation_id)]

        assert asyncio.run(follow())[-1].kind == "finished"
    record = app.investigations.get(begun.investigation_id)
    decision = app.store.cases.decision(samples[2]["transaction_id"])
    assert (decision.decision, decision.revision, record.revision) == (Outcome.BLOCK, 2, 2)
    assert record.finding is not None
    assert record.finding.verdict is not None
    assert record.finding.verdict.analysis == SAID
    case = app.store.cases.case(str(decision.case_id))
    assert [entry.kind for entry in case.entries] == ["investigation", "analysis"]
    assert app.store.verify_audit().whole
