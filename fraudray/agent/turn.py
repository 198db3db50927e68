"""One answer of the model while it streams in."""

from __future__ import annotations

from collections.abc import Collection

from fraudray.agent.conversation import Wanted
from fraudray.agent.prompt import CONCLUDE
from fraudray.agent.thinking import Splitter
from fraudray.agent.verdict import read_answer, read_arguments, read_core
from fraudray.domain.investigation import Verdict
from fraudray.ports.llm import Delta, TokenCount, ToolCall

CALLS_MAX = 50


class Turn:
    """Puts the pieces together: thinking, the answer, tool calls; the verdict's core as soon as it is whole."""

    def __init__(self, ids: Collection[str]) -> None:
        self._ids, self._splitter = ids, Splitter()
        self._calls: dict[int, list[str]] = {}
        self.begun = False
        self.core: Verdict | None = None
        self.thought = self.pieces = 0
        self.finish: str | None = None
        self.tokens: TokenCount | None = None

    @property
    def answer(self) -> str:
        """The answer so far: its content, or the arguments of `conclude`."""
        concluding = next((parts for parts in self._calls.values() if parts[1] == CONCLUDE), None)
        return concluding[2] if concluding is not None else self._splitter.answer

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
        if self.core is None and (delta.content or delta.tools) and self.answer:
            self.core = read_core(self.answer, self._ids)
        return shown

    def outcome(self) -> Verdict | list[Wanted]:
        """What it says as a whole: a verdict, or what it asks for. Raises Rejected."""
        asked = [call for call in self.calls if call.name != CONCLUDE]
        if asked:
            return [Wanted(call.call_id, call.name, read_arguments(call.arguments)) for call in asked]
        read = read_answer(self.answer if self._calls else self._splitter.end(), self._ids)
        if isinstance(read, Verdict):
            return read
        return [Wanted(f"ask-{index}", entry.tool, entry.arguments) for index, entry in enumerate(read)]
