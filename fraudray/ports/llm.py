"""A chat model that streams, in the agent's words."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from fraudray.domain.errors import FraudrayError
from fraudray.domain.investigation import FallbackReason


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool that the model asks for; `arguments` is JSON as it wrote it."""

    call_id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of the conversation."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool as the model sees it. `parameters` is a JSON schema of an object."""

    name: str
    description: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One round trip."""

    messages: Sequence[Message]
    max_tokens: int
    schema: Mapping[str, Any] | None = None
    """What the answer must conform to (structured output)."""
    tools: Sequence[ToolSpec] = ()
    """Where there are any, the answer is a call of one or more of them."""
    priority: int = 0
    """Lower goes first, where the engine has priorities: waiting clients 0, background work above."""
    traceparent: str | None = None
    """The span that the engine's work belongs to (W3C Trace Context)."""


@dataclass(frozen=True, slots=True)
class TokenCount:
    """What a round trip cost, as the engine counts."""

    prompt: int = 0
    cached: int = 0
    completion: int = 0
    reasoning: int = 0


@dataclass(frozen=True, slots=True)
class ToolPiece:
    """A piece of a tool call: what belongs to the same `index` is put together, its arguments in order."""

    index: int
    call_id: str = ""
    name: str = ""
    arguments: str = ""


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of the answer; each field is empty where this piece has none of it.

    `reasoning` is thinking that the server separated itself (`reasoning`, `reasoning_content`); thinking inside
    `content` is the agent's to separate.
    """

    content: str = ""
    reasoning: str = ""
    tools: tuple[ToolPiece, ...] = ()
    finish: str | None = None
    """The server's finish reason: stop, length, tool_calls, ..."""
    tokens: TokenCount | None = None


class ModelFailed(FraudrayError):
    """The model gave no usable answer; `reason` says in which way."""

    def __init__(self, reason: FallbackReason, detail: str, retry_after_s: float | None = None) -> None:
        """`retry_after_s` is what the server asked for."""
        self.reason, self.detail, self.retry_after_s = reason, detail, retry_after_s
        super().__init__(f"{reason}: {detail}")

    def __reduce__(self) -> tuple[type[ModelFailed], tuple[FallbackReason, str, float | None]]:
        return type(self), (self.reason, self.detail, self.retry_after_s)


@dataclass(frozen=True, slots=True)
class ModelAbilities:
    """What the model can do, as the settings say."""

    name: str
    tools: Literal["native", "actions", "none"] = "actions"
    """How it asks for more: by tool calls, by schema-bound actions, or not at all."""
    temperature: float | None = 0.6
    """None: as the endpoint sees fit."""
    priorities: bool = False
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Further members of every request's body."""


class ChatModel(Protocol):
    """One model at one address. Every call is bounded by the caller's timeout (asyncio.timeout) too."""

    @property
    def abilities(self) -> ModelAbilities:
        """What it can do."""
        ...

    def stream(self, request: ChatRequest) -> AsyncGenerator[Delta]:
        """The answer, piece by piece. Raises ModelFailed; never retries by itself."""
        ...

    async def probe(self) -> None:
        """A real completion of one token. Raises ModelFailed where it does not answer."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...
