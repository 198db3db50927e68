"""Evidence from a tool of any MCP server, by its address: one open connection, a time limit, a bearer token.

Needs the `mcp` package (extra `serve`), imported when a policy first asks for a server.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterable
from contextlib import suppress
from time import monotonic
from typing import Any

import httpx2
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from mcp.types import CallToolResult, TextContent

from fraudray.domain.evidence import Item
from fraudray.domain.transaction import Transaction
from fraudray.evidence.context import Inquiry
from fraudray.evidence.own import BadAnswer, checked
from fraudray.policy.facts import Fact
from fraudray.policy.schema import McpCall

CONNECT_LIMIT_S = 5.0
DOWN_S = 1.0
"""After a failed connection it is not tried again for so long, so that a dead server costs each decision nothing."""


class RemoteEvidence:
    """A tool of a remote MCP server as a read tool. It gets the fields that the policy names and nothing else."""

    local = False

    def __init__(
        self, name: str, call: McpCall, facts: Iterable[Fact], *, url: str, token: str | None, limit_s: float
    ) -> None:
        """Begins to connect in the background; `limit_s` is what one answer may take."""
        self.name, self.limit_s = name, limit_s
        self._call, self._facts = call, tuple(facts)
        self._link = _Link(url, token)

    def gather(self, inquiry: Inquiry) -> dict[str, Item]:
        """One item, named after the tool. Raises BadAnswer when the server fails, is late or answers otherwise."""
        arguments, missing = self._arguments(inquiry.tx)
        if not arguments or missing & self._link.required(self._call.tool):
            return {self._call.tool: inquiry.absent(*self._call.arguments.values())}
        result = self._link.call(self._call.tool, arguments, limit_s=self.limit_s or CONNECT_LIMIT_S)
        answer = _structured(result)
        return checked({self._call.tool: {fact.key: _value(answer, fact.key) for fact in self._facts}}, self._facts)

    def close(self) -> None:
        """Close the connection."""
        self._link.close()

    def _arguments(self, tx: Transaction) -> tuple[dict[str, Any], set[str]]:
        """The arguments whose fields are given, and the names of the others."""
        fields = json.loads(tx.stored_json)
        given = {argument: fields[f] for argument, f in self._call.arguments.items() if f in fields}
        return given, set(self._call.arguments) - set(given)


def _structured(result: CallToolResult) -> dict[str, Any]:
    """The structured answer; a server without one may answer with JSON as its only text."""
    if result.is_error:
        raise BadAnswer("the tool answered with an error")
    if isinstance(result.structured_content, dict):
        return result.structured_content
    if len(result.content) == 1 and isinstance(result.content[0], TextContent):
        with suppress(ValueError):
            answer = json.loads(result.content[0].text)
            if isinstance(answer, dict):
                return answer
    raise BadAnswer("the tool answered nothing structured")


def _value(answer: Any, key: str) -> Any:
    """What stands under `key`, or under a path `a.b`; null means not known."""
    if isinstance(answer, dict) and key in answer:
        return answer[key]
    head, _, rest = key.partition(".")
    if rest and isinstance(answer, dict) and head in answer:
        return _value(answer[head], rest)
    raise BadAnswer(f"the answer says nothing of {key}")


class _Link:
    """A connection kept open by a thread of its own; made anew after a failure."""

    def __init__(self, url: str, token: str | None) -> None:
        self._url, self._headers = url, {"authorization": f"Bearer {token}"} if token else {}
        self._ready: asyncio.Future[Client] | None = None
        self._leave = asyncio.Event()
        self._required: dict[str, set[str]] = {}
        self._down_until = 0.0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fraudray-mcp", daemon=True)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._greet(), self._loop)

    def required(self, tool: str) -> set[str]:
        """The arguments that the server says `tool` must have; none before the first connection."""
        return self._required.get(tool, set())

    def call(self, tool: str, arguments: dict[str, Any], *, limit_s: float) -> CallToolResult:
        """The tool's answer within the limit. Raises BadAnswer."""
        asked = asyncio.run_coroutine_threadsafe(self._call(tool, arguments), self._loop)
        try:
            return asked.result(limit_s)
        except TimeoutError:
            asked.cancel()
            raise BadAnswer(f"no answer within {limit_s * 1000:.0f} ms") from None

    def close(self) -> None:
        """Close the connection and end the thread."""
        self._loop.call_soon_threadsafe(self._leave.set)
        self._loop.call_soon_threadsafe(self._loop.create_task, self._end())
        self._thread.join(CONNECT_LIMIT_S)

    async def _end(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.wait(others, timeout=1.0) if others else None
        self._loop.stop()

    async def _greet(self) -> None:
        with suppress(BadAnswer):
            await self._connected()

    async def _call(self, tool: str, arguments: dict[str, Any]) -> CallToolResult:
        client = await self._connected()
        if tool not in self._required:
            raise BadAnswer(f"the server offers no tool {tool}")
        try:
            return await client.call_tool(tool, arguments)
        except (MCPError, OSError, httpx2.HTTPError, RuntimeError, ExceptionGroup) as error:
            self._drop()
            raise BadAnswer(f"the server failed ({_kind(error)})") from None

    async def _connected(self) -> Client:
        if self._ready is None:
            if monotonic() < self._down_until:
                raise BadAnswer("the server could not be reached a moment ago")
            self._ready, self._leave = self._loop.create_future(), asyncio.Event()
            self._holder = self._loop.create_task(self._hold(self._ready, self._leave))
        return await asyncio.shield(self._ready)

    def _drop(self) -> None:
        self._leave.set()
        self._ready = None

    async def _hold(self, ready: asyncio.Future[Client], leave: asyncio.Event) -> None:
        """Open, say so, stay until told to leave. The client must be left by the task that entered it."""
        try:
            # Never through a web proxy, and no redirect elsewhere: the address is what was allowed.
            async with (
                httpx2.AsyncClient(timeout=CONNECT_LIMIT_S, trust_env=False, headers=self._headers) as http,
                Client(streamable_http_client(self._url, http_client=http)) as client,
            ):
                tools = (await client.list_tools()).tools
                self._required = {tool.name: set(tool.input_schema.get("required", ())) for tool in tools}
                ready.set_result(client)
                await leave.wait()
        except Exception as error:
            self._down_until = monotonic() + DOWN_S
            self._ready = None if self._ready is ready else self._ready
            if not ready.done():
                ready.set_exception(BadAnswer(f"the server cannot be reached ({_kind(error)})"))
                ready.exception()  # it may be that nobody waits for it


def _kind(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return type(error).__name__
