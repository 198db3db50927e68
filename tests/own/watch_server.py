"""A real MCP server that watches merchants, with everything that it received, and ways to answer badly."""

from __future__ import annotations

import hmac
import json
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from mcp.server import MCPServer
from starlette.types import ASGIApp, Receive, Scope, Send

Answer = Callable[[], Awaitable[Any]]
GOOD = {"listed": True, "days": 12, "note": "on the list", "more": {"score": 0.5}}


async def good() -> Any:
    return GOOD


@dataclass
class WatchServer:
    """`answer` says what the tool answers; `received` is every tool call's arguments and headers."""

    token: str | None = None
    stateless: bool = True
    answer: Answer = good
    received: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    def app(self) -> ASGIApp:
        server = MCPServer("watch", log_level="WARNING")

        @server.tool()
        async def check_merchant(merchant: str, amount: float | None = None) -> dict[str, Any]:
            """Says whether a merchant is watched."""
            answer: dict[str, Any] = await self.answer()
            return answer

        @server.tool(structured_output=False)
        async def check_in_words(merchant: str) -> str:
            """The same as text."""
            return json.dumps(await self.answer())

        inner = server.streamable_http_app(stateless_http=self.stateless, json_response=self.stateless)
        return self._guarded(inner)

    def _guarded(self, inner: ASGIApp) -> ASGIApp:
        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await inner(scope, receive, send)
                return
            headers = {name.decode(): value.decode() for name, value in scope["headers"]}
            self.headers.append(headers)
            wanted = f"Bearer {self.token}"
            if self.token and not hmac.compare_digest(headers.get("authorization", ""), wanted):
                await send({"type": "http.response.start", "status": 401, "headers": []})
                await send({"type": "http.response.body", "body": b""})
                return

            async def heard() -> Any:
                message = await receive()
                body = message.get("body") or b"{}"
                if b'"tools/call"' in body:
                    self.received.append(json.loads(body)["params"])
                return message

            await inner(scope, heard, send)

        return app


if __name__ == "__main__":
    uvicorn.run(WatchServer().app(), host="127.0.0.1", port=int(sys.argv[1]), log_config=None)
