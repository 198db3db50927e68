"""What a policy needs to be told, and what has to be kept for that: nothing else is worked out in a replay."""

from __future__ import annotations

from collections.abc import Mapping

from fraudray.domain.evidence import GEOLOCATION_CHECKER, IDENTITY_VERIFIER, TRANSACTION_RISK
from fraudray.features.state import Keeps
from fraudray.policy.policy import Policy

Items = Mapping[str, frozenset[str]]


def items_read(policy: Policy) -> Items:
    """Tool → the items whose facts a policy reads."""
    found: dict[str, set[str]] = {}
    for tool, item, _ in policy.reads_by_item:
        found.setdefault(tool, set()).add(item)
    return {tool: frozenset(items) for tool, items in found.items()}


def keeps_for(items: Items, not_recorded: frozenset[str]) -> Keeps:
    """The parts of a customer's state that these items rest on, in a history that lacks these fields; windows are made
    before, in columns."""
    risk, identity = items.get(TRANSACTION_RISK, frozenset()), items.get(IDENTITY_VERIFIER, frozenset())
    novel, travels = "novelty" in risk, bool(items.get(GEOLOCATION_CHECKER))
    amounts = {"habit", "deviation", "robust_deviation", "purchase", "velocity"}
    if "transaction_type" not in not_recorded:
        amounts |= {"amount"}  # a later message's amount is its purchase's
    return Keeps(
        attempts="velocity" in risk,
        track=False,
        purchases=bool(amounts & risk),
        places=travels or novel,
        seen=novel or bool({"device", "address"} & identity),
        haunts=novel,
        hours="routine" in risk,
    )
