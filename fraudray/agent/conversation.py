"""What was said so far, what may still be asked, and what it has cost."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fraudray.agent import cases, prompt
from fraudray.agent.free_text import evidence_ids, solid_ids
from fraudray.agent.heard import Heard
from fraudray.agent.reveals import reveals
from fraudray.agent.spent import Spent
from fraudray.agent.verdict import action_schema, verdict_schema
from fraudray.domain.investigation import FallbackReason, FoundFact, Verdict
from fraudray.ports.investigator import Brief
from fraudray.ports.llm import ChatRequest, Message, ModelAbilities, ModelFailed, ToolSpec
from fraudray.ports.toolbox import ToolAnswer, Toolbox

ANSWER_TOKENS = 700
"""What a verdict with its prose may have, beside thinking."""
REPEATED_MAX = 2000
CALLS_AT_ONCE = 6


@dataclass(frozen=True, slots=True)
class Wanted:
    """A tool that the model asks for."""

    call_id: str
    tool: str
    arguments: Mapping[str, Any]

    @property
    def key(self) -> str:
        """The same question has the same key."""
        return json.dumps([self.tool, self.arguments], sort_keys=True, default=str)


class Conversation:
    """Holds one investigation's messages and budget."""

    def __init__(
        self, brief: Brief, nonce: str, abilities: ModelAbilities, toolbox: Toolbox | None, spent: Spent
    ) -> None:  # fmt: skip
        self._brief, self._nonce, self._spent = brief, nonce, spent
        self._native = abilities.tools == "native"
        self._tools: Sequence[ToolSpec] = toolbox.tools() if toolbox is not None else ()
        self._messages = [prompt.system(self._tools, native=self._native), cases.case(brief, nonce)]
        self._asked: set[str] = set()
        self.ids = evidence_ids(brief.evidence)
        self.found: list[FoundFact] = []
        self.verdict: Verdict | None = None

    @property
    def steps_left(self) -> int:
        """Round trips that may still be made."""
        return self._brief.budget.steps_max - self._spent.usage.round_trips

    @property
    def calls_left(self) -> int:
        """Questions that may still be put."""
        return self._brief.budget.tool_calls_max - len(self._asked)

    def request(self, *, verdict_only: bool) -> ChatRequest:
        """The next round trip; on the last one only a verdict is accepted. Raises ModelFailed when there is none."""
        budget = self._brief.budget
        left = budget.tokens_max - self._spent.usage.completion_tokens
        if self.steps_left < 1 or left < 1:
            raise ModelFailed(FallbackReason.BUDGET, "the steps or tokens of the policy are used up")
        max_tokens = min(left, budget.thinking_tokens_max + ANSWER_TOKENS)
        asks = bool(self._tools) and not verdict_only and self.steps_left > 1 and self.calls_left > 0
        common = {
            "messages": tuple(self._messages), "max_tokens": max_tokens, "priority": 0 if self._brief.waiting else 10,
        }  # fmt: skip
        if self._native and asks:
            conclude = ToolSpec(prompt.CONCLUDE, "The verdict.", verdict_schema(self.ids))
            return ChatRequest(**common, tools=(*self._tools, conclude))  # type: ignore[arg-type]
        if asks:
            schema = action_schema(self.ids, self._tools, min(self.calls_left, CALLS_AT_ONCE))
            return ChatRequest(**common, schema=schema)  # type: ignore[arg-type]
        return ChatRequest(**common, schema=verdict_schema(self.ids))  # type: ignore[arg-type]

    def wordless_request(self) -> ChatRequest:
        """One more round trip, in which nothing is told that is anybody's words or a tool's answer to a question.
        Raises ModelFailed when the budget has none."""
        solid = solid_ids(self._brief.evidence)
        self.ids = [entry for entry in evidence_ids(self._brief.evidence) if entry in solid]
        self._messages[1:] = [cases.wordless_case(self._brief, self.ids)]
        return self.request(verdict_only=True)

    def why_not(self, wanted: Wanted) -> str | None:
        """Why a question is not put; None where it is."""
        if wanted.tool not in {tool.name for tool in self._tools}:
            return "there is no such tool for an investigation; it reads, and acts on nothing"
        if reveals(wanted.key, self._nonce):
            return "its arguments are not what the tool takes"
        if wanted.key in self._asked:
            return "it was asked before"
        if self.calls_left < 1:
            return "the policy allows no more questions"
        self._asked.add(wanted.key)
        return None

    def keep(self, wanted: Wanted, answer: ToolAnswer) -> FoundFact | None:
        """An answer becomes evidence under an id of its own; None where it failed."""
        if answer.error is not None:
            return None
        number = sum(fact.tool == wanted.tool for fact in self.found) + 1
        fact = FoundFact(
            id=f"{wanted.tool}/{number}", tool=wanted.tool, arguments=dict(wanted.arguments),
            items=dict(answer.items), free_text=answer.free_text,
        )  # fmt: skip
        self.found.append(fact)
        self.ids.append(fact.id)
        return fact

    def answered(
        self, turn: Heard, wanted: Sequence[Wanted], facts: Mapping[str, tuple[str, ToolAnswer]]
    ) -> None:  # fmt: skip
        """Tell the model what its questions found."""
        said = {
            entry.call_id: cases.found(*facts[entry.call_id], self._nonce)
            if entry.call_id in facts
            else f"{entry.tool[:64]!r} may not be asked."
            for entry in wanted
        }
        if turn.calls:
            self._messages.append(Message("assistant", "", tool_calls=turn.calls))
            for call in turn.calls:
                text = said.get(call.call_id, "Ask first, then conclude.")
                self._messages.append(Message("tool", text, tool_call_id=call.call_id))
            return
        self._messages.append(Message("assistant", turn.answer[:REPEATED_MAX]))
        self._messages.append(Message("user", "\n".join(["Answers", *said.values(), "Now the verdict, or ask on."])))

    def ask_again(self, why: str) -> None:
        """The last answer was rejected."""
        self._messages.append(prompt.once_more(why, "verdict"))
