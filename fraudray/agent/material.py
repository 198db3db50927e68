"""How a case is told to the model that is asked about it: the newest of it first, until the prompt is full."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from fraudray.agent.cases import in_words, payment, policy_line, reason_line, told_evidence
from fraudray.agent.quoting import block, quoted
from fraudray.domain.case import shown_body
from fraudray.domain.question import QUESTION_MAX
from fraudray.ports.investigator import AskBrief, AskedDecision, AskedEntry
from fraudray.ports.llm import Message

BYTES_MAX = 24_000
"""Of all that is told of a case, in UTF-8, of which a token holds three or four: with the instructions and the answer
it fits a context of 16,000 tokens."""
ENTRIES_SHARE = 3
"""Notes and findings may have this part of it, a third, where there are decisions too."""
TEXT_MAX = 600
"""Characters of one text in a note."""
CASE = "case"


@dataclass(slots=True)
class Material:
    """What is told: plain lines, lines of data, and the ids by which they are cited."""

    plain: list[str] = field(default_factory=list)
    data: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    decisions: int = 0
    entries: int = 0
    left: int = BYTES_MAX

    def add(self, plain: list[str], data: list[str], ids: list[str]) -> bool:
        """Tell this too, where there is room."""
        size = sum(len(line.encode()) + 1 for line in (*plain, *data))
        if size > self.left:
            return False
        self.left -= size
        self.plain += plain
        self.data += data
        self.ids += ids
        return True

    def message(self, question: str, nonce: str) -> Message:
        """It as a turn of the conversation, the question last."""
        asked = f"Question {quoted(question, length_max=QUESTION_MAX)}"
        return Message("user", "\n".join([*self.plain, block("data", self.data, nonce), asked]))


def material_of(asked: AskBrief, bytes_max: int = BYTES_MAX) -> Material:
    """As much as fits: of entries a third, then decisions, the first of them in parts where it is too large."""
    told = Material(left=bytes_max)
    known = {decision.transaction_id: decision.id for decision in asked.decisions}
    named = [line for name, at in known.items() if name in asked.question for line in [f"{at} is {quoted(name)}"]]
    told.add([_case(asked)], named, [CASE])
    reserved = told.left - told.left // ENTRIES_SHARE if asked.decisions else 0
    told.left -= reserved
    for entry in asked.entries:
        if not told.add([], [_entry(entry, known)], [entry.id]):
            break
        told.entries += 1
    told.left += reserved
    for decision in asked.decisions:
        if not _tell(told, decision):
            break
        told.decisions += 1
    return told


def _tell(told: Material, decision: AskedDecision) -> bool:
    """Whether the decision is told; all of it, but for the first one, of which there is what fits."""
    parts = list(_parts(decision))
    whole = tuple([thing for part in parts for thing in part[place]] for place in range(3))
    if told.add(*whole):
        return True
    if told.decisions:
        return False
    added = [told.add(*part) for part in parts]
    return added[0]


_Part = tuple[list[str], list[str], list[str]]


def _parts(decision: AskedDecision) -> Iterator[_Part]:
    """What the policy made of it, what was sent, then a part for each tool: plain lines, data, ids."""
    at = f"{decision.id}/"
    head = f"{at}policy: {policy_line(decision)}, decided {_time(decision.decided_at)}, revision {decision.revision}"
    texts = {reason.code: reason.text for reason in decision.reasons}
    reasons = [f"{at}policy reasons: {quoted(texts)}"] if texts else []
    rules = [f" {reason_line(reason)}" for reason in decision.reasons]
    yield [head, *_became(decision), *rules], reasons, [f"{at}policy"]
    yield [], [f"{at}payment: {payment(decision.transaction)}"], [f"{at}payment"]
    for tool, found_by in decision.evidence.items():
        one = {tool: found_by}
        ids = [f"{at}{tool}/{item}" for item in found_by.items]
        yield list(told_evidence(one, at)), list(in_words(one, at)), ids


def _became(decision: AskedDecision) -> Iterator[str]:
    """What moved the score besides reasons, and what followed."""
    for adjustment in decision.adjustments:
        yield f" {adjustment.code} {adjustment.points:+d}"
    if decision.actions:
        yield " actions: " + ", ".join(f"{action.kind} {action.status}" for action in decision.actions)
    if decision.step_up is not None:
        yield f" step-up {decision.step_up.method}: {decision.step_up.status}"
    looked = decision.investigator
    if looked.verdict is not None:
        yield f" investigator: {looked.verdict} {looked.risk}, effect {looked.effect}"


def _case(asked: AskBrief) -> str:
    facts = ", ".join(
        f"{name.replace('_', ' ')} {_time(value) if isinstance(value, datetime) else quoted(value)}"
        for name, value in asked.case.items()
    )
    return f"{CASE}: {facts}, {asked.decisions_in_case} decisions, {asked.entries_in_case} entries"


def _entry(entry: AskedEntry, known: Mapping[str, str]) -> str:
    """An entry without ids of the system's: those are of no use to a reader."""
    body: dict[str, Any] = {
        name: value for name, value in shown_body(entry.body).items() if not name.endswith(("_id", "_ids"))
    }
    about = known.get(str(entry.body.get("transaction_id")))
    said = {"kind": entry.kind, "by": entry.author} | ({"about": about} if about else {}) | body
    return f"{entry.id} {_time(entry.at)}: {quoted(said, length_max=TEXT_MAX)}"


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
