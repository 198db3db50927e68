"""Which evidence is somebody's words: a raise that rests on nothing else goes one level at most."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fraudray.domain.evidence import LISTS, READ_TOOLS, TRANSACTION_RISK, ToolEvidence

_WORDS = frozenset({f"{TRANSACTION_RISK}/merchant"})
"""The merchant's class is found by words in a name that anybody may choose."""


def evidence_ids(evidence: Mapping[str, ToolEvidence]) -> list[str]:
    """What may be cited, `<tool>/<item>`, in order."""
    return [f"{tool}/{item}" for tool, found in evidence.items() for item in found.items]


def solid_ids(evidence: Mapping[str, ToolEvidence]) -> frozenset[str]:
    """The ids of evidence that is not free text: what our own tools measured, list entries, and of others' tools what
    holds no text at all."""
    return frozenset(
        f"{tool}/{item}"
        for tool, found in evidence.items()
        for item, facts in found.items.items()
        if f"{tool}/{item}" not in _WORDS and (tool in (*READ_TOOLS, LISTS) or not _texts(facts))
    )


def _texts(facts: Any) -> bool:
    return not isinstance(facts, Mapping) or any(isinstance(value, str) for value in facts.values())
