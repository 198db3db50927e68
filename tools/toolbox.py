"""The toolbox of an investigation: its six questions, asked of the real MCP servers. Implements `ports.toolbox`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import orjson

from fraudray.agent.questions import QUESTIONS, CannotAsk, find_question
from fraudray.bootstrap import App
from fraudray.domain.errors import FraudrayError
from fraudray.domain.research import Subject
from fraudray.domain.text import shown_text
from fraudray.ports.llm import ToolSpec
from fraudray.ports.research import Research
from fraudray.ports.toolbox import ToolAnswer
from fraudray.tools.callers import InProcessCaller
from fraudray.tools.provider import MountedProvider
from fraudray.tools.reply import ERROR_MAX, McpCaller, McpReply

log = logging.getLogger(__name__)
ANSWER_MAX = 4096
"""Bytes of JSON that one answer may bring into the prompt."""
CALLS_MAX = 64
"""Calls under way at once, those that nobody waits for any more included."""
Lookup = Callable[[str], Awaitable[Subject]]


class McpToolbox:
    """Asks read-only tools about the transaction under investigation. Any number of calls may run at once."""

    def __init__(self, caller: McpCaller, lookup: Lookup) -> None:
        """`lookup` says what a transaction's record knows of it; it raises NotFound."""
        self._caller, self._lookup = caller, lookup
        self._specs = tuple(question.spec() for question in QUESTIONS)
        self._running: set[asyncio.Task[ToolAnswer]] = set()

    def tools(self) -> Sequence[ToolSpec]:
        """See `Toolbox.tools`."""
        return self._specs

    async def call(
        self, name: str, arguments: Mapping[str, Any], *, transaction_id: str, limit_s: float, traceparent: str | None
    ) -> ToolAnswer:
        """See `Toolbox.call`. A call that is late is cancelled and not waited for: a thread cannot be ended."""
        if len(self._running) >= CALLS_MAX:
            return ToolAnswer(error="too many questions are under way")
        call = asyncio.create_task(self._ask(name, arguments, transaction_id, limit_s, traceparent))
        self._running.add(call)
        call.add_done_callback(self._ended)
        try:
            await asyncio.wait({call}, timeout=limit_s)
        finally:
            if not call.done():
                call.cancel()
        if not call.done():
            return ToolAnswer(error=f"no answer within {limit_s:.3g} s")
        return ToolAnswer(error="the connection was closed") if call.cancelled() else call.result()

    async def _ask(
        self, name: str, arguments: Mapping[str, Any], transaction_id: str, limit_s: float, traceparent: str | None
    ) -> ToolAnswer:
        try:
            question = find_question(name).ask(await self._lookup(transaction_id), arguments)
            reply = await self._caller.call(question.server, question.tool, question.arguments, traceparent, limit_s)
        except (CannotAsk, FraudrayError) as refused:
            return ToolAnswer(error=shown_text(str(refused), ERROR_MAX))
        except Exception as failed:
            log.warning("the tool %s failed: %s: %s", name[:100], type(failed).__name__, failed)
            return ToolAnswer(error="the tool failed")
        return answer_of(reply)

    def _ended(self, call: asyncio.Task[ToolAnswer]) -> None:
        self._running.discard(call)


def answer_of(reply: McpReply) -> ToolAnswer:
    """A reply as an answer that is not too long: rows are left out from the end of its longest list."""
    if reply.error is not None:
        return ToolAnswer(error=shown_text(reply.error, ERROR_MAX))
    items, left_out = {name: value for name, value in reply.document.items() if name != "free_text"}, 0
    while len(orjson.dumps(items)) > ANSWER_MAX:
        name = max(
            (n for n, value in items.items() if isinstance(value, list) and value),
            default=None,
            key=lambda n: len(items[n]),
        )
        if name is None:
            return ToolAnswer(error="the answer is too long")
        left_out += 1
        items |= {name: items[name][:-1], "left_out": left_out}
    return ToolAnswer(items=items, free_text=bool(reply.document.get("free_text")))


def lookup_in(research: Research) -> Lookup:
    """Looks transactions up in the record, in a thread."""

    async def lookup(transaction_id: str) -> Subject:
        return await asyncio.to_thread(research.subject, transaction_id)

    return lookup


def toolbox_of(app: App) -> McpToolbox:
    """The read servers in the process of an open App (entry point `fraudray.toolbox`)."""
    return McpToolbox(InProcessCaller(MountedProvider(app)), lookup_in(app.research))
