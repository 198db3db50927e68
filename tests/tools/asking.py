"""Asking a tool through the SDK's own client."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import anyio
from mcp.client.client import Client
from mcp.types import BlobResourceContents, CallToolResult, EmbeddedResource, Implementation, TextContent

from fraudray.tools.catalogue import find
from fraudray.tools.provider import AppProvider

TESTER = Implementation(name="test-agent", version="1")


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the document, or the text of an error."""

    is_error: bool
    text: str
    document: dict[str, Any]
    files: tuple[bytes, ...] = ()

    def __getitem__(self, name: str) -> Any:
        assert not self.is_error, self.text
        return self.document[name]

    @property
    def error(self) -> str:
        """The error's text."""
        assert self.is_error, self.document
        return self.text


def read(result: CallToolResult) -> Answer:
    """A client's result in short."""
    text = "\n".join(part.text for part in result.content if isinstance(part, TextContent))
    files = tuple(
        base64.b64decode(part.resource.blob)
        for part in result.content
        if isinstance(part, EmbeddedResource) and isinstance(part.resource, BlobResourceContents)
    )
    return Answer(bool(result.is_error), text, dict(result.structured_content or {}), files)


def ask(server: str, provider: AppProvider, name: str, arguments: Mapping[str, Any], mode: str = "auto") -> Answer:
    """One call, in this process."""

    async def talk() -> Answer:
        async with Client(find(server).build(provider), client_info=TESTER, mode=mode) as client:
            return read(await client.call_tool(name, dict(arguments)))

    return anyio.run(talk)
