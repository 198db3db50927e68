"""Which evidence is somebody's words: a verdict that rests on it, or was reached in sight of it, does not go far."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from fraudray.domain.decision import Outcome, Reason
from fraudray.domain.evidence import LISTS, READ_TOOLS, TRANSACTION_RISK, ToolEvidence
from fraudray.domain.investigation import Verdict
from fraudray.ports.investigator import Brief

OURS = frozenset({*READ_TOOLS, LISTS})
"""Who measures what fraudray's own code makes of a payment; of others' tools it is known only what they say."""
_WORDS = frozenset({f"{TRANSACTION_RISK}/merchant"})
"""The merchant's class is found by words in a name that anybody may choose."""
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}")


def evidence_ids(evidence: Mapping[str, ToolEvidence]) -> list[str]:
    """What may be cited, `<tool>/<item>`, in order."""
    return [f"{tool}/{item}" for tool, found in evidence.items() for item in found.items]


def solid_ids(evidence: Mapping[str, ToolEvidence]) -> frozenset[str]:
    """The ids of evidence that is not free text: what our own tools measured, list entries, and of others' tools what
    holds numbers, yes and no alone, under plain names."""
    return frozenset(
        f"{tool}/{item}"
        for tool, found in evidence.items()
        for item, facts in found.items.items()
        if f"{tool}/{item}" not in _WORDS and (tool in OURS or _is_wordless(item, facts))
    )


def wordless(facts: Any) -> dict[str, Any]:
    """Of a finding's facts those that are no text: numbers, yes and no."""
    pairs = facts.items() if isinstance(facts, Mapping) else ()
    return {name: value for name, value in pairs if isinstance(value, bool | int | float) and _NAME.fullmatch(name)}


def solid_weight(evidence: Mapping[str, ToolEvidence], reasons: Sequence[Reason], cited: Collection[str]) -> int:
    """What the rules weigh together that rest on cited evidence which is not free text."""
    solid = solid_ids(evidence).intersection(cited)
    return sum(reason.weight for reason in reasons if solid.intersection(reason.evidence))


def goes_far(brief: Brief, verdict: Verdict) -> bool:
    """Whether the clamp grants it only unswayed: two levels up, or a level down."""
    if verdict.decision.severity < brief.decision.severity:
        return brief.may_lower
    needed = brief.two_levels_from
    if needed is None or verdict.decision is not Outcome.BLOCK or brief.decision is Outcome.BLOCK:
        return False
    return solid_weight(brief.evidence, brief.reasons, verdict.evidence) >= needed


def goes_as_far(second: Verdict, first: Verdict, brief: Brief) -> bool:
    """Whether a verdict that cites evidence is as far from the policy's decision, on the same side."""
    further = second.decision.severity - first.decision.severity
    up = first.decision.severity > brief.decision.severity
    return bool(second.evidence) and (further >= 0 if up else further <= 0)


def _is_wordless(item: str, facts: Any) -> bool:
    if not isinstance(facts, Mapping) or not _NAME.fullmatch(item):
        return False
    return len(wordless(facts)) == sum(value is not None for value in facts.values())
