"""Investigations of one process: on an event loop of its own, so that they go on whoever asks from where."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncGenerator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from time import perf_counter
from typing import Any

from fraudray.adapters.sql.store import SqlStore
from fraudray.answer import Answer
from fraudray.domain.decision import Decision
from fraudray.domain.errors import FraudrayError, NotFound, Refused, StoreFailed
from fraudray.domain.investigation import Event, FallbackReason, Finding, Investigation
from fraudray.domain.transaction import Transaction
from fraudray.engine import Engine
from fraudray.escalating import investigation_of
from fraudray.investigations.asking import Place, Questions
from fraudray.investigations.conduct import Conduct
from fraudray.investigations.running import Running
from fraudray.ports.clock import Clock, Ids
from fraudray.ports.investigator import Investigator

log = logging.getLogger(__name__)
QUEUE_MAX = 10_000
CLOSE_S = 5.0
STORE_S = 2.0
"""What writing a verdict may take beside the policy's time."""
_INTERRUPTED = Finding(
    failure=FallbackReason.GIVEN_UP, detail="it was interrupted, and its time had passed before it could go on"
)
_BROKEN = Finding(failure=FallbackReason.GIVEN_UP, detail="an unexpected error; the server's log says which")
_NO_MODEL = Finding(failure=FallbackReason.NOT_CONFIGURED, detail="it was interrupted, and no model is set any more")
Ended = Callable[[Investigation, Decision | None], None]


class Investigations:
    """Begins, runs, resumes and shows investigations. Without an investigator it only shows."""

    def __init__(
        self, engine: Engine, store: SqlStore, investigator: Investigator | None, *, clock: Clock,
        ids: Ids, concurrent_max: int,
    ) -> None:  # fmt: skip
        self._engine, self._store, self._book = engine, store, store.investigations
        self._investigator, self._clock, self._ids = investigator, clock, ids
        self._running: dict[str, Running] = {}
        self._by_transaction: dict[str, Running] = {}
        self._lock = threading.Lock()
        self._slots_max = concurrent_max
        self._loop: asyncio.AbstractEventLoop | None = None
        self._threads = ThreadPoolExecutor(8, thread_name_prefix="fraudray-conclude")
        self._conduct = Conduct(engine, store, clock, self._threads)
        self.questions = Questions(engine, store, clock, ids, self._threads, self._place)
        self.on_end: list[Ended] = []
        """Told of each that ended, with the decision that it led to."""

    @property
    def investigator(self) -> Investigator | None:
        """Who investigates; None where no model is set."""
        return self._investigator

    def start(self) -> None:
        """Investigate what the policy escalates from now on, and take up what was interrupted."""
        if self._investigator is None:
            for investigation in self._book.unfinished():
                self._give_up(investigation, _NO_MODEL)
            return
        ready = threading.Event()
        threading.Thread(target=self._run_loop, args=(ready,), name="fraudray-investigations", daemon=True).start()
        ready.wait()
        self._engine.escalated = self._begun
        now = self._clock.now()
        for investigation in self._book.unfinished():
            if now > investigation.deadline:
                self._give_up(investigation, _INTERRUPTED)
            else:
                before = self._book.events(investigation)
                self._submit(Running(investigation, waited_for=False, before=before))

    def close(self) -> None:
        """Stop; what is under way is taken up by the next start."""
        self._engine.escalated = None
        loop = self._loop
        if loop is not None and loop.is_running():
            asyncio.run_coroutine_threadsafe(self._cancel_all(), loop).result(CLOSE_S)
            loop.call_soon_threadsafe(loop.stop)
        self._threads.shutdown()

    def begin(self, transaction_id: str, *, requested_by: str) -> Investigation:
        """Have a stored decision investigated; the one under way where there is one.

        Raises NotFound, Refused without a model or when too many wait, StoreFailed.
        """
        if self._loop is None:
            raise Refused("no model is set (FRAUDRAY_LLM_URL), so nothing can be investigated")
        stored = self._store.ledger.find(transaction_id)
        if stored is None:
            raise NotFound("decision on transaction", transaction_id)
        with self._lock:
            under_way = self._by_transaction.get(transaction_id)
            if under_way is not None:
                return under_way.investigation
            if len(self._running) >= QUEUE_MAX:
                raise Refused(f"{QUEUE_MAX:,} investigations wait already; ask again later")
        policy = self._engine.policy_of(stored.decision)
        investigation = investigation_of(
            policy, stored.decision, self._ids.new("inv"), mode="later", requested_by=requested_by,
            now=self._clock.now(),
        )  # fmt: skip
        self._book.open(investigation)
        self._submit(Running(investigation, waited_for=False))
        return investigation

    async def decide(self, tx: Transaction | Mapping[str, Any]) -> Answer:
        """See `Engine.answer_async`; where the policy says so, the answer waits for the verdict."""
        return await self.awaited(await self._engine.answer_async(tx))

    async def awaited(self, answer: Answer) -> Answer:
        """The answer with the verdict, where the policy says that it waits for one; else as it is."""
        running = self._awaited(answer)
        if running is None:
            return answer
        started = perf_counter()
        concluded = asyncio.shield(asyncio.wrap_future(running.concluded))
        try:
            async with asyncio.timeout(self._patience_s(answer)):
                revised = await concluded
        except TimeoutError:  # the store, not the model: that has its own limit
            return answer
        return _answered(answer, revised, started)

    def decide_now(self, tx: Transaction | Mapping[str, Any]) -> Answer:
        """`decide` for callers without an event loop."""
        answer = self._engine.submit(tx).result()
        running = self._awaited(answer)
        if running is None:
            return answer
        started = perf_counter()
        try:
            revised = running.concluded.result(self._patience_s(answer))
        except TimeoutError:
            return answer
        return _answered(answer, revised, started)

    def get(self, investigation_id: str) -> Investigation:
        """One investigation. Raises NotFound."""
        return self._book.get(investigation_id)

    def of(self, transaction_id: str) -> list[Investigation]:
        """Those of a transaction, newest first."""
        return self._book.of(transaction_id)

    async def events(self, investigation_id: str, *, after: int = 0) -> AsyncGenerator[Event]:
        """What happened behind event `after`, then what happens, until it is over. Raises NotFound."""
        with self._lock:
            running = self._running.get(investigation_id)
        if running is not None:
            async for event in running.follow(after):
                yield event
            return
        investigation = await asyncio.to_thread(self._book.get, investigation_id)
        for event in await asyncio.to_thread(self._book.events, investigation, after=after):
            yield event

    def _patience_s(self, answer: Answer) -> float:
        return self._engine.policy_of(answer.decision).document.investigate.limit_s + STORE_S

    def _awaited(self, answer: Answer) -> Running | None:
        begun = answer.investigation
        if begun is None or begun.mode != "wait":
            return None
        with self._lock:
            return self._running.get(begun.investigation_id)

    def _begun(self, investigation: Investigation) -> None:
        """A decision that the policy escalates is durable."""
        self._submit(Running(investigation, waited_for=investigation.mode == "wait"))

    def _submit(self, running: Running) -> None:
        investigation, loop = running.investigation, self._loop
        with self._lock:
            self._running[investigation.investigation_id] = running
            self._by_transaction[investigation.transaction_id] = running
        assert loop is not None  # noqa: S101 - nothing is submitted before `start`
        try:
            loop.call_soon_threadsafe(self._enqueue, running)
        except RuntimeError:  # it was closed meanwhile: the next start takes it up
            self._forget(running)

    def _enqueue(self, running: Running) -> None:
        task = asyncio.get_running_loop().create_task(self._investigate(running))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _investigate(self, running: Running) -> None:
        investigation, decision, ended = running.investigation, None, None
        try:
            if len(self._tasks) > QUEUE_MAX:
                finding = Finding(failure=FallbackReason.OVERLOADED, detail=f"{QUEUE_MAX:,} investigations wait")
                ended, decision = await self._conduct.end(running, finding)
            else:
                assert self._investigator is not None  # noqa: S101 - see `start`
                ended, decision = await self._conduct.run(running, self._investigator, self._slots(running))
        except asyncio.CancelledError:
            raise
        except StoreFailed as error:
            log.error("investigation %s goes on after a restart: %s", investigation.investigation_id, error)
        except FraudrayError as error:  # its decision was erased, for one
            log.warning("investigation %s ended: %s", investigation.investigation_id, error)
            await asyncio.to_thread(self._abandon, investigation)
        except Exception:
            log.exception("investigation %s failed", investigation.investigation_id)
            give_up = self._abandon if running.concluded.done() else partial(self._give_up, finding=_BROKEN)
            await asyncio.to_thread(give_up, investigation)
        finally:
            self._forget(running)
        if ended is not None:
            for tell in self.on_end:
                tell(ended, decision)

    def _place(self) -> Place | None:
        """Where questions are answered; None without a model."""
        if self._loop is None or self._investigator is None:
            return None
        return Place(self._loop, self._investigator, self._later_slots, self._tasks)

    def _slots(self, running: Running) -> asyncio.Semaphore:
        """Whoever is waited for has half of the places to itself."""
        return self._waiting_slots if running.waited_for else self._later_slots

    def _forget(self, running: Running) -> None:
        """It does not run any more."""
        investigation = running.investigation
        with self._lock:
            self._running.pop(investigation.investigation_id, None)
            if self._by_transaction.get(investigation.transaction_id) is running:
                del self._by_transaction[investigation.transaction_id]
        running.end()

    def _give_up(self, investigation: Investigation, finding: Finding) -> None:
        try:
            self._conduct.end_now(investigation, finding)
        except FraudrayError as error:
            log.warning("investigation %s is given up: %s", investigation.investigation_id, error)
            self._abandon(investigation)

    def _abandon(self, investigation: Investigation) -> None:
        """Its decision can be revised no more: only the record says that it ended."""
        ended = investigation.model_copy(update={"status": "failed", "ended_at": self._clock.now()})
        try:
            self._book.finish(ended).result()
        except StoreFailed as error:
            log.error("investigation %s goes on after a restart: %s", investigation.investigation_id, error)

    def _run_loop(self, ready: threading.Event) -> None:
        loop = self._loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        self._tasks: set[asyncio.Task[None]] = set()
        waiting = max(1, self._slots_max // 2)
        self._waiting_slots = asyncio.Semaphore(waiting)
        later = self._slots_max - waiting
        self._later_slots = asyncio.Semaphore(later) if later else self._waiting_slots
        loop.call_soon(ready.set)
        loop.run_forever()
        loop.close()

    async def _cancel_all(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._investigator is not None:
            await self._investigator.close()


def _answered(answer: Answer, revised: Answer | None, started: float) -> Answer:
    """The answer to whoever waited: the revision, with what it took in all."""
    if revised is None:
        return answer
    waited = round((perf_counter() - started) * 1000, 3)
    first = answer.decision.latency_ms
    latency = first.model_copy(update={"total": round(first.total + waited, 3), "investigator": waited})
    return Answer(revised.decision.model_copy(update={"latency_ms": latency}))
