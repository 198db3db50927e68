"""A connection to one MCP server, kept open in a thread of its own and made anew when it breaks.

A call waits for a first connection, and for the next one after a break; while a server is known to be away calls fail
at once, and it is tried again in the background. All state belongs to the event loop of that thread.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError, Future
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import anyio
import httpx2
import jsonschema.validators  # noqa: F401 - else the SDK imports it in the first call, within its limit: 0.1 s, or 1 s with formats
from anyio.from_thread import start_blocking_portal
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from mcp.types import CallToolResult, Tool

from fraudray.adapters.bounded_http import BoundedTransport
from fraudray.evidence.own import BadAnswer

log = logging.getLogger(__name__)
CONNECT_LIMIT_S = 5.0
AGAIN_S = 1.0
"""A server that cannot be reached is tried again after so long."""
CLOSE_LIMIT_S = 1.0
ANSWER_MAX = 1024 * 1024
PAGES_MAX = 20
INVALID_PARAMS = -32602
Arguments = Callable[[Mapping[str, Any]], dict[str, Any] | None]
"""From a tool's input schema to what it is given; None where it cannot be asked."""


@dataclass(eq=False, slots=True)
class _Session:
    """An open connection. It is left when it is no longer the live one and its last call is over."""

    client: Client
    tools: dict[str, Tool]
    live: bool = True
    calls: int = 0
    leave: anyio.Event = field(default_factory=anyio.Event)

    def leave_if_unused(self) -> None:
        if not self.live and not self.calls:
            self.leave.set()


class Link:
    """Calls tools of one MCP server by streamable HTTP, in whichever protocol version it speaks. Thread-safe."""

    def __init__(self, name: str, url: str, token: str | None) -> None:
        """Begins to connect in the background."""
        self._name, self._url = name, url
        self._headers = {"authorization": f"Bearer {token}"} if token else {}
        self._session: asyncio.Future[_Session] | None = None
        self._refused: int | None = None  # the HTTP status of a server that lets nobody in
        self._stack = ExitStack()
        self._portal = self._stack.enter_context(start_blocking_portal(name=f"fraudray-mcp-{name}"))
        self._closing = self._portal.call(anyio.Event)
        self._life: Future[None] = self._portal.start_task_soon(self._live)

    def call(self, tool: str, arguments: Arguments, *, limit_s: float) -> CallToolResult | None:
        """The tool's answer within the limit; None where it was not asked. Raises BadAnswer."""
        try:
            asked = self._portal.start_task_soon(self._call, tool, arguments)
        except RuntimeError:
            raise BadAnswer("the connection is closed") from None
        try:
            return asked.result(limit_s)
        except TimeoutError:
            asked.cancel()
            raise BadAnswer(f"no answer within {limit_s * 1000:.0f} ms") from None
        except CancelledError:
            raise BadAnswer("the connection was closed") from None

    def close(self) -> None:
        """Close the connection and end the thread; calls under way fail."""
        self._portal.call(self._closing.set)
        self._life.result()
        self._portal.call(self._portal.stop, True)
        self._stack.close()

    async def _live(self) -> None:
        async with anyio.create_task_group() as self._holders:
            self._connect()
            await self._closing.wait()
            self._holders.cancel_scope.deadline = anyio.current_time() + CLOSE_LIMIT_S

    async def _call(self, tool: str, arguments: Arguments) -> CallToolResult | None:
        session = await asyncio.shield(self._session or self._connect())
        if tool not in session.tools:
            raise BadAnswer(f"the server offers no tool {tool}")
        given = arguments(session.tools[tool].input_schema)
        if given is None:
            return None
        session.calls += 1
        try:
            return await session.client.call_tool(tool, given)
        except Exception as error:
            if not (isinstance(error, MCPError) and error.code == INVALID_PARAMS):
                self._renounce(session)
            raise BadAnswer(f"the server failed ({_kind(error)})") from None
        finally:
            session.calls -= 1
            session.leave_if_unused()

    def _connect(self) -> asyncio.Future[_Session]:
        """Open a connection; whoever calls meanwhile waits for it."""
        if self._closing.is_set():
            raise BadAnswer("the connection is closed")
        self._session = asyncio.get_running_loop().create_future()
        self._holders.start_soon(self._hold)
        return self._session

    def _renounce(self, session: _Session) -> None:
        """Use the connection for no further call; the next one opens another."""
        if session.live:
            session.live, self._session = False, None

    async def _hold(self) -> None:
        """Open a connection, as often as it takes, and stay until it is left or breaks.

        One task, since the client must be left by the task that entered it.
        """
        while not self._closing.is_set():
            session, self._refused = None, None
            try:
                # Never through a proxy of the environment. The SDK follows no redirect to another origin.
                async with (
                    httpx2.AsyncClient(
                        transport=BoundedTransport(ANSWER_MAX), timeout=CONNECT_LIMIT_S, trust_env=False,
                        headers=self._headers, event_hooks={"response": [self._heard]},
                    ) as http,
                    Client(
                        streamable_http_client(self._url, http_client=http), read_timeout_seconds=CONNECT_LIMIT_S
                    ) as client,
                ):  # fmt: skip
                    session = _Session(client, await _tools_of(client))
                    self._opened(session)
                    await _first(session.leave, self._closing)
                return
            except Exception as error:
                if session is not None:
                    log.warning("the connection to %s broke: %s", self._name, _kind(error))
                    self._renounce(session)
                    return
                self._failed(error)
            with anyio.move_on_after(AGAIN_S):
                await self._closing.wait()

    async def _heard(self, response: httpx2.Response) -> None:
        if response.status_code >= 300:
            self._refused = response.status_code

    def _opened(self, session: _Session) -> None:
        if self._session is None or self._session.done():  # it failed before
            self._session = asyncio.get_running_loop().create_future()
        self._session.set_result(session)
        log.info("connected to %s", self._name)

    def _failed(self, error: Exception) -> None:
        if self._session is None or self._session.done():
            return
        why = f"HTTP {self._refused}" if self._refused else _kind(error)
        log.error("%s cannot be reached: %s; trying again every %g s", self._name, why, AGAIN_S)
        self._session.set_exception(BadAnswer(f"the server cannot be reached ({why})"))
        self._session.exception()  # it may be that nobody waits for it


async def _tools_of(client: Client) -> dict[str, Tool]:
    tools: dict[str, Tool] = {}
    cursor = None
    for _ in range(PAGES_MAX):
        page = await client.list_tools(cursor=cursor)
        tools |= {tool.name: tool for tool in page.tools}
        cursor = page.next_cursor
        if cursor is None:
            break
    return tools


async def _first(*events: anyio.Event) -> None:
    """Return when one of the events is set."""

    async def wait(event: anyio.Event) -> None:
        await event.wait()
        tasks.cancel_scope.cancel()

    async with anyio.create_task_group() as tasks:
        for event in events:
            tasks.start_soon(wait, event)


def _kind(error: BaseException) -> str:
    """The innermost kind of a failure, with the HTTP server's or protocol's own code where there is one."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"MCP error {error.code}" if isinstance(error, MCPError) else type(error).__name__
