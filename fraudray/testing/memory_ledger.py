"""A ledger in memory: the engine without a database, for testing policies."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import replace

from fraudray.domain.customer import CustomerProfile
from fraudray.domain.errors import StoreFailed
from fraudray.domain.label import StoredLabel
from fraudray.features.shared import KeyHistories
from fraudray.features.state import microseconds
from fraudray.ports.labels import LabelUnit
from fraudray.ports.ledger import SIGHTED_MAX, CustomerRecord, DecisionUnit, StoredDecision


class MemoryLedger:
    """Implements `fraudray.ports.ledger.Ledger`; everything ends with the process."""

    def __init__(self, profiles: list[CustomerProfile] | None = None, *, remember_max: int | None = None) -> None:
        """With `remember_max` only so many decisions are kept, those made last."""
        self.units: deque[DecisionUnit] = deque()
        self.failing = False
        self._remember_max = remember_max
        self._customers = {p.customer_id: CustomerRecord(p.customer_id, profile=p) for p in profiles or []}
        self._owners: dict[str, frozenset[str]] = {}
        for profile in profiles or []:
            for device in profile.devices:
                owners = self._owners.get(device.device_id, frozenset())
                self._owners[device.device_id] = owners | {profile.customer_id}
        self._stored: dict[str, StoredDecision] = {}
        self._case_numbers: dict[int, int] = {}
        self._sightings: dict[str, dict[str, int]] = {}
        self.histories = KeyHistories()
        self.labels = MemoryLabels(self.histories)

    def customer(self, customer_id: str) -> CustomerRecord:
        """See `Ledger.customer`."""
        return self._customers.setdefault(customer_id, CustomerRecord(customer_id))

    def forget(self, customer_id: str) -> None:
        """See `Ledger.forget`; memory is all there is, so what was remembered of attempts is lost."""
        record = self._customers.pop(customer_id, None)
        if record is not None and record.profile is not None:
            self._customers[customer_id] = CustomerRecord(customer_id, profile=record.profile)

    def owners_of_device(self, device_id: str) -> frozenset[str]:
        """See `Ledger.owners_of_device`."""
        return self._owners.get(device_id, frozenset())

    def customers_of_device(self, device_id: str, since_us: int) -> frozenset[str]:
        """See `Ledger.customers_of_device`."""
        latest = sorted(self._sightings.get(device_id, {}).items(), key=lambda seen: -seen[1])[:SIGHTED_MAX]
        return frozenset(customer_id for customer_id, last_us in latest if last_us >= since_us)

    def find(self, transaction_id: str) -> StoredDecision | None:
        """See `Ledger.find`."""
        return self._stored.get(transaction_id)

    def next_case_id(self, year: int) -> str:
        """See `Ledger.next_case_id`."""
        self._case_numbers[year] = self._case_numbers.get(year, 0) + 1
        return f"FRD-{year:04d}-{self._case_numbers[year]:04d}"

    def commit(self, unit: DecisionUnit) -> Future[None]:
        """See `Ledger.commit`. With `failing` set, every write fails."""
        done: Future[None] = Future()
        if self.failing:
            done.set_exception(StoreFailed("told to fail"))
            return done
        self.units.append(unit)
        tx, at_us = unit.transaction, microseconds(unit.occurred_at)
        fraud = self.labels.settle(tx.transaction_id)
        self.histories.apply(unit.steps(fraud=fraud), microseconds(unit.decision.decided_at))
        if tx.device_key is not None:
            seen = self._sightings.setdefault(tx.device_key, {})
            seen[tx.customer_id] = max(at_us, seen.get(tx.customer_id, at_us))
        self._stored[tx.transaction_id] = StoredDecision(
            unit.content_hash, unit.decision, tx.stored_json, unit.occurred_at
        )
        if self._remember_max is not None and len(self.units) > self._remember_max:
            del self._stored[self.units.popleft().transaction.transaction_id]
        done.set_result(None)
        return done


class MemoryLabels:
    """Implements `fraudray.ports.labels.LabelBook`."""

    def __init__(self, histories: KeyHistories) -> None:
        self.failing = False
        self._histories = histories
        self._kept: dict[str, list[StoredLabel]] = {}

    def in_force(self, transaction_id: str) -> StoredLabel | None:
        """See `LabelBook.in_force`."""
        return next(iter(self.of(transaction_id)), None)

    def of(self, transaction_id: str) -> list[StoredLabel]:
        """See `LabelBook.of`."""
        return self._kept.get(transaction_id, [])[::-1]

    def keep(self, units: Sequence[LabelUnit]) -> Future[None]:
        """See `LabelBook.keep`. With `failing` set, every write fails."""
        done: Future[None] = Future()
        if self.failing:
            done.set_exception(StoreFailed("told to fail"))
            return done
        for unit in units:
            self._kept.setdefault(unit.stored.label.transaction_id, []).append(unit.stored)
            self._histories.apply(unit.steps, microseconds(unit.stored.recorded_at))
        done.set_result(None)
        return done

    def settle(self, transaction_id: str) -> bool:
        """The transaction is decided now: its labels wait no longer. Whether the one that holds says fraud."""
        kept = self._kept.get(transaction_id)
        if not kept:
            return False
        self._kept[transaction_id] = [replace(stored, waiting=False) for stored in kept]
        return kept[-1].waiting and kept[-1].label.fraud
