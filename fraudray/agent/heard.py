"""What is heard of a model while its answer streams in: thinking, the answer, tool calls, what it cost."""

from __future__ import annotations

from fraudray.agent.prompt import CONCLUDE
from fraudray.agent.thinking import Splitter
from fraudray.ports.llm import Delta, TokenCount, ToolCall

CALLS_MAX = 50


class Heard:
    """Puts the pieces of one answer together. What the answer means is its reader's to know."""

    def __init__(self) -> None:
        self._splitter = Splitter()
        self._calls: dict[int, list[str]] = {}
        self.begun = False
        self.thought = self.pieces = 0
        self.finish: str | None = None
        self.tokens: TokenCount | None = None

    @property
    def answer(self) -> str:
        """The answer so far: its content, or the arguments of `conclude`."""
        concluding = next((parts for parts in self._calls.values() if parts[1] == CONCLUDE), None)
        return concluding[2] if concluding is not None else self._splitter.answer

    @property
    def whole(self) -> str:
        """The answer at its end; where there is none, what the thinking ends with, if that is one."""
        return self.answer if self._calls else self._splitter.end()

    @property
    def thinking(self) -> str:
        """The thinking so far."""
        return self._splitter.thinking

    @property
    def calls(self) -> tuple[ToolCall, ...]:
        """The tools that were called."""
        return tuple(
            ToolCall(call_id or f"call-{index}", name, arguments or "{}")
            for index, (call_id, name, arguments) in sorted(self._calls.items())
        )

    def take(self, delta: Delta) -> str:
        """Add a piece; what of it is thinking."""
        self.begun = self.begun or bool(delta.content or delta.reasoning or delta.tools)
        self.finish = delta.finish or self.finish
        self.tokens = delta.tokens or self.tokens
        self.pieces += bool(delta.content or delta.reasoning or delta.tools)
        shown = self._splitter.reasoning(delta.reasoning) if delta.reasoning else ""
        if delta.content:
            shown += self._splitter.content(delta.content)
        self.thought += bool(shown)
        for piece in delta.tools:
            if piece.index not in self._calls and len(self._calls) >= CALLS_MAX:
                continue
            parts = self._calls.setdefault(piece.index, ["", "", ""])
            for place, text in enumerate((piece.call_id, piece.name, piece.arguments)):
                parts[place] += text
        return shown
