"""What a period report counts, as the store gives it: plain columns only, so that erased customers count too."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol


class DecisionGroup(NamedTuple):
    """Decisions alike in everything that is counted. `reason_codes` is a JSON array; `amount_minor` is their sum."""

    decision: str
    score: int
    currency: str
    mcc: str | None
    channel: str | None
    transaction_type: str | None
    policy_name: str | None
    reason_codes: str
    decisions: int
    amount_minor: int


@dataclass(frozen=True, slots=True)
class ClosedCase:
    """A case as it ended; `disposition` is None once the customer was erased."""

    disposition: str | None
    open_us: int


@dataclass(frozen=True, slots=True)
class OutboxCount:
    """Actions of one kind that were put into the outbox, by what became of them."""

    kind: str
    status: str
    count: int


class Figures(Protocol):
    """Reads figures between two moments, the second one exclusive."""

    def decisions(self, start: datetime, end: datetime) -> Iterator[DecisionGroup]:
        """Current revisions decided then."""
        ...

    def cases_opened(self, start: datetime, end: datetime) -> int: ...

    def cases_closed(self, start: datetime, end: datetime) -> Iterator[ClosedCase]: ...

    def cases_open_now(self) -> int: ...

    def outbox(self, start: datetime, end: datetime) -> list[OutboxCount]: ...
