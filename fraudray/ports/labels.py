"""What the engine asks of the store of labels."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Protocol

from fraudray.domain.label import StoredLabel
from fraudray.features.shared import Step


@dataclass(frozen=True, slots=True)
class LabelUnit:
    """One label to keep, and what it changes in the histories of its transaction's keys."""

    stored: StoredLabel
    steps: Sequence[Step]


class LabelBook(Protocol):
    """Labels by transaction. Every method may be called from any thread."""

    def in_force(self, transaction_id: str) -> StoredLabel | None:
        """The label that holds. Raises StoreFailed."""
        ...

    def of(self, transaction_id: str) -> list[StoredLabel]:
        """All labels of a transaction, the one that holds first. Raises StoreFailed."""
        ...

    def keep(self, units: Sequence[LabelUnit]) -> Future[None]:
        """Write labels durably, in order, all or nothing; a waiting one is known to `Ledger.commit` at once.

        Raises StoreFailed: too many wait.
        """
        ...
