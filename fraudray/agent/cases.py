"""How a payment is told to the model: evidence by tool, what the policy made of it, then all that others wrote."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Protocol

from fraudray.agent.free_text import OURS, solid_ids, wordless
from fraudray.agent.glossary import REPEATED, USUAL
from fraudray.agent.quoting import ITEMS_MAX, block, quoted
from fraudray.domain.decision import Outcome, Reason
from fraudray.domain.evidence import READ_TOOLS, ToolEvidence
from fraudray.ports.investigator import Brief
from fraudray.ports.llm import Message
from fraudray.ports.toolbox import ToolAnswer

_SENT = (
    "amount", "currency", "merchant", "merchant_category", "location", "previous_location",
    "time_since_last_transaction", "timestamp", "transaction_type", "funding", "processor_outcome", "memo",
)  # fmt: skip
"""Of a transaction, what helps to judge it and is no evidence already; ids, addresses and instruments stay here."""
NOTHING = "nothing notable"
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,31}")
_Told = Callable[[str, Any], Any]


class Judged(Protocol):
    """What a policy made of a payment."""

    @property
    def decision(self) -> Outcome: ...

    @property
    def score(self) -> int: ...

    @property
    def thresholds(self) -> Mapping[str, int]: ...


def case(brief: Brief, nonce: str) -> Message:
    """The payment: evidence by id, what the policy made of it, then all that others wrote: what tools of the bank's own
    say in words, and the transaction."""
    lines = ["Evidence", *told_evidence(brief.evidence), "Policy", policy_line(brief), *map(reason_line, brief.reasons)]
    lines += ["Payment", block("data", [*in_words(brief.evidence), payment(brief.transaction)], nonce)]
    return Message("user", "\n".join(lines))


def wordless_case(brief: Brief, ids: Collection[str]) -> Message:
    """The payment without a word of anybody's: of the evidence `ids` what is no text, and what the policy made of all
    evidence."""
    told = _evidence(brief.evidence, lambda evidence_id, facts: wordless(facts) if evidence_id in ids else None)
    lines = ["Evidence", *told, "Policy", policy_line(brief)]
    for reason in brief.reasons:
        cited = [entry for entry in reason.evidence if entry in ids]
        lines.append(reason_line(reason.model_copy(update={"evidence": cited or ["other evidence"]})))
    return Message("user", "\n".join(lines))


def found(evidence_id: str, answer: ToolAnswer, nonce: str) -> str:
    """What a tool answered, as data: a line for each thing it says, rows as a table."""
    said = answer.items if answer.error is None else {"failed": answer.error}
    lines = [line for name, value in list(said.items())[:ITEMS_MAX] for line in _said(name, value)]
    return f"{evidence_id}\n" + block("data", lines, nonce)


def told_evidence(evidence: Mapping[str, ToolEvidence], at: str = "") -> Iterator[str]:
    """What is told of it as it is: our own tools' findings, and of others' what is not in words. `at` stands before
    the name of each tool."""
    solid = solid_ids(evidence)

    def told(evidence_id: str, facts: Any) -> Any:
        ours = evidence_id.partition("/")[0] in OURS
        return worth_telling(facts) if ours else facts if evidence_id in solid else None

    return _evidence(evidence, told, at)


def in_words(evidence: Mapping[str, ToolEvidence], at: str = "") -> Iterator[str]:
    """What others' tools say in words, which is data."""
    solid = solid_ids(evidence)
    for tool, found_by in evidence.items():
        for item, facts in found_by.items.items():
            if tool not in OURS and f"{tool}/{item}" not in solid:
                yield quoted({f"{at}{tool}/{item}": facts})


def payment(transaction: Mapping[str, Any]) -> str:
    """What was sent, which is data."""
    sent = ((name, transaction.get(name)) for name in _SENT)
    return ", ".join(f"{name} {quoted(value)}" for name, value in sent if value is not None)


def policy_line(decided: Judged) -> str:
    """What the policy decided."""
    review, block = decided.thresholds["review"], decided.thresholds["block"]
    return f"decision {decided.decision}, score {decided.score} of 100 (REVIEW from {review}, BLOCK from {block})"


def reason_line(reason: Reason) -> str:
    """A reason with its points and the items that it rests on; its text is others' words, in part."""
    return f"{reason.code} {reason.points}: {', '.join(map(_short, reason.evidence))}"


def _short(evidence_id: str) -> str:
    """The read tools' items have names of their own."""
    tool, _, item = evidence_id.partition("/")
    return item if tool in READ_TOOLS else evidence_id


def _evidence(evidence: Mapping[str, ToolEvidence], told: _Told, at: str = "") -> Iterator[str]:
    """A line for each tool and each of its items of which something is told; `told` leaves an item out by None."""
    for tool, found_by in evidence.items():
        if found_by.status != "ok":
            yield f"{at}{tool}: unavailable"
        items = {item: told(f"{tool}/{item}", facts) for item, facts in found_by.items.items()}
        lines = [f" {item}: {_facts(facts)}" for item, facts in items.items() if facts is not None]
        yield from [f"{at}{tool}/", *lines] if lines else []


def worth_telling(facts: Any) -> Any:
    if not isinstance(facts, Mapping):
        return facts
    return {
        name: value
        for name, value in facts.items()
        if value not in (None, "", []) and name not in REPEATED and value != USUAL.get(name)
    }


def _facts(facts: Any) -> str:
    if not isinstance(facts, Mapping):
        return quoted(facts)
    return ", ".join(_fact(name, value) for name, value in facts.items()) or NOTHING


def _said(name: str, value: Any) -> Iterator[str]:
    """Rows with the same columns have their names once; in all else names and values are told as they are."""
    if not isinstance(value, list) or not value or not all(isinstance(row, Mapping) and row for row in value):
        yield f"{_name(name)} {quoted(value)}"
        return
    columns = None
    for row in value[:ITEMS_MAX]:
        if columns != tuple(row):
            columns = tuple(row)
            yield f"{_name(name)}: " + " | ".join(map(_name, columns[:ITEMS_MAX]))
        yield " " + " | ".join(map(quoted, list(row.values())[:ITEMS_MAX]))


def _name(name: str) -> str:
    return name if _WORD.fullmatch(name) else quoted(name)


def _fact(name: str, value: Any) -> str:
    """A fact in few tokens: `hosting`, `not hosting`, `uses 3`, `mode air`, `label "New York City, NY"`."""
    name = _name(name)
    if isinstance(value, bool):
        return name if value else f"not {name}"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        value = int(value)
    said = value if isinstance(value, str) and _WORD.fullmatch(value) else quoted(value)
    return said if name == "status" else f"{name} {said}"
