"""Asking the read tools, each within the time limit. A tool that fails or is late is "unavailable"."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from time import perf_counter

from fraudray.domain.evidence import Item, ToolEvidence
from fraudray.evidence.context import Inquiry, ReadTool
from fraudray.evidence.own import BadAnswer

log = logging.getLogger(__name__)
REMOTE_THREADS = 32
Found = dict[str, ToolEvidence]


class Gatherer:
    """Local tools run here and now; the others in threads, all at once, under one limit (seconds)."""

    def __init__(self, tools: Iterable[ReadTool], *, limit_s: float) -> None:
        tools = tuple(tools)
        self._local = tuple(tool for tool in tools if tool.local)
        self._remote = tuple(tool for tool in tools if not tool.local)
        self._limit_s = limit_s
        self._pool = ThreadPoolExecutor(REMOTE_THREADS, "fraudray-tool") if self._remote else None

    @property
    def waits(self) -> bool:
        """Whether gathering may wait for something outside this process."""
        return self._pool is not None

    def local(self, inquiry: Inquiry, *, only: str | None = None) -> Found:
        """The findings of tools that only compute. Never raises."""
        return {tool.name: self._run(tool, inquiry) for tool in self._local if only in (None, tool.name)}

    def remote(self, inquiry: Inquiry, *, only: str | None = None) -> Found:
        """The findings of the other tools, within the limit. Never raises. The inquiry's state must be a copy."""
        if self._pool is None:
            return {}
        started = perf_counter()
        asked = {
            tool: self._pool.submit(self._run, tool, inquiry) for tool in self._remote if only in (None, tool.name)
        }
        return {
            tool.name: self._answer(future, self._limit_of(tool), started)
            for tool, future in sorted(asked.items(), key=lambda entry: self._limit_of(entry[0]))
        }

    def _limit_of(self, tool: ReadTool) -> float:
        return tool.limit_s or self._limit_s

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
            log.error("%s failed: %s", tool.name, type(error).__name__, exc_info=error)
            # Other messages may quote the transaction, so only the kind of failure goes into the evidence.
            said = f": {error}" if isinstance(error, BadAnswer) else f": {type(error).__name__}"
            took_ms = round((perf_counter() - started) * 1000, 3)
            return ToolEvidence(status="unavailable", latency_ms=took_ms, error="failed" + said)
        took_s, limit_s = perf_counter() - started, self._limit_of(tool)
        if took_s > limit_s:
            return _late(took_s, limit_s)
        return ToolEvidence(latency_ms=round(took_s * 1000, 3), items=items)


def _late(took_s: float, limit_s: float) -> ToolEvidence:
    return ToolEvidence(
        status="unavailable", latency_ms=round(took_s * 1000, 3), error=f"no answer within {limit_s * 1000:.0f} ms"
    )
