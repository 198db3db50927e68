"""What the six servers offer, read from the servers themselves."""

from __future__ import annotations

from typing import Any

import anyio
from mcp.types import Tool
from rich.table import Table

from fraudray.settings import load_settings
from fraudray.tools.catalogue import TOOLS
from fraudray.tools.provider import StandaloneProvider


def describe() -> list[dict[str, Any]]:
    """Each server with its tools and their parameters, as JSON-ready documents. Opens no data folder."""
    return anyio.run(_describe)


async def _describe() -> list[dict[str, Any]]:
    provider = StandaloneProvider(load_settings())
    return [
        {
            "name": entry.name, "kind": entry.kind, "summary": entry.summary, "path": entry.path,
            "module": entry.module, "tools": [_tool(tool) for tool in await entry.build(provider).list_tools()],
        }
        for entry in TOOLS
    ]  # fmt: skip


def _tool(tool: Tool) -> dict[str, Any]:
    schema = tool.input_schema
    needed = set(schema.get("required", []))
    annotations = tool.annotations
    return {
        "name": tool.name,
        "title": tool.title,
        "read_only": bool(annotations and annotations.read_only_hint),
        "parameters": [
            {"name": name, "required": name in needed, "description": part.get("description")}
            for name, part in schema.get("properties", {}).items()
        ],
    }


def table(servers: list[dict[str, Any]]) -> Table:
    """The same for people."""
    shown = Table("server", "kind", "tool", "parameters (* needed)", show_lines=True)
    for server in servers:
        for tool in server["tools"]:
            names = [part["name"] + ("*" if part["required"] else "") for part in tool["parameters"]]
            shown.add_row(server["name"], server["kind"], tool["name"], ", ".join(names))
    return shown
