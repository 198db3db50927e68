"""Two ways to call the read-only MCP servers: in this process, and by a deployment's handle."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

from mcp.client.client import Client
from mcp.types import Implementation, RequestParamsMeta

from fraudray import __version__
from fraudray.tools.catalogue import TOOLS
from fraudray.tools.provider import AppProvider
from fraudray.tools.reply import McpReply, reply_of
from fraudray.tools.server import ToolServer

_SELF = Implementation(name="fraudray-investigator", version=__version__)


class InProcessCaller:
    """The read servers in this process. It holds no acting server at all."""

    def __init__(self, provider: AppProvider) -> None:
        self._servers: dict[str, ToolServer] = {
            entry.name: entry.build(provider) for entry in TOOLS if entry.kind == "read"
        }

    async def call(
        self, server: str, tool: str, arguments: Mapping[str, Any], traceparent: str | None, limit_s: float
    ) -> McpReply:
        """See `McpCaller.call`."""
        if server not in self._servers:
            return McpReply(error=_unknown(server, self._servers))
        # The server's span takes its parent from `_meta`.
        meta = cast("RequestParamsMeta", {"traceparent": traceparent}) if traceparent is not None else None
        async with Client(self._servers[server], client_info=_SELF) as client:
            return reply_of(await client.call_tool(tool, dict(arguments), meta=meta))


class HandleCaller:
    """Servers in a deployment of their own: `ask` is its handle's method, such as `handle.call.remote`."""

    def __init__(self, ask: Callable[[str, str, dict[str, Any], str | None, float], Awaitable[McpReply]]) -> None:
        self._ask = ask

    async def call(
        self, server: str, tool: str, arguments: Mapping[str, Any], traceparent: str | None, limit_s: float
    ) -> McpReply:
        """See `McpCaller.call`."""
        return await self._ask(server, tool, dict(arguments), traceparent, limit_s)


def _unknown(server: str, known: Mapping[str, object]) -> str:
    return f"no read-only server {server} is served here; there are {', '.join(known)}"
