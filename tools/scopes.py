"""What a key may see and call of a tool server: a tool that only reads needs `read`, any other `act`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.types import CallToolResult, TextContent, Tool

from fraudray.domain.access import Scope
from fraudray.tools.bearer import Needs, principal_of

if TYPE_CHECKING:
    from fraudray.tools.server import ToolServer


class ScopeCheck:
    """MCP middleware: leaves tools that the caller's key may not call out of lists, and refuses calls of them."""

    def __init__(self, server: ToolServer) -> None:
        self._server = server

    async def __call__(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        """Handle one message. Without an HTTP request (stdio, in this process) nobody needs a key."""
        principal = principal_of(ctx.request)
        if principal is None:
            return await call_next(ctx)
        if ctx.method not in ("tools/list", "tools/call"):
            return await call_next(ctx)
        needed = {tool.name: needs(tool) for tool in await self._server.list_tools()}
        if ctx.method == "tools/list":
            answer = await call_next(ctx)
            if not isinstance(answer, dict):  # never a list that was not looked through
                raise TypeError(f"tools/list answered with {type(answer).__name__}")
            return answer | {"tools": [tool for tool in answer["tools"] if principal.may(needed[tool["name"]])]}
        name = str((ctx.params or {}).get("name"))
        if name in needed and not principal.may(needed[name]):
            text = f"the key {principal.name} lacks the scope {' or '.join(needed[name])}, which {name} needs"
            return CallToolResult(content=[TextContent(type="text", text=text)], is_error=True)
        return await call_next(ctx)


def needs(tool: Tool) -> Needs:
    """The scope that a tool asks for, by its own annotation."""
    reads = tool.annotations is not None and tool.annotations.read_only_hint is True
    return frozenset({Scope.READ if reads else Scope.ACT})
