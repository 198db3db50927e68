"""A process that dies in the midst of an investigation: the next one takes it up, or says that it was given up."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from fraudray.adapters.sql.store import SqlStore
from fraudray.bootstrap import App
from fraudray.domain.decision import Decision, Outcome
from fraudray.domain.investigation import Event
from fraudray.settings import load_settings
from fraudray.testing.clock import FixedClock
from fraudray.testing.endpoint import HOLD, ModelEndpoint, Reply, chunk, says
from fraudray.testing.scripted_model import verdict
from tests.investigations import interrupted_app
from tests.investigations.conftest import Open
from tests.investigations.test_life import DEVICE, current, ended, follow, patient, review

__all__ = ["patient"]
SAID = verdict("BLOCK", 88, [DEVICE], "Somebody else's device.")
START_S = 200
"""Longer than a process takes to start on a busy machine."""
CORE = SAID[: SAID.index("]") + 1]


class Process:
    """A process of `interrupted_app`."""

    def __init__(self, folder: Path, url: str, policy: Path) -> None:
        command = [sys.executable, interrupted_app.__file__, str(folder), url, str(policy)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, tx: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(tx) + "\n")
        self._process.stdin.flush()

    def answer(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def kill(self) -> None:
        """As kill -9 does."""
        self._process.kill()
        self._process.communicate()


class Holding:
    """A script that answers as the first reply says, and lets the test know that it was asked."""

    def __init__(self, *pieces: Any) -> None:
        self.asked = threading.Event()
        self._pieces = pieces

    def __call__(self, _body: dict[str, Any]) -> Reply:
        self.asked.set()
        return Reply([*self._pieces, HOLD])


@pytest.fixture
def started(tmp_path: Path, patient: Path) -> Iterator[Callable[[str], Process]]:
    """Starts a process on this test's folder, which asks the endpoint at `url`."""
    processes: list[Process] = []

    def start(url: str) -> Process:
        processes.append(Process(tmp_path, url, patient))
        return processes[-1]

    yield start
    for process in processes:
        process.kill()


def whole(app: App, transaction_id: str) -> tuple[Decision, list[Event]]:
    """The decision after exactly one revision by one investigation, whose events have no gap."""
    record = ended(app, transaction_id)
    decision = current(app, transaction_id)
    events = follow(app, record.investigation_id)
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert [event.kind for event in events].count("finished") == (1 if record.status == "done" else 0)
    assert (decision.revision, record.revision) == (2, 2)
    assert decision.investigator.investigation_id == record.investigation_id
    assert app.store.investigations.unfinished() == []
    assert app.store.verify_audit().whole
    notes = app.store.audit_entries(subject=record.investigation_id)
    assert [note.kind for note in notes].count("investigation_ended") == 1
    return decision, events


PIECES = {
    "before its first token": [],
    "in its thinking": [chunk({"reasoning": "Let me see. "})],
    "in its verdict": [chunk({"reasoning": "Let me see. "}), chunk({"content": CORE[:20]})],
}


@pytest.mark.parametrize("when", PIECES)
def test_what_a_killed_process_was_at_is_done_by_the_next(
    started: Callable[[str], Process], opened: Open, patient: Path, samples: list[dict[str, Any]], when: str
) -> None:
    held = Holding(*PIECES[when])
    tx = review(samples)
    with ModelEndpoint(held) as endpoint:
        process = started(endpoint.url)
        process.ask(tx)
        assert held.asked.wait(START_S)
        process.kill()
    with ModelEndpoint(lambda _: says(SAID)) as endpoint:
        app = opened(endpoint.url, policy_file=patient)
        decision, events = whole(app, tx["transaction_id"])
        app.worker.drain()
    assert (decision.decision, decision.investigator.effect) == (Outcome.BLOCK, "raised")
    assert [event.kind for event in events].count("verdict") == 1
    case = app.store.cases.case(str(decision.case_id))
    assert [entry.kind for entry in case.entries] == ["investigation", "analysis"]
    assert app.investigations.decide_now(tx).decision == decision


def test_one_that_is_killed_again_and_again_ends_once(
    started: Callable[[str], Process], opened: Open, patient: Path, samples: list[dict[str, Any]]
) -> None:
    tx = review(samples)
    for number in range(3):
        held = Holding(chunk({"reasoning": f"Try {number}. "}))
        with ModelEndpoint(held) as endpoint:
            process = started(endpoint.url)
            if number == 0:
                process.ask(tx)
            assert held.asked.wait(START_S)
            process.kill()
    with ModelEndpoint(lambda _: says(SAID)) as endpoint:
        decision, _ = whole(opened(endpoint.url, policy_file=patient), tx["transaction_id"])
    assert decision.decision is Outcome.BLOCK


def test_a_process_killed_behind_the_verdicts_revision_makes_no_second_one(
    started: Callable[[str], Process], opened: Open, patient: Path, samples: list[dict[str, Any]]
) -> None:
    tx = review(samples)
    with ModelEndpoint(Holding(chunk({"content": CORE}), chunk({"content": ',"analysis":"Some'}))) as endpoint:
        process = started(endpoint.url)
        process.ask(tx)
        answered = Decision.model_validate_json(process.answer())
        process.kill()
    assert (answered.decision, answered.revision) == (Outcome.BLOCK, 2)
    with ModelEndpoint(lambda _: says(verdict("APPROVE", 1))) as endpoint:
        app = opened(endpoint.url, policy_file=patient)
        decision, events = whole(app, tx["transaction_id"])
        assert endpoint.requests == []
    told, kept = (one.model_dump(mode="json", exclude={"latency_ms", "actions"}) for one in (answered, decision))
    assert kept == told
    assert [action.kind for action in decision.actions] == [action.kind for action in answered.actions]
    record = ended(app, tx["transaction_id"])
    assert record.status == "done"
    assert record.finding is not None
    assert record.finding.verdict is not None
    assert (record.finding.verdict.decision, record.finding.verdict.risk) == (Outcome.BLOCK, 88)
    assert events[-1].kind == "finished"
    case = app.store.cases.case(str(decision.case_id))
    assert [entry.kind for entry in case.entries].count("investigation") == 1
    left = [row.entry.kind for row in app.store.outbox.list(limit=50)]
    assert sorted(left) == ["email_alert", "report"]


def test_a_killed_process_whose_time_has_passed_is_given_up_and_the_decision_says_so(
    started: Callable[[str], Process], patient: Path, samples: list[dict[str, Any]], tmp_path: Path
) -> None:
    held, tx = Holding(), review(samples)
    with ModelEndpoint(held) as endpoint:
        process = started(endpoint.url)
        process.ask(tx)
        assert held.asked.wait(START_S)
        process.kill()
        settings = load_settings(
            data_dir=tmp_path / "data", policy_file=patient, llm_url=endpoint.url, llm_model="scripted"
        )
        with App(settings, clock=FixedClock(datetime.now(UTC) + timedelta(hours=1))) as app:
            decision, _ = whole(app, tx["transaction_id"])
            assert len(endpoint.requests) == 1
    assert (decision.decision, decision.investigator.status) == (Outcome.REVIEW, "failed")
    assert decision.investigator.reason == "given_up"


def test_a_killed_process_is_given_up_by_one_without_a_model(
    started: Callable[[str], Process], opened: Open, patient: Path, samples: list[dict[str, Any]]
) -> None:
    held, tx = Holding(), review(samples)
    with ModelEndpoint(held) as endpoint:
        process = started(endpoint.url)
        process.ask(tx)
        assert held.asked.wait(START_S)
        process.kill()
    decision, _ = whole(opened(None, policy_file=patient), tx["transaction_id"])
    assert (decision.decision, decision.investigator.reason) == (Outcome.REVIEW, "not_configured")


def test_one_asked_for_again_outlives_its_process_too(
    started: Callable[[str], Process], opened: Open, patient: Path, samples: list[dict[str, Any]]
) -> None:
    replies = [says(verdict("REVIEW", 50, [DEVICE]))]
    held, tx = Holding(), review(samples)
    with ModelEndpoint(lambda body: replies.pop() if replies else held(body)) as endpoint:
        process = started(endpoint.url)
        process.ask(tx)
        process.answer()
        process.ask({"transaction_id": tx["transaction_id"]})
        begun = process.answer().strip()
        assert held.asked.wait(START_S)
        process.kill()
    with ModelEndpoint(lambda _: says(SAID)) as endpoint:
        app = opened(endpoint.url, policy_file=patient)
        record = ended(app, tx["transaction_id"])
    assert (record.investigation_id, record.status, record.revision) == (begun, "done", 3)
    decision = current(app, tx["transaction_id"])
    assert (decision.decision, decision.revision) == (Outcome.BLOCK, 3)
    assert [one.status for one in app.investigations.of(tx["transaction_id"])] == ["done", "done"]
    assert app.store.verify_audit().whole


def test_nothing_of_a_customer_who_was_erased_between_two_processes_is_kept(
    started: Callable[[str], Process], opened: Open, patient: Path, samples: list[dict[str, Any]], tmp_path: Path
) -> None:
    held, tx = Holding(chunk({"reasoning": "Let me see. "})), review(samples)
    with ModelEndpoint(held) as endpoint:
        process = started(endpoint.url)
        process.ask(tx)
        assert held.asked.wait(START_S)
        process.kill()
    store = SqlStore(tmp_path / "data")
    store.customers.erase(tx["customer_id"], reason="asked", actor="dpo", at=datetime.now(UTC))
    store.close()
    with ModelEndpoint(lambda _: says(SAID)) as endpoint:
        app = opened(endpoint.url, policy_file=patient)
        record = ended(app, tx["transaction_id"])
        assert endpoint.requests == []
    assert (record.status, record.finding) == ("failed", None)
    assert follow(app, record.investigation_id) == []
    assert app.store.investigations.unfinished() == []
    assert app.store.verify_audit().whole
