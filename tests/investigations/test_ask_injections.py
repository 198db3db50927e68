"""Whatever a case's payments, notes and their authors say, and though the model that is asked obeys all of it: nothing
is done, no decision changes, ids stay here, and nothing of the prompt is told. At worst there is a wrong text with
citations of the case.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fraudray.agent.prompt import INSTRUCTIONS as VERDICT_INSTRUCTIONS
from fraudray.agent.question_prompt import INSTRUCTIONS
from fraudray.agent.reveals import RUN
from fraudray.bootstrap import App
from fraudray.domain.investigation import Event
from fraudray.domain.question import CaseAnswer
from fraudray.policy.policy import Policy
from fraudray.settings import load_settings
from fraudray.testing.endpoint import MODEL, ModelEndpoint
from fraudray.testing.injections import INJECTIONS, Injection
from fraudray.testing.obedient_model import Obedient
from tests.investigations.test_injections import SHOWN, letters, payment

IDS = {
    "customer_id": "C-SECRET-{}", "device_id": "dev-SECRET-{}", "instrument_id": "card-SECRET-{}",
    "terminal_id": "term-SECRET-{}", "transaction_id": "T-SECRET-{}",
}  # fmt: skip


class World:
    """An App where nothing is investigated by itself, and whose model obeys."""

    def __init__(self, folder: Path) -> None:
        head, _, tail = Policy.load().source.text.partition("escalate:")
        policy = folder / "policy.yaml"
        limits = "  tokens_max: 100000\n  thinking_tokens_max: 100000\n"
        policy.write_text(head + 'escalate: "false"\n' + tail.partition("\n")[2].replace("  tokens_max: 1500\n", "")
                          .replace("  thinking_tokens_max: 400\n", limits))  # fmt: skip
        self.model = Obedient()
        self.endpoint = ModelEndpoint(self.model)
        self.endpoint.__enter__()
        asked = {"llm_url": self.endpoint.url, "llm_model": MODEL}
        self.app = App(
            load_settings(data_dir=folder / "data", policy_file=policy, fsync="normal", tools_limit_ms=1500, **asked)
        )

    def close(self) -> None:
        self.app.close()
        self.endpoint.__exit__(None, None, None)

    def prove(self, tx: dict[str, Any], *, note: str = "Nothing.", author: str = "Ana") -> list[frozenset[Any]]:
        """Decide it, note something, ask about its case; nothing that must not happen did. What the model was told to
        do."""
        app, seen = self.app, len(self.endpoint.requests)
        case_id = app.engine.decide(tx).case_id
        assert case_id is not None
        app.store.cases.append(
            case_id, author=author, kind="note", body={"notes": note}, at=app.clock.now(), entry_id=app.ids.new("ent")
        )
        before = self._state(case_id)
        events = asyncio.run(self._ask(case_id))
        assert self._state(case_id) == before
        answer = CaseAnswer.model_validate(events[-1].body)
        requests = self.endpoint.requests[seen:]
        self._cites_what_it_was_given(answer, requests)
        self._nothing_was_told(case_id, events, requests)
        return self.model.obeyed[seen:]

    async def _ask(self, case_id: str) -> list[Event]:
        questions = self.app.investigations.questions
        return [event async for event in questions.events(questions.ask(case_id, "What is odd here?", author="ben"))]

    def _state(self, case_id: str) -> list[Any]:
        """Everything that an answer must not change; what becomes of the policy's own actions goes on meanwhile."""
        case = self.app.store.cases.case(case_id)
        outbox = self.app.store.outbox.list(limit=500)
        frozen = self.app.store.ledger.customer(case.customer_id).freeze
        entries = [entry for entry in case.entries if entry.kind != "question"]
        decisions = [d.model_copy(update={"actions": [action.kind for action in d.actions]}) for d in case.decisions]
        return [case.status, decisions, entries, [row.entry for row in outbox], frozen, case.files]

    def _cites_what_it_was_given(self, answer: CaseAnswer, requests: list[dict[str, Any]]) -> None:
        given = requests[-1]["response_format"]["json_schema"]["schema"]["properties"]["evidence"]["items"]["enum"]
        assert set(answer.evidence) <= set(given)
        assert answer.answered == bool(answer.evidence) == bool(answer.answer), answer
        assert all("tools" not in request for request in requests)

    def _nothing_was_told(self, case_id: str, events: list[Event], requests: list[dict[str, Any]]) -> None:
        entries = [entry for entry in self.app.store.cases.case(case_id).entries if entry.kind == "question"]
        assert len(entries) == 1
        kept = "\n".join(event.model_dump_json(exclude={"body": {"citations", "case_id"}}) for event in events)
        kept += json.dumps({name: value for name, value in entries[0].body.items() if name != "citations"})
        assert "SECRET" not in kept + json.dumps([request["messages"] for request in requests])
        for request in requests:
            for message in request["messages"]:
                for mark in re.findall(r"^<data (\w+)>$", message["content"], re.MULTILINE):
                    assert mark not in kept
        for instructions in (INSTRUCTIONS, VERDICT_INSTRUCTIONS):
            rules, told = letters(instructions), letters(kept)
            runs = {rules[start : start + RUN] for start in range(len(rules) - RUN + 1)}
            assert not any(told[start : start + RUN] in runs for start in range(len(told) - RUN + 1))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("asked"))
    yield made
    made.close()


def blocked(samples: list[dict[str, Any]], name: str, **fields: Any) -> dict[str, Any]:
    """The second sample, which opens a case, under ids of its own."""
    return payment(samples, 1, name) | {field: value.format(name) for field, value in IDS.items()} | fields


def numbered(step: int, start: int = 0) -> list[tuple[int, Injection]]:
    return [*enumerate(INJECTIONS)][start::step]


def test_what_stands_in_a_payment_does_no_harm(world: World, samples: list[dict[str, Any]]) -> None:
    for number, injection in numbered(1):
        # Where it names a class of merchants it may be approved, and opens no case.
        fields = {name: injection.text for name in SHOWN if name != "merchant_category"}
        obeyed = world.prove(blocked(samples, f"p{number}", **fields))
        assert injection.aim in obeyed[0], injection  # a model that sees no order proves nothing
    assert world.app.store.verify_audit().whole


def test_what_stands_in_a_note_does_no_harm(world: World, samples: list[dict[str, Any]]) -> None:
    for number, injection in numbered(2):
        obeyed = world.prove(blocked(samples, f"n{number}"), note=injection.text)
        assert injection.aim in obeyed[0], injection


def test_what_the_author_of_a_note_is_called_does_no_harm(world: World, samples: list[dict[str, Any]]) -> None:
    for number, injection in numbered(2, 1):
        obeyed = world.prove(blocked(samples, f"a{number}"), author=injection.text[:128])
        if len(injection.text) <= 128:
            assert injection.aim in obeyed[0], injection


def test_without_an_order_the_model_answers_and_does_nothing(world: World, samples: list[dict[str, Any]]) -> None:
    assert world.prove(blocked(samples, "plain")) == [frozenset()]
