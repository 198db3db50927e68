"""Conducting one investigation: from its brief to the revision, the record and the case."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import Executor
from contextlib import aclosing
from datetime import datetime
from typing import Any

from fraudray.adapters.sql.store import SqlStore
from fraudray.answer import Answer
from fraudray.domain.decision import Decision
from fraudray.domain.errors import NotFound
from fraudray.domain.investigation import Event, FallbackReason, Finding, Investigation, Verdict
from fraudray.domain.transaction import Transaction
from fraudray.engine import Engine
from fraudray.investigations.briefs import Decided, brief_of
from fraudray.investigations.running import Running
from fraudray.ports.clock import Clock
from fraudray.ports.investigator import Investigator
from fraudray.verdicts import AUTHOR, conclude

PIECE_CHARS = 200
PIECE_S = 0.1
REASONING_MAX = 256 * 1024
"""Characters of reasoning that are kept of one investigation."""
_LATE = Finding(failure=FallbackReason.LATE, detail="there was no verdict within the time that the policy gives")


class Conduct:
    """Conducts investigations on the loop that calls it; what waits for the store waits in `threads`."""

    def __init__(self, engine: Engine, store: SqlStore, clock: Clock, threads: Executor) -> None:
        self._engine, self._store, self._book = engine, store, store.investigations
        self._clock, self._threads = clock, threads

    async def run(
        self, running: Running, investigator: Investigator, slots: asyncio.Semaphore
    ) -> tuple[Investigation, Decision | None]:
        """Investigate within the policy's time; the record at its end, and the decision that it led to."""
        loop = asyncio.get_running_loop()
        tx, decision = await self._in_thread(self._standing, running.investigation)
        wanted = self._engine.policy_of(decision).document.investigate
        until = loop.time() + (wanted.limit_s if running.waited_for else wanted.later_limit_s)
        try:
            async with asyncio.timeout_at(until):
                await slots.acquire()
        except TimeoutError:
            return await self.end(running, _LATE)
        try:
            return await self._run(running, investigator, tx, decision, until)
        finally:
            slots.release()

    async def _run(
        self, running: Running, investigator: Investigator, tx: Transaction, decision: Decision, until: float
    ) -> tuple[Investigation, Decision | None]:
        loop, investigation = asyncio.get_running_loop(), running.investigation
        policy = self._engine.policy_of(decision)
        if decision.investigator.investigation_id == investigation.investigation_id and decision.investigator.effect:
            # It was concluded before the process ended, all but for the record.
            running.concluded.set_result(Answer(decision, replayed=True))
            return await self.end(running, _LATE)
        running.investigation = investigation.model_copy(update={"status": "running", "started_at": self._clock.now()})
        self._book.started(running.investigation)
        # The prose may go on when a verdict is there, whoever waited for that.
        left_s = policy.document.investigate.later_limit_s
        brief = brief_of(
            policy, investigation.investigation_id, tx, Decided.by(decision), left_s=left_s,
            waiting=running.waited_for, verdict_s=max(until - loop.time(), 0.01), traceparent=investigation.traceparent,
        )  # fmt: skip
        notes = _Notes(running, self._clock.now)
        async with aclosing(_merged(investigator.investigate(brief))) as events:
            finding = _LATE
            try:
                async with asyncio.timeout_at(until) as limit:
                    async for event in events:
                        if event.kind == "finished":
                            finding = Finding.model_validate(event.body)
                            break
                        self._keep(running, notes.stamped(event))
                        if event.kind == "verdict" and not running.concluded.done():
                            limit.reschedule(loop.time() + left_s)
                            early = Finding(verdict=Verdict.model_validate(event.body), model=notes.model)
                            running.concluded.set_result(await self._conclude(running.investigation, early))
            except TimeoutError:
                pass
        return await self.end(running, finding)

    async def end(self, running: Running, finding: Finding) -> tuple[Investigation, Decision | None]:
        """Revise the decision where that was not done, and keep the record; what happened ends with it."""
        if not running.concluded.done():
            running.concluded.set_result(await self._conclude(running.investigation, finding))
        answer = running.concluded.result()
        decision = answer.decision if answer is not None else None
        if finding.verdict is None and decision is not None and decision.investigator.status == "done":
            finding = _with_core(finding, decision, running)
        ended = _ended(running.investigation, finding, decision, self._clock.now())
        body = finding.model_dump(mode="json", exclude_none=True)
        event = Event(seq=running.last_seq + 1, at=milliseconds(self._clock.now()), kind="finished", body=body)
        self._book.append(ended, [event])
        await asyncio.wrap_future(self._book.finish(ended))
        await self._in_thread(self._tell_case, ended, decision)
        running.investigation = ended
        running.publish(event)
        return ended, decision

    def end_now(self, investigation: Investigation, finding: Finding) -> None:
        """`end` for one that does not run, without an event loop. Raises NotFound, Refused, StoreFailed."""
        decision = self._revise(investigation, finding).decision
        self._book.finish(_ended(investigation, finding, decision, self._clock.now())).result()

    def _keep(self, running: Running, event: Event) -> None:
        self._book.append(running.investigation, [event])
        running.publish(event)

    async def _conclude(self, investigation: Investigation, finding: Finding) -> Answer:
        answer: Answer = await self._in_thread(self._revise, investigation, finding)
        return answer

    def _revise(self, investigation: Investigation, finding: Finding) -> Answer:
        investigation_id, begun_at = investigation.investigation_id, investigation.begun_at
        answered = investigation.mode == "later"
        return self._engine.revise(
            investigation.transaction_id,
            lambda standing: conclude(standing, investigation_id, finding, begun_at=begun_at, answered=answered),
        )

    def _standing(self, investigation: Investigation) -> tuple[Transaction, Decision]:
        stored = self._store.ledger.find(investigation.transaction_id)
        if stored is None:
            raise NotFound("decision on transaction", investigation.transaction_id)
        return Transaction.model_validate_json(stored.transaction_json), stored.decision

    def _tell_case(self, ended: Investigation, decision: Decision | None) -> None:
        """What the model says for the analyst goes on the case, where there is one."""
        finding = ended.finding
        if decision is None or decision.case_id is None or finding is None or finding.verdict is None:
            return
        usage = finding.usage
        body: dict[str, Any] = {
            "investigation_id": ended.investigation_id, "transaction_id": ended.transaction_id, "model": finding.model,
            **finding.verdict.model_dump(mode="json"), "asked": [fact.id for fact in finding.found],
            "tokens": usage.prompt_tokens + usage.completion_tokens, "took_ms": finding.timing.total_ms,
        }  # fmt: skip
        self._store.cases.append(
            decision.case_id, author=AUTHOR, kind="analysis", body=body, at=self._clock.now(),
            entry_id=f"{ended.investigation_id}-analysis",
        )  # fmt: skip

    async def _in_thread(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._threads, function, *arguments)


def milliseconds(moment: datetime) -> datetime:
    """As exact as it is written."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


class _Notes:
    """Numbers what happens."""

    def __init__(self, running: Running, now: Callable[[], datetime]) -> None:
        self._running, self._now = running, now
        self.model: str | None = None

    def stamped(self, event: Event) -> Event:
        """The event under the next number of the record, which may have begun before a restart."""
        if event.kind == "stage":
            self.model = event.body.get("model", self.model)
        return event.model_copy(update={"seq": self._running.last_seq + 1, "at": milliseconds(self._now())})


async def _merged(events: AsyncGenerator[Event]) -> AsyncGenerator[Event]:
    """The events, with pieces of reasoning put together: one for each token would swamp the record."""
    queue: asyncio.Queue[Event | BaseException | None] = asyncio.Queue(1000)

    async def pump() -> None:
        try:
            async with aclosing(events) as source:
                async for event in source:
                    await queue.put(event)
            await queue.put(None)
        except Exception as error:
            await queue.put(error)

    task = asyncio.get_running_loop().create_task(pump())
    held: Event | None = None
    kept = 0
    try:
        while True:
            try:
                async with asyncio.timeout(PIECE_S if held is not None else None):
                    event = await queue.get()
            except TimeoutError:
                assert held is not None  # noqa: S101 - else there is no timeout
                yield held
                held = None
                continue
            if isinstance(event, Event) and event.kind == "reasoning":
                if kept < REASONING_MAX:
                    text = (held.body["text"] if held is not None else "") + event.body["text"]
                    kept += len(event.body["text"])
                    held = event.model_copy(update={"body": {"text": text}})
                if held is None or len(held.body["text"]) < PIECE_CHARS:
                    continue
                event, held = held, None
                yield event
                continue
            if held is not None:
                yield held
                held = None
            if event is None:
                return
            if isinstance(event, BaseException):
                raise event
            yield event
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _with_core(finding: Finding, decision: Decision, running: Running) -> Finding:
    """What is kept when the prose did not come: the verdict that had been acted on."""
    core = next((event for event in running.happened() if event.kind == "verdict"), None)
    if core is None:
        return finding
    return finding.model_copy(update={"verdict": Verdict.model_validate(core.body), "failure": None})


def _ended(investigation: Investigation, finding: Finding, decision: Decision | None, now: datetime) -> Investigation:
    return investigation.model_copy(
        update={
            "status": "done" if finding.verdict is not None else "failed",
            "ended_at": now,
            "finding": finding,
            "revision": decision.revision if decision is not None else None,
        }
    )
