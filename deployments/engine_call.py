"""What crosses a deployment handle between an OpenAI client and the engine: an HTTP request, its answer in pieces."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

ENGINE = "Engine"
"""The name of the engine's deployment."""

# Of a request: what the engine may use. Not the caller's credentials.
_FORWARDED = ("content-type", "accept", "traceparent", "tracestate", "x-request-id")


@dataclass(frozen=True, slots=True)
class EngineCall:
    """A request. `prompt` is the text that its prompt begins with, for the router that looks for cached prefixes."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    prompt: str

    @classmethod
    def make(cls, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Self:
        """From the parts of an HTTP request; the header names of `headers` match in any case."""
        kept = tuple((name, headers[name]) for name in _FORWARDED if name in headers)
        return cls(method, path, kept, body, _prompt(body))


@dataclass(frozen=True, slots=True)
class EngineHead:
    """The first piece of an answer; the others are bytes of its body."""

    status: int
    headers: tuple[tuple[str, str], ...]


def error_body(message: str, kind: str) -> bytes:
    """An error as OpenAI's API writes it."""
    return json.dumps({"error": {"message": message, "type": kind, "param": None, "code": None}}).encode()


def _prompt(body: bytes) -> str:
    """The texts of a chat's messages one after another, or a completion's prompt; empty for anything else."""
    try:
        content = json.loads(body)
    except ValueError:
        return ""
    if not isinstance(content, dict):
        return ""
    if isinstance(prompt := content.get("prompt"), str):
        return prompt
    messages = content.get("messages")
    if not isinstance(messages, list):
        return ""
    return "\n".join(_text(message.get("content")) for message in messages if isinstance(message, dict))


def _text(content: object) -> str:
    """A message's content, which may be in parts."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    texts = [part.get("text") for part in parts if isinstance(part, dict)]
    return "".join(text for text in texts if isinstance(text, str))
