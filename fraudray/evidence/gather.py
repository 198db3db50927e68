"""Asking the read tools, each within the time limit. A tool that fails or is late is "unavailable"."""

from __future__ import annotations

import logging
import weakref
from collections.abc import Iterable
from concurrent.futures import Future, wait
from time import perf_counter

from fraudray.domain.evidence import Item, ToolEvidence
from fraudray.evidence.context import Inquiry, ReadTool
from fraudray.evidence.own import BadAnswer
from fraudray.evidence.threads import AskingThreads, TooBusy
from fraudray.policy.extensions import failure

log = logging.getLogger(__name__)
THREADS_MAX = 32
WAITING_MAX = 256
Found = dict[str, ToolEvidence]


class Gatherer:
    """Local tools run here and now; the others in threads of their own, all at once, each under its limit (seconds)."""

    def __init__(self, tools: Iterable[ReadTool], *, limit_s: float) -> None:
        tools = tuple(tools)
        self._local = tuple(tool for tool in tools if tool.local)
        self._limit_s = limit_s
        self._failing: dict[str, str] = {}  # what was said of each tool that failed the last time
        # Threads of its own for each: one that hangs takes none from the others.
        self._remote = tuple(
            (tool, AskingThreads(f"fraudray-{tool.name}", size=THREADS_MAX, waiting_max=WAITING_MAX))
            for tool in sorted(tools, key=self._limit_of)
            if not tool.local
        )
        # Rules that are no longer in force end with the last decision that uses them, and their threads with them.
        self.close = weakref.finalize(self, _close, [threads for _, threads in self._remote])

    @property
    def waits(self) -> bool:
        """Whether gathering may wait for something outside this process."""
        return bool(self._remote)

    def local(self, inquiry: Inquiry, *, only: str | None = None) -> Found:
        """The findings of tools that only compute. Never raises."""
        return {
            tool.name: self._run(tool, inquiry)
            for tool in self._local
            if only in (None, tool.name) and inquiry.asks(tool.name)
        }

    def remote(self, inquiry: Inquiry, *, only: str | None = None) -> Found:
        """The findings of the other tools, within the limit. Never raises. The inquiry's state must be a copy."""
        started = perf_counter()
        asked = [
            (tool, self._ask(threads, tool, inquiry)) for tool, threads in self._remote if only in (None, tool.name)
        ]
        return {tool.name: self._answer(future, self._limit_of(tool), started) for tool, future in asked}

    def _limit_of(self, tool: ReadTool) -> float:
        return tool.limit_s or self._limit_s

    def _ask(self, threads: AskingThreads, tool: ReadTool, inquiry: Inquiry) -> Future[ToolEvidence]:
        try:
            return threads.submit(self._run, tool, inquiry)
        except TooBusy as busy:
            log.error("%s is not asked: %s", tool.name, busy)
            refused: Future[ToolEvidence] = Future()
            refused.set_result(ToolEvidence(status="unavailable", error=f"not asked: {busy}"))
            return refused

    def _answer(self, future: Future[ToolEvidence], limit_s: float, started: float) -> ToolEvidence:
        wait([future], timeout=max(0.0, started + limit_s - perf_counter()))
        if future.done():
            return future.result()
        future.cancel()
        return _late(limit_s, limit_s)

    def _run(self, tool: ReadTool, inquiry: Inquiry) -> ToolEvidence:
        started = perf_counter()
        try:
            items: dict[str, Item] = tool.gather(inquiry)
        except Exception as error:
            # Messages may quote the transaction: only what is known not to goes into the evidence and the log.
            said = str(error) if isinstance(error, BadAnswer) else type(error).__name__
            self._say(tool.name, said if isinstance(error, BadAnswer) else failure(error))
            took_ms = round((perf_counter() - started) * 1000, 3)
            return ToolEvidence(status="unavailable", latency_ms=took_ms, error=f"failed: {said}")
        if tool.name in self._failing:
            self._failing.pop(tool.name, None)
            log.warning("%s answers again", tool.name)
        took_s, limit_s = perf_counter() - started, self._limit_of(tool)
        if took_s > limit_s:
            return _late(took_s, limit_s)
        return ToolEvidence(latency_ms=round(took_s * 1000, 3), items=items)

    def _say(self, name: str, why: str) -> None:
        """Once for each way of failing: a tool that is away fails every decision in the same way."""
        if self._failing.get(name) != why:
            self._failing[name] = why
            log.error("%s failed: %s", name, why)


def _close(pools: list[AskingThreads]) -> None:
    for threads in pools:
        threads.close()


def _late(took_s: float, limit_s: float) -> ToolEvidence:
    return ToolEvidence(
        status="unavailable", latency_ms=round(took_s * 1000, 3), error=f"no answer within {limit_s * 1000:.0f} ms"
    )
