"""The read-only tools that an investigation may ask for more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from fraudray.ports.llm import ToolSpec


@dataclass(frozen=True, slots=True)
class ToolAnswer:
    """What a tool said. With `error` there are no items."""

    items: Mapping[str, Any] = field(default_factory=dict)
    error: str | None = None
    free_text: bool = False
    """Whether what it found is somebody's words (merchant names, memos)."""


class Toolbox(Protocol):
    """Asks tools. Holds no acting tool at all."""

    def tools(self) -> Sequence[ToolSpec]:
        """What may be asked, in an order that never changes while the process runs (the prompt's prefix is cached)."""
        ...

    async def call(
        self, name: str, arguments: Mapping[str, Any], *, transaction_id: str, limit_s: float, traceparent: str | None
    ) -> ToolAnswer:
        """The answer of a tool about the transaction under investigation.

        The model supplies no ids: which customer, device, address or merchant is meant follows from the record of
        `transaction_id`. A tool that fails or is late answers with `error`; nothing is raised for it.
        """
        ...
