"""Questions about cases, answered on the loop of the investigations: within the policy's budget, kept on the case."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import Executor
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from fraudray.adapters.sql.case_material import StoredMaterial
from fraudray.adapters.sql.store import SqlStore
from fraudray.agent.answering import failed
from fraudray.desk import checked_text
from fraudray.domain.errors import StoreFailed
from fraudray.domain.investigation import Event, FallbackReason
from fraudray.domain.question import ENTRY_KIND, QUESTION_MAX, CaseAnswer, Material, Reply, Unanswered
from fraudray.engine import Engine
from fraudray.investigations.question_briefs import citations_of, question_brief
from fraudray.investigations.running import Happening
from fraudray.ports.clock import Clock, Ids
from fraudray.ports.investigator import AskBrief, Investigator
from fraudray.ports.llm import ModelFailed

log = logging.getLogger(__name__)
WAITING_MAX = 200
"""So many questions wait or are answered at once."""
GRACE_S = 1.0
"""The agent keeps the time itself; one that does not is stopped a little later."""
NO_MODEL = "no model is set (FRAUDRAY_LLM_URL), so nobody can answer"
ERASED = "the customer's personal data was erased, so there is nothing left to answer from"
LEFT = "whoever asked left before the answer was there"
_BROKEN = ModelFailed(FallbackReason.GIVEN_UP, "an unexpected error; the server's log says which")
Answered = Callable[[CaseAnswer], None]


@dataclass(frozen=True, slots=True)
class Place:
    """Where questions are answered: beside the investigations, in the places that those have for the background."""

    loop: asyncio.AbstractEventLoop
    investigator: Investigator
    slots: asyncio.Semaphore
    tasks: set[asyncio.Task[None]]


@dataclass(frozen=True, slots=True)
class Question:
    """A question that may be put."""

    question_id: str
    case_id: str
    transaction_id: str | None
    text: str
    author: str
    asked_at: datetime
    material: StoredMaterial
    brief: AskBrief
    happening: Happening = field(default_factory=Happening)

    def answered(self, reply: Reply) -> CaseAnswer:
        """What whoever asked is told."""
        material = Material(
            decisions=reply.decisions, decisions_in_case=self.material.decisions_in_case, entries=reply.entries,
            entries_in_case=self.material.entries_in_case,
        )  # fmt: skip
        return CaseAnswer(
            case_id=self.case_id, transaction_id=self.transaction_id, question=self.text, asked_by=self.author,
            asked_at=self.asked_at, answered=reply.answered, answer=reply.answer or None, evidence=reply.evidence,
            citations=citations_of(self.material, reply.evidence), why=reply.why, reason=reply.reason,
            detail=reply.detail, model=reply.model, usage=reply.usage, timing=reply.timing, material=material,
        )  # fmt: skip


class Questions:
    """Takes questions, follows and keeps their answers."""

    def __init__(
        self, engine: Engine, store: SqlStore, clock: Clock, ids: Ids, threads: Executor,
        place: Callable[[], Place | None],
    ) -> None:  # fmt: skip
        """`place` is None where there is no model; what waits for the store waits in `threads`."""
        self._engine, self._store, self._clock, self._ids = engine, store, clock, ids
        self._threads, self._place = threads, place
        self._under_way = 0
        self.on_answer: list[Answered] = []
        """Told of each answer of the model's, and of each that it did not give."""

    def ask(self, case_id: str, text: str, *, transaction_id: str | None = None, author: str) -> Question:
        """A checked question with what it is answered from. Raises InvalidTransaction naming the field, NotFound."""
        text = checked_text(text, "question", QUESTION_MAX)
        found = self._store.material.read(case_id, transaction_id, without=ENTRY_KIND)
        current = [(self._store.cases.with_outcomes(decision), tx) for decision, tx in found.decisions]
        material = replace(found, decisions=current)
        question_id = self._ids.new("qst")
        brief = question_brief(self._engine, question_id, text, material)
        return Question(question_id, case_id, transaction_id, text, author, self._clock.now(), material, brief)

    async def events(self, question: Question) -> AsyncGenerator[Event]:
        """What happens while it is answered; the last event is `finished` with the CaseAnswer. Closing the iterator
        ends the work. Raises StoreFailed where the answer could not be kept."""
        place = self._place()
        if place is None or question.material.erased:
            why, detail = (Unanswered.ERASED, ERASED) if question.material.erased else (Unanswered.NO_MODEL, NO_MODEL)
            yield self._finished(question, question.answered(Reply(answered=False, why=why, detail=detail)))
            return
        under_way = asyncio.run_coroutine_threadsafe(self._run(question, place), place.loop)
        try:
            async with aclosing(question.happening.follow(0)) as events:
                async for event in events:
                    yield event
                    if event.kind == "finished":
                        return
        finally:
            under_way.cancel()  # which does nothing to what is over
        raise StoreFailed("the answer could not be kept on the case; ask again")

    async def answer(self, question: Question) -> CaseAnswer:
        """`events`, without what happens meanwhile."""
        async with aclosing(self.events(question)) as events:
            async for event in events:
                if event.kind == "finished":
                    return CaseAnswer.model_validate(event.body)
        raise AssertionError("a question ends with its answer")

    async def _run(self, question: Question, place: Place) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - it runs as one
        place.tasks.add(task)
        task.add_done_callback(place.tasks.discard)
        self._under_way += 1
        reply: Reply | None = None
        try:
            reply = await self._reply(question, place)
            answer = await self._kept(question, reply)
            if answer is not None:
                question.happening.publish(self._finished(question, answer))
        except asyncio.CancelledError:
            if reply is None:  # else it is being kept
                await self._kept(question, Reply(answered=False, why=Unanswered.LEFT, detail=LEFT))
            raise
        finally:
            self._under_way -= 1
            question.happening.end()

    async def _kept(self, question: Question, reply: Reply) -> CaseAnswer | None:
        """The answer once it is on the case; None, and a line in the log, where it cannot be kept."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, self._keep, question, reply)
        except Exception:
            log.exception("the answer to question %s is not kept", question.question_id)
            return None

    async def _reply(self, question: Question, place: Place) -> Reply:
        """What the model's side says, within the policy's time. Raises nothing expected."""
        brief, loop = question.brief, asyncio.get_running_loop()
        until = loop.time() + brief.budget.limit_s
        if self._under_way > WAITING_MAX:
            return failed(ModelFailed(FallbackReason.OVERLOADED, f"{WAITING_MAX} questions wait already; ask again"))
        try:
            async with asyncio.timeout_at(until):
                await place.slots.acquire()
        except TimeoutError:
            return failed(ModelFailed(FallbackReason.OVERLOADED, "the model was busy with investigations; ask again"))
        try:
            left_s = max(until - loop.time(), 0.01)
            brief = brief.model_copy(update={"budget": brief.budget.model_copy(update={"limit_s": left_s})})
            async with asyncio.timeout_at(until + GRACE_S), aclosing(place.investigator.answer(brief)) as events:
                async for event in events:
                    if event.kind == "finished":
                        return Reply.model_validate(event.body)
                    question.happening.publish(event)
        except TimeoutError:
            return failed(ModelFailed(FallbackReason.LATE, f"no answer within {brief.budget.limit_s:g} s"))
        except Exception:
            log.exception("question %s failed", question.question_id)
        finally:
            place.slots.release()
        return failed(_BROKEN)

    def _keep(self, question: Question, reply: Reply) -> CaseAnswer:
        """Keep question and answer on the case, where the customer was not erased meanwhile. Raises StoreFailed."""
        answer = question.answered(reply)
        for tell in self.on_answer:
            tell(answer)
        if self._store.material.read(question.case_id, question.transaction_id, without=ENTRY_KIND).erased:
            return question.answered(Reply(answered=False, why=Unanswered.ERASED, detail=ERASED))
        body: dict[str, Any] = answer.model_dump(
            mode="json", exclude_none=True, exclude={"case_id", "asked_by", "asked_at", "entry_id"}
        )
        self._store.cases.append(
            question.case_id, author=question.author, kind=ENTRY_KIND, body=body, at=self._clock.now(),
            entry_id=question.question_id,
        )  # fmt: skip
        return answer.model_copy(update={"entry_id": question.question_id})

    def _finished(self, question: Question, answer: CaseAnswer) -> Event:
        body = answer.model_dump(mode="json", exclude_none=True)
        return Event(seq=question.happening.last_seq + 1, at=self._clock.now(), kind="finished", body=body)
