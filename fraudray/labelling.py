"""Taking labels in: which one holds, and what it changes in the histories that features read."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from fraudray.domain.errors import FraudrayError, Refused
from fraudray.domain.label import Label, Labelled, StoredLabel
from fraudray.domain.transaction import Transaction
from fraudray.features.shared import steps_of
from fraudray.features.state import microseconds
from fraudray.features.track import is_attempt
from fraudray.ports.clock import Clock
from fraudray.ports.labels import LabelBook, LabelUnit

Decided = Callable[[str], tuple[Transaction, datetime] | None]
"""A transaction that was decided and when it happened, or None; waits for one that is being written."""


@dataclass(frozen=True, slots=True)
class _New:
    """A label to keep. `turned` is what it adds to the frauds under the transaction's keys: 1, 0 or -1."""

    stored: StoredLabel
    turned: int


class Labelling:
    """Takes labels in one call after another, so that each sees what the one before it changed."""

    def __init__(self, book: LabelBook, decided: Decided, clock: Clock, deciding: threading.RLock) -> None:
        """`deciding` is held while it is found out whether a transaction was decided, so that none is decided between
        that and its label's waiting."""
        self._book, self._decided, self._clock, self._deciding = book, decided, clock, deciding
        self._lock = threading.Lock()

    def take(
        self, labels: Iterable[Label | Mapping[str, Any]], *, author: str = "caller"
    ) -> list[Labelled | FraudrayError]:
        """Keep labels, durable when this returns; a bad one gives its error in its place and stops no other.

        Raises StoreFailed: none of them was kept.
        """
        now = self._clock.now()
        with self._lock:
            answers: list[Labelled | FraudrayError] = []
            new: list[_New] = []
            holds: dict[str, StoredLabel] = {}  # what holds once the new ones are kept
            for given in labels:
                try:
                    label = given if isinstance(given, Label) else Label.parse(given, now=now)
                except FraudrayError as error:
                    answers.append(error)
                    continue
                name = label.transaction_id
                answer, found = _judge(label, holds.get(name) or self._book.in_force(name), now, author)
                if found is not None:
                    new.append(found)
                    holds[name] = found.stored
                answers.append(answer)
            kept = self._keep(new)
            return [
                replace(answer, stored=kept.get(answer.stored.label.transaction_id, answer.stored))
                if isinstance(answer, Labelled)
                else answer
                for answer in answers
            ]

    def _keep(self, new: Sequence[_New]) -> dict[str, StoredLabel]:
        """Write them; what holds for each transaction now."""
        if not new:
            return {}
        found = [self._unit(entry) for entry in new]  # most were decided long ago: no decision waits for reading them
        with self._deciding:
            units = [
                unit or self._unit(entry) or LabelUnit(replace(entry.stored, waiting=True), ())
                for entry, unit in zip(new, found, strict=True)
            ]
            durable = self._book.keep(units)
        durable.result()
        return {unit.stored.label.transaction_id: unit.stored for unit in units}

    def _unit(self, new: _New) -> LabelUnit | None:
        """What is to be written; None when its transaction was not decided."""
        try:
            found = self._decided(new.stored.label.transaction_id)
        except Refused:
            return LabelUnit(new.stored, ())  # erased with its customer: nobody knows its keys any more
        if found is None:
            return None
        tx, at = found
        if not new.turned or not is_attempt(tx):
            return LabelUnit(new.stored, ())
        return LabelUnit(new.stored, steps_of(tx, microseconds(at), attempts=0, frauds=new.turned))


def _judge(label: Label, before: StoredLabel | None, now: datetime, author: str) -> tuple[Labelled, _New | None]:
    at = label.labelled_at or now
    if before is None:
        stored = StoredLabel(label, 1, at, now, author, waiting=False)
        return Labelled("recorded", stored), _New(stored, int(label.fraud))
    if _statement(before.label) == _statement(label):
        return Labelled("unchanged", before), None
    if at < before.labelled_at:
        return Labelled("older", before), None
    stored = StoredLabel(label, before.revision + 1, at, now, author, waiting=False)
    return Labelled("corrected", stored), _New(stored, int(label.fraud) - int(before.label.fraud))


def _statement(label: Label) -> tuple[object, ...]:
    """What it says, whenever it says so."""
    return label.label, label.source, label.scenario
