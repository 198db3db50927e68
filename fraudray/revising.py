"""Revising a stored decision: what stands, and what a change makes of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fraudray.domain.decision import Decision
from fraudray.domain.evidence import Evidence
from fraudray.domain.listing import ListMatches
from fraudray.domain.transaction import Transaction
from fraudray.policy.policy import Facts, Judgement, Policy
from fraudray.policy.schema import ActionKind


@dataclass(frozen=True, slots=True)
class Standing:
    """A stored decision as of now, under the engine's lock."""

    tx: Transaction
    decision: Decision
    policy: Policy
    now: datetime
    known: Callable[[Evidence], tuple[Facts, ListMatches]]
    """The facts by this evidence and what needs no tool, and the list entries that match, as of now."""


@dataclass(frozen=True, slots=True)
class Revision:
    """What a change makes of it."""

    decision: Decision
    judgement: Judgement
    """What the effects follow from."""
    author: str
    kind: str
    """What the case notes it as, with `body`."""
    body: dict[str, Any]
    withheld: frozenset[ActionKind] = frozenset()
    """Actions that do not follow from it."""
    alerts: bool = False
    """Whether it is a further alert of its case."""
    teaches_nothing: bool = False
    """Whether what the payment taught about the customer is forgotten."""


Change = Callable[[Standing], Revision | None]
"""None where nothing changes. Raises Refused where it may not."""
