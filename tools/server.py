"""An MCP server of ours: library errors become tool errors, unknown arguments are refused, logging stays the host's."""

from __future__ import annotations

import difflib
import inspect
import logging
from typing import Any

from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError, UnexpectedToolError
from mcp.shared.exceptions import MCPError
from mcp.types import (
    INVALID_PARAMS,
    CallToolResult,
    GetPromptResult,
    Implementation,
    InputRequiredResult,
    Tool,
    ToolAnnotations,
)
from pydantic import ValidationError

from fraudray import __version__
from fraudray.domain.access import ANYONE
from fraudray.domain.cards import mask
from fraudray.domain.errors import FieldProblem, FraudrayError
from fraudray.domain.transaction import field_problems
from fraudray.tools.bearer import presented_key, principal_of
from fraudray.tools.catalogue import ToolEntry
from fraudray.tools.errors import tell, tell_problems
from fraudray.tools.provider import ServedElsewhereError
from fraudray.tools.relay import pass_on
from fraudray.tools.scopes import ScopeCheck

READS = ToolAnnotations(read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False)
"""Looks and changes nothing."""

Call = Context[Any, Any]
"""What a tool may ask about the call it answers."""


class ToolServer(MCPServer[Any]):
    """The MCP server of one entry of the catalogue."""

    def __init__(self, entry: ToolEntry, *, title: str, instructions: str) -> None:
        root = logging.getLogger()
        handlers, level = root.handlers[:], root.level
        super().__init__(
            entry.name, title=title, instructions=instructions, version=__version__, log_level="WARNING",
            subscriptions=False,
        )  # fmt: skip
        # The SDK puts a handler of its own on the root logger; how a process logs is for its main program to say.
        root.handlers[:] = handlers
        root.setLevel(level)
        self.entry = entry
        self.middleware.append(ScopeCheck(self))

    async def list_tools(self) -> list[Tool]:
        """The tools, their schemas closed: an argument that is not listed is refused."""
        return [
            tool.model_copy(
                update={
                    "description": inspect.cleandoc(tool.description or ""),
                    "input_schema": tool.input_schema | {"additionalProperties": False},
                }
            )
            for tool in await super().list_tools()
        ]

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Call | None = None
    ) -> CallToolResult | InputRequiredResult:
        """Answer here or, where a running server owns the data folder, through that server.

        Raises ToolError saying what to correct. A result whose `status` is "failed" is an error result.
        """
        await self._refuse_unknown(name, arguments)
        try:
            result = await super().call_tool(name, arguments, context)
        except ToolError as error:
            cause = error.__cause__
            if isinstance(cause, ServedElsewhereError):
                url = cause.address.rstrip("/") + self.entry.path
                key = _callers_key(context) or cause.key
                return await pass_on(url, name, arguments, client_info(context), key)
            if isinstance(cause, FraudrayError):
                raise ToolError(tell(cause)) from None
            if isinstance(error, UnexpectedToolError):
                raise  # a bug: the SDK logs it and tells the caller nothing
            if isinstance(cause, ValidationError):
                raise ToolError(tell_problems(field_problems(cause))) from None
            raise ToolError(mask(str(error))) from None
        if isinstance(result, CallToolResult) and (result.structured_content or {}).get("status") == "failed":
            return result.model_copy(update={"is_error": True})
        return result

    async def get_prompt(
        self, name: str, arguments: dict[str, Any] | None = None, context: Call | None = None
    ) -> GetPromptResult | InputRequiredResult:
        """Raises MCPError: we have tools only. The SDK would report an unknown prompt as a failure of the server."""
        raise MCPError(INVALID_PARAMS, f"there is no prompt {mask(name)[:100]}; {self.entry.name} has tools only")

    async def _refuse_unknown(self, name: str, arguments: dict[str, Any]) -> None:
        schema = self._tool_input_schema(name)
        if schema is None:
            return
        known = list(schema.get("properties", {}))
        unknown = [key for key in arguments if key not in known]
        if unknown:
            raise ToolError(tell_problems(FieldProblem(key[:100], "unknown", _nearest(key, known)) for key in unknown))


def client_info(context: Call | None) -> Implementation | None:
    """The program at the other end, as it names itself: a claim."""
    try:
        params = context.session.client_params if context is not None else None
    except ValueError:  # called from Python, outside of any request
        return None
    return params.client_info if params is not None else None


def author(context: Call) -> str:
    """Who is noted as the author of what an acting tool does: the client by its own name, behind that of its key."""
    info = client_info(context)
    printable = "".join(char for char in mask(info.name) if char.isprintable()).strip() if info else ""
    claimed = f"mcp:{printable[:80] or 'unnamed client'}"
    return (principal_of(_request(context)) or ANYONE).author(claimed)


def _request(context: Call | None) -> Any:
    """The HTTP request of a call; None over stdio, in this process, and from Python."""
    try:
        return context.request_context.request if context is not None else None
    except ValueError:
        return None


def _callers_key(context: Call | None) -> str | None:
    """The key that the caller itself presented: the server that answers in our place asks for it again."""
    request = _request(context)
    principal = principal_of(request)
    return presented_key(request.scope["headers"]) if principal is not None and principal.key_id else None


def _nearest(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(known)}"
    return f"is not a parameter of this tool; {hint}"
