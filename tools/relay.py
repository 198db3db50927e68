"""Passing a call on to the running server that owns the data folder."""

from __future__ import annotations

from typing import Any

import httpx2
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.server.mcpserver.exceptions import ToolError
from mcp.shared.exceptions import MCPError
from mcp.types import CallToolResult, Implementation

from fraudray.client.wire import key_header

TIMEOUT_S = 20.0


async def pass_on(
    url: str, name: str, arguments: dict[str, Any], client: Implementation | None, key: str | None = None
) -> CallToolResult:
    """The other server's answer, under the first client's name and with `key`.

    Raises ToolError when it does not answer.
    """
    refused: list[int] = []

    async def watch(response: httpx2.Response) -> None:
        if response.status_code in (401, 403):
            refused.append(response.status_code)

    try:
        # Never through a web proxy: the server is on this machine or named by its owner.
        async with (
            httpx2.AsyncClient(
                timeout=TIMEOUT_S, trust_env=False, headers=key_header(key), event_hooks={"response": [watch]}
            ) as http,
            Client(streamable_http_client(url, http_client=http), client_info=client) as session,
        ):
            return await session.call_tool(name, arguments)
    except (MCPError, OSError, httpx2.HTTPError, ExceptionGroup) as error:
        if refused:
            raise ToolError(
                f"the fraudray server at {url} owns the data folder and refused the key ({refused[0]}); "
                "set FRAUDRAY_API_KEY to one that is in force"
            ) from None
        raise ToolError(
            f"the fraudray server at {url} owns the data folder but does not answer ({_kind(error)}); "
            "try again, or stop that server"
        ) from None


def _kind(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return type(error).__name__
