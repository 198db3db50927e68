"""One answer of the model in an investigation while it streams in."""

from __future__ import annotations

from collections.abc import Collection

from fraudray.agent.conversation import Wanted
from fraudray.agent.heard import Heard
from fraudray.agent.prompt import CONCLUDE
from fraudray.agent.verdict import read_answer, read_arguments, read_core
from fraudray.domain.investigation import Verdict
from fraudray.ports.llm import Delta


class Turn(Heard):
    """What is heard, and the verdict's core as soon as it is whole."""

    def __init__(self, ids: Collection[str]) -> None:
        super().__init__()
        self._ids = ids
        self.core: Verdict | None = None

    def take(self, delta: Delta) -> str:
        """See `Heard.take`."""
        shown = super().take(delta)
        if self.core is None and (delta.content or delta.tools) and self.answer:
            self.core = read_core(self.answer, self._ids)
        return shown

    def outcome(self) -> Verdict | list[Wanted]:
        """What it says as a whole: a verdict, or what it asks for. Raises Rejected."""
        asked = [call for call in self.calls if call.name != CONCLUDE]
        if asked:
            return [Wanted(call.call_id, call.name, read_arguments(call.arguments)) for call in asked]
        read = read_answer(self.whole, self._ids)
        if isinstance(read, Verdict):
            return read
        return [Wanted(f"ask-{index}", entry.tool, entry.arguments) for index, entry in enumerate(read)]
