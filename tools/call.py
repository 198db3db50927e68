"""Calling a tool from the command line: an MCP client in the same process."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
from mcp.client.client import Client
from mcp.types import Implementation, TextContent

from fraudray import __version__
from fraudray.domain.errors import NotFound
from fraudray.settings import load_settings
from fraudray.tools.catalogue import ToolEntry
from fraudray.tools.provider import StandaloneProvider


@dataclass(frozen=True, slots=True)
class CallOutcome:
    """A tool's answer: its text, its structured document, whether it is an error."""

    text: str
    document: dict[str, Any] | None
    is_error: bool


def call_tool(
    entry: ToolEntry, name: str, arguments: Mapping[str, Any], pairs: Mapping[str, str], *, data_dir: Path | None
) -> CallOutcome:
    """Call tool `name` of a server with `arguments` and, read as the tool's schema says, `pairs`.

    Raises NotFound when the server has no such tool, and what loading the settings raises.
    """
    settings = load_settings(data_dir=data_dir)
    return anyio.run(_call, entry, StandaloneProvider(settings), name, dict(arguments), dict(pairs))


async def _call(
    entry: ToolEntry, provider: StandaloneProvider, name: str, arguments: dict[str, Any], pairs: dict[str, str]
) -> CallOutcome:
    server = entry.build(provider)
    # Before there is a client: what is raised inside one comes out wrapped in groups.
    tools = {tool.name: tool for tool in await server.list_tools()}
    if name not in tools:
        raise NotFound("tool", f"{name} of {entry.name}; it has {', '.join(tools)}")
    properties = tools[name].input_schema.get("properties", {})
    arguments |= {key: read_value(properties.get(key, {}), text) for key, text in pairs.items()}
    async with Client(server, client_info=Implementation(name="fraudray-cli", version=__version__)) as client:
        result = await client.call_tool(name, arguments)
    text = "\n".join(part.text for part in result.content if isinstance(part, TextContent))
    return CallOutcome(text, result.structured_content, bool(result.is_error))


def read_value(schema: Mapping[str, Any], text: str) -> Any:
    """`text` as JSON where the parameter takes more than text and it is JSON; as it stands otherwise."""
    kinds = {part.get("type") for part in schema.get("anyOf", [schema])}
    if kinds == {"string"}:
        return text
    if kinds == {"string", "null"}:
        return None if text == "null" else text
    if kinds == {"number", "string"}:
        return text  # an exact decimal
    try:
        return json.loads(text)
    except ValueError:
        return text
