"""The engine's ledger on SQL: customers in a bounded cache, decisions written in groups."""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, TypeVar

import msgspec
import orjson
from sqlalchemy import BindParameter, Connection, Engine, bindparam, func, select

from fraudray.adapters.sql import schema as t
from fraudray.adapters.sql.case_writer import CaseWriter
from fraudray.adapters.sql.driver import Reader, failing
from fraudray.adapters.sql.investigationbook import row_of
from fraudray.adapters.sql.keyhours import KeyHours
from fraudray.adapters.sql.keys import CustomerKeys
from fraudray.adapters.sql.labelbook import SqlLabelBook
from fraudray.adapters.sql.rows import Rows
from fraudray.adapters.sql.seen_ids import SeenIds
from fraudray.adapters.sql.sightings import Due, Kind, Sightings
from fraudray.adapters.sql.writer import Writer
from fraudray.adapters.vault import Box, Vault
from fraudray.domain.customer import CustomerProfile, Freeze
from fraudray.domain.decision import Decision
from fraudray.domain.errors import Refused, StoreFailed
from fraudray.features.shared import Step
from fraudray.features.state import CustomerState
from fraudray.ports.ledger import CustomerRecord, DecisionUnit, OpenCase, StoredDecision

CUSTOMERS_MAX = 50_000
DEVICES_MAX = 50_000
_OWN_CASE = re.compile(r"FRD-(\d{4})-(\d{4}|[1-9]\d{4,11})")
T = TypeVar("T")
_state_decoder = msgspec.msgpack.Decoder(CustomerState)
_ID: BindParameter[str] = bindparam("id")
_FIND = (
    select(
        t.decisions.c.content_hash, t.decisions.c.customer_id, t.decisions.c.document_sealed, t.decisions.c.occurred_us
    )
    .where(t.decisions.c.transaction_id == _ID)
    .order_by(t.decisions.c.revision.desc())
    .limit(1)
)
_OWNERS = select(t.customer_links.c.customer_id).where(t.customer_links.c.blind == bindparam("blind"))
_PROFILE = select(t.customers.c.profile_sealed).where(t.customers.c.customer_id == _ID)
_STATE = select(t.customer_states.c.state_sealed).where(t.customer_states.c.customer_id == _ID)
_FREEZE = (
    select(
        t.freezes.c.freeze_id, t.freezes.c.starts_us, t.freezes.c.ends_us, t.freezes.c.decision_id,
        t.freezes.c.transaction_id,
    )
    .where(t.freezes.c.customer_id == _ID, t.freezes.c.lifted_us.is_(None))
    .order_by(t.freezes.c.ends_us.desc())
    .limit(1)
)  # fmt: skip
_CASE = (
    select(t.cases.c.case_id, t.cases.c.last_alert_us)
    .where(t.cases.c.customer_id == _ID, t.cases.c.status != "closed")
    .order_by(t.cases.c.last_alert_us.desc())
    .limit(1)
)


class SqlLedger:
    """Implements `fraudray.ports.ledger.Ledger`."""

    def __init__(
        self, engine: Engine, writer: Writer, rows: Rows, keys: CustomerKeys, vault: Vault, reader: Reader,
        cases: CaseWriter,
    ) -> None:  # fmt: skip
        self._cases = cases
        self._engine, self._writer, self._rows, self._keys, self._vault = engine, writer, rows, keys, vault
        self._reader = reader
        self._customers: OrderedDict[str, CustomerRecord] = OrderedDict()
        self._owners: OrderedDict[str, frozenset[str]] = OrderedDict()
        self._case_numbers: dict[int, int] = {}
        self._lock = threading.RLock()
        self._seen = SeenIds(engine)
        self.sightings = Sightings(reader, vault)
        self._hours = KeyHours(reader, rows, vault)
        self.histories = self._hours.histories
        self.labels = SqlLabelBook(engine, writer, rows, reader, self._hours)

    def customer(self, customer_id: str) -> CustomerRecord:
        """See `Ledger.customer`."""
        with self._lock:
            record = self._customers.get(customer_id)
            if record is None:
                record = self._customers[customer_id] = self._load(customer_id)
                while len(self._customers) > CUSTOMERS_MAX:
                    self._customers.popitem(last=False)
            else:
                self._customers.move_to_end(customer_id)
            return record

    def forget(self, customer_id: str) -> None:
        """See `Ledger.forget`."""
        with self._lock:
            self._customers.pop(customer_id, None)

    def held(self, customer_id: str) -> CustomerRecord | None:
        """The record held in memory, to be changed in place: dropping it could lose a write that still waits."""
        with self._lock:
            return self._customers.get(customer_id)

    def forget_devices(self) -> None:
        """Registrations changed: look device owners up anew."""
        with self._lock:
            self._owners.clear()

    def owners_of_device(self, device_id: str) -> frozenset[str]:
        """See `Ledger.owners_of_device`."""
        with self._lock:
            owners = self._owners.get(device_id)
            if owners is not None:
                return owners
            blind = self._vault.blind_index("device", device_id)
            found = self._reader.all(_OWNERS, blind=blind)
            owners = self._owners[device_id] = frozenset(customer_id for (customer_id,) in found)
            while len(self._owners) > DEVICES_MAX:
                self._owners.popitem(last=False)
            return owners

    def customers_of_device(self, device_id: str, since_us: int) -> frozenset[str]:
        """See `Ledger.customers_of_device`."""
        return self.sightings.customers("device", device_id, since_us)

    def find(self, transaction_id: str) -> StoredDecision | None:
        """See `Ledger.find`."""
        row = None if self._seen.never(transaction_id) else self._reader.first(_FIND, id=transaction_id)
        if row is None:
            return None
        content_hash, customer_id, sealed, occurred_us = row
        document = self.open_document(customer_id, bytes(sealed))
        if document is None:
            raise Refused(f"the decision on {transaction_id} was erased with its customer's data")
        decision = Decision.model_validate_json(document["decision"])
        return StoredDecision(content_hash, decision, document["transaction"], t.from_us(occurred_us))

    def open_document(self, customer_id: str, sealed: bytes) -> dict[str, bytes] | None:
        """The stored `decision` and `transaction` (JSON), or None once the customer was erased."""
        box = self._keys.for_reading(customer_id)
        if box is None:
            return None
        try:
            plain = box.open(sealed, customer_id)
        except ValueError:
            return None  # sealed under a key that was destroyed before a new one was made
        document: dict[str, bytes] = msgspec.msgpack.decode(plain, type=dict[str, bytes])
        return document

    def next_case_id(self, year: int) -> str:
        """See `Ledger.next_case_id`."""
        with self._lock:
            number = self._case_numbers[year] = self._last_case_number(year) + 1
            return f"FRD-{year:04d}-{number:04d}"

    def reserve_case_id(self, case_id: str) -> None:
        """Take a case id that a caller chose out of our own series. Raises Refused when it is not free."""
        if not case_id.upper().startswith("FRD-"):
            return
        found = _OWN_CASE.fullmatch(case_id)
        if found is None or int(found[2]) == 0:
            raise Refused(f"{case_id} is not of the form FRD-YYYY-NNNN; choose that, or another beginning")
        year, number = int(found[1]), int(found[2])
        with self._lock:
            if number <= self._last_case_number(year):
                raise Refused(f"{case_id} was given before; the next free one is after {self._case_numbers[year]:04d}")
            self._case_numbers[year] = number

    def _last_case_number(self, year: int) -> int:
        if year not in self._case_numbers:
            with failing(), self._engine.connect() as connection:
                last = connection.execute(
                    select(t.cases.c.case_id)
                    .where(t.cases.c.case_id.like(f"FRD-{year:04d}-%"))
                    .order_by(func.length(t.cases.c.case_id).desc(), t.cases.c.case_id.desc())
                    .limit(1)
                ).scalar()
            self._case_numbers[year] = int(last.rsplit("-", 1)[1]) if last else 0
        return self._case_numbers[year]

    def commit(self, unit: DecisionUnit) -> Future[None]:
        """See `Ledger.commit`."""
        tx = unit.transaction
        self._seen.add(tx.transaction_id)
        label = self.labels.settle(tx.transaction_id)
        steps = unit.steps(fraud=label is True)
        self.histories.apply(steps, t.to_us(unit.decision.decided_at))
        things: list[tuple[Kind, str]] = []
        if tx.device_key is not None:
            things.append(("device", tx.device_key))
        if tx.ip_address is not None:
            things.append(("address", tx.ip_address))
        at_us = t.to_us(unit.occurred_at)
        seen = [self.sightings.see(kind, value, tx.customer_id, at_us) for kind, value in things]
        due = [sighting for sighting in seen if sighting is not None]

        def forget() -> None:
            self.histories.forget(steps)
            if label is not None:
                self.labels.unsettle(tx.transaction_id, label)
            for kind, value in things:
                self.sightings.forget_thing(kind, value)

        try:
            written = self._writer.submit(
                lambda connection: self._write(connection, unit, due, steps, labelled=label is not None)
            )
        except StoreFailed:
            forget()
            raise
        written.add_done_callback(lambda done: forget() if done.exception() else None)
        return written

    def close(self) -> None:
        """Wait for what reads in the background."""
        self._seen.close()

    def _load(self, customer_id: str) -> CustomerRecord:
        record = CustomerRecord(customer_id)
        ask = self._reader.first
        profile, state = ask(_PROFILE, id=customer_id), ask(_STATE, id=customer_id)
        box = self._keys.for_reading(customer_id) if profile or state else None
        if box is not None:
            record.profile = _opened(box, profile, customer_id, CustomerProfile.model_validate_json)
            record.state = _opened(box, state, customer_id, _state_decoder.decode) or record.state
        freeze = ask(_FREEZE, id=customer_id)
        if freeze is not None:
            freeze_id, starts_us, ends_us, decision_id, transaction_id = freeze
            record.freeze = Freeze(
                freeze_id=freeze_id,
                customer_id=customer_id,
                starts_at=t.from_us(starts_us),
                ends_at=t.from_us(ends_us),
                decision_id=decision_id,
                transaction_id=transaction_id,
            )
        case = ask(_CASE, id=customer_id)
        if case is not None:
            record.open_case = OpenCase(case[0], t.from_us(case[1]))
        return record

    def _write(
        self, connection: Connection, unit: DecisionUnit, sightings: Sequence[Due], steps: Sequence[Step], *,
        labelled: bool,
    ) -> None:  # fmt: skip
        decision, tx, rows = unit.decision, unit.transaction, self._rows
        at_us = t.to_us(decision.decided_at)
        box = self._keys.for_writing(connection, tx.customer_id)
        document = msgspec.msgpack.encode(
            {
                "decision": unit.written.with_latency(decision.latency_ms),
                "transaction": tx.stored_json,
            }
        )
        rows.insert(
            t.decisions,
            {
                "decision_id": decision.decision_id,
                "revision": decision.revision,
                "transaction_id": tx.transaction_id,
                "customer_id": tx.customer_id,
                "content_hash": unit.content_hash,
                "decision": decision.decision.value,
                "score": decision.score,
                "risk": decision.risk,
                "amount_minor": tx.amount_minor,
                "currency": tx.currency,
                "merchant": tx.merchant,
                "reason_codes": orjson.dumps([reason.code for reason in decision.reasons]).decode(),
                "policy_hash": decision.policy.hash,
                "case_id": decision.case_id,
                "mcc": tx.mcc,
                "channel": tx.channel,
                "transaction_type": tx.transaction_type.value,
                "policy_name": decision.policy.name,
                "occurred_us": t.to_us(unit.occurred_at),
                "decided_us": at_us,
                "document_sealed": box.seal(document, tx.customer_id),
            },
        )
        rows.put_state(
            tx.customer_id,
            {"customer_id": tx.customer_id, "state_sealed": box.seal(unit.state, tx.customer_id), "updated_us": at_us},
        )
        for sighting in sightings:
            rows.put_sighting(sighting.blind, tx.customer_id, sighting.first_us, sighting.last_us)
        self._hours.write(steps)
        if labelled:
            self.labels.settled(connection, tx.transaction_id)
        if decision.case_id is not None:
            self._write_case(connection, unit, decision.case_id, box)
        if unit.freeze is not None:
            freeze = unit.freeze
            rows.insert(
                t.freezes,
                {
                    "freeze_id": freeze.freeze_id,
                    "customer_id": freeze.customer_id,
                    "starts_us": t.to_us(freeze.starts_at),
                    "ends_us": t.to_us(freeze.ends_at),
                    "decision_id": freeze.decision_id,
                    "transaction_id": freeze.transaction_id,
                },
            )
        if unit.investigation is not None:
            rows.insert(t.investigations, row_of(unit.investigation))
        for entry in unit.outbox:
            rows.enqueue(entry, box, at_us)
        for note in unit.audit:
            rows.note(at_us, note)

    def _write_case(self, connection: Connection, unit: DecisionUnit, case_id: str, box: Box) -> None:
        if self._cases.write(connection, unit, case_id, box) == "case.closed":
            record = self.held(unit.decision.customer_id)
            if record is not None and record.open_case is not None and record.open_case.case_id == case_id:
                record.open_case = None


def _opened(box: Box, row: tuple[Any, ...] | None, owner: str, decode: Callable[[bytes], T]) -> T | None:
    """The decoded value; None when there is none, or its key was destroyed before a new one was made."""
    if row is None:
        return None
    try:
        plain = box.open(bytes(row[0]), owner)
    except ValueError:
        return None
    return decode(plain)
