"""What the engine asks of storage: what is known of a customer, and one durable write per decision."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from fraudray.domain.case import CaseEntry
from fraudray.domain.customer import CustomerProfile, Freeze
from fraudray.domain.decision import Decision, DecisionJson
from fraudray.domain.investigation import Investigation
from fraudray.domain.transaction import Transaction
from fraudray.features.shared import KeyHistories, Step, steps_of
from fraudray.features.state import CustomerState, microseconds
from fraudray.features.track import is_attempt
from fraudray.ports.labels import LabelBook

SIGHTED_MAX = 256
"""How many customers of one device are looked at."""


@dataclass(slots=True)
class OpenCase:
    """The case that a further alert of this customer may join."""

    case_id: str
    last_alert_at: datetime


@dataclass(slots=True)
class CustomerRecord:
    """One customer as of now. The engine changes it in place, under its own lock, as it decides."""

    customer_id: str
    profile: CustomerProfile | None = None
    state: CustomerState = field(default_factory=CustomerState)
    freeze: Freeze | None = None
    open_case: OpenCase | None = None


@dataclass(frozen=True, slots=True)
class OutboxEntry:
    """An action that leaves later, at least once. What it says is read from the stored record when it leaves.

    `decision_id` is empty where no decision is behind it (a note on a case, for a webhook).
    """

    entry_id: str
    kind: str
    idempotency_key: str
    decision_id: str
    case_id: str | None
    customer_id: str
    details: dict[str, Any] = field(default_factory=dict)
    webhook_id: str | None = None


@dataclass(frozen=True, slots=True)
class AuditNote:
    """What goes on the audit trail: no personal data."""

    kind: str
    subject: str
    actor: str
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class DecisionUnit:
    """Everything that one decision writes, in one database transaction."""

    transaction: Transaction
    content_hash: str  # of the transaction as it was sent
    decision: Decision
    written: DecisionJson
    occurred_at: datetime
    state: bytes
    opens_case: bool
    freeze: Freeze | None
    outbox: Sequence[OutboxEntry]
    audit: Sequence[AuditNote]
    case_entry: CaseEntry | None = None  # what a revision notes on its case
    alerts: bool = True  # whether it is a further alert of its case
    investigation: Investigation | None = None  # what looks at it from now on

    def steps(self, *, fraud: bool) -> list[Step]:
        """What it adds to the histories of its shared keys, once: `fraud` says whether a label waited for it."""
        if self.decision.revision > 1 or not is_attempt(self.transaction):
            return []
        return steps_of(self.transaction, microseconds(self.occurred_at), attempts=1, frauds=int(fraud))


@dataclass(frozen=True, slots=True)
class StoredDecision:
    """The current revision of a decision, and the transaction that it answers."""

    content_hash: str  # of the transaction as it was sent
    decision: Decision
    transaction_json: bytes  # as it is kept
    occurred_at: datetime


class Ledger(Protocol):
    """Storage as the engine sees it. Every method may be called from any thread."""

    @property
    def histories(self) -> KeyHistories:
        """Attempts and known frauds of shared keys, up to what was committed or is being written."""
        ...

    @property
    def labels(self) -> LabelBook:
        """What became known of transactions."""
        ...

    def customer(self, customer_id: str) -> CustomerRecord:
        """What is known of a customer; an empty record for a new one. The same object until `forget`."""
        ...

    def forget(self, customer_id: str) -> None:
        """Drop what is held in memory, after a write that failed."""
        ...

    def owners_of_device(self, device_id: str) -> frozenset[str]:
        """The customers to whom this device is registered."""
        ...

    def customers_of_device(self, device_id: str, since_us: int) -> frozenset[str]:
        """The customers with whom this device was seen since then (event time, microseconds), blocked or not; of very
        many only `SIGHTED_MAX`, those seen last."""
        ...

    def find(self, transaction_id: str) -> StoredDecision | None:
        """The committed decision on a transaction. Raises StoreFailed."""
        ...

    def next_case_id(self, year: int) -> str:
        """A case id never given before: FRD-YYYY-NNNN."""
        ...

    def commit(self, unit: DecisionUnit) -> Future[None]:
        """Write a decision durably, all or nothing, in the order of calls. The future raises StoreFailed."""
        ...
