"""What an MCP tool said to one call, and who can make such a call: in this process, or in a deployment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from mcp.types import CallToolResult, TextContent

ERROR_MAX = 500
"""Characters of a tool's error that are passed on."""


@dataclass(frozen=True, slots=True)
class McpReply:
    """A tool's structured answer or, with `error`, why there is none. Crosses process borders."""

    document: Mapping[str, Any] = field(default_factory=dict)
    error: str | None = None


class McpCaller(Protocol):
    """Calls tools of our read-only MCP servers."""

    async def call(
        self, server: str, tool: str, arguments: Mapping[str, Any], traceparent: str | None, limit_s: float
    ) -> McpReply:
        """The answer, as part of the trace that `traceparent` (W3C) names.

        May raise whatever its way of calling raises, and may be late: whoever asks keeps the time and is told nothing
        by an exception but that there is no answer.
        """
        ...


def reply_of(result: CallToolResult) -> McpReply:
    """A client's result."""
    if not result.is_error and isinstance(result.structured_content, dict):
        return McpReply(result.structured_content)
    text = "\n".join(part.text for part in result.content if isinstance(part, TextContent))
    return McpReply(error=(text or "the tool answered nothing structured")[:ERROR_MAX])
