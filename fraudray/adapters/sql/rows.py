"""Rows of several decisions, collected and written table by table with one statement each."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import orjson
from sqlalchemy import Connection, Table

from fraudray.adapters.sql import schema as t
from fraudray.adapters.sql.audit import AuditChain
from fraudray.adapters.sql.case_rows import new_row
from fraudray.adapters.sql.driver import Inserts
from fraudray.adapters.sql.keys import CustomerKeys
from fraudray.adapters.vault import Box
from fraudray.domain.case import CaseEntry, CaseSummary
from fraudray.domain.errors import FieldProblem, InvalidTransaction
from fraudray.domain.text import has_control_characters, is_unicode
from fraudray.ports.ledger import AuditNote, OutboxEntry

Row = dict[str, Any]
AUTHOR_MAX = 128


class Rows:
    """The writer's batch: pending inserts by table, upserts of customer states, and the audit chain."""

    def __init__(self, audit: AuditChain, keys: CustomerKeys, inserts: Inserts) -> None:
        self._audit, self._keys, self._driver = audit, keys, inserts
        self._inserts: dict[Table, list[Row]] = {}
        self._states: dict[str, Row] = {}
        self._sightings: dict[tuple[bytes, str], tuple[int, int]] = {}
        self._hours: dict[tuple[bytes, int], tuple[int, int]] = {}
        self._known: dict[Table, dict[tuple[Any, ...], Row]] = {}

    def insert(self, table: Table, row: Row) -> None:
        """Insert `row` when the batch is flushed."""
        self._inserts.setdefault(table, []).append(row)

    def know(self, table: Table, row: Row) -> None:
        """Have a row of a table that holds each row once, whether it is there already or not."""
        self._known.setdefault(table, {})[tuple(row[column.name] for column in table.primary_key)] = row

    def put_state(self, customer_id: str, row: Row) -> None:
        """Store a customer's newest state when the batch is flushed; an older one of the same batch is dropped."""
        self._states[customer_id] = row

    def put_sighting(self, blind: bytes, customer_id: str, first_us: int, last_us: int) -> None:
        """Store from when to when a device was seen with a customer; what is stored is only ever widened."""
        key = (blind, customer_id)
        first, last = self._sightings.get(key, (first_us, last_us))
        self._sightings[key] = (min(first, first_us), max(last, last_us))

    def add_hour(self, blind: bytes, hour: int, attempts: int, frauds: int) -> None:
        """Count attempts and frauds of a key in an hour."""
        before, known = self._hours.get((blind, hour), (0, 0))
        self._hours[blind, hour] = (before + attempts, known + frauds)

    def note(self, at_us: int, note: AuditNote) -> None:
        """Append to the audit trail. Raises InvalidTransaction for an author that it cannot name."""
        _check_author(note.actor)
        self.insert(t.audit, self._audit.append(at_us, note))

    def enqueue(self, entry: OutboxEntry, box: Box, at_us: int) -> None:
        """Put an action into the outbox, due at once."""
        self.insert(
            t.outbox,
            {
                "entry_id": entry.entry_id,
                "kind": entry.kind,
                "idempotency_key": entry.idempotency_key,
                "decision_id": entry.decision_id,
                "case_id": entry.case_id,
                "customer_id": entry.customer_id,
                "webhook_id": entry.webhook_id,
                "details_sealed": box.seal(orjson.dumps(entry.details), entry.customer_id),
                "status": "pending",
                "attempts": 0,
                "created_us": at_us,
                "due_us": at_us,
                "leased_until_us": 0,
            },
        )

    def open_case(self, summary: CaseSummary) -> None:
        """Open a case with its first alert."""
        self.insert(t.cases, new_row(summary))

    def case_entry(
        self, case_id: str, customer_id: str, entry: CaseEntry, box: Box, audit: Mapping[str, Any] | None = None
    ) -> None:
        """Note something on a case, and that on the audit trail, with what else `audit` is to say there. What was
        written stays sealed; the trail holds the digest of its sealed form."""
        at_us, sealed = t.to_us(entry.at), box.seal(orjson.dumps(entry.body), customer_id)
        body = {"entry_id": entry.entry_id, "sealed_sha256": hashlib.sha256(sealed).hexdigest()} | dict(audit or {})
        self.note(at_us, AuditNote(f"case_{entry.kind}", case_id, entry.author, body))
        self.insert(
            t.case_entries,
            {
                "entry_id": entry.entry_id, "case_id": case_id, "at_us": at_us, "author": entry.author,
                "kind": entry.kind, "body_sealed": sealed,
            },
        )  # fmt: skip

    def flush(self, connection: Connection) -> None:
        """Write everything in the current transaction."""
        for table, rows in self._inserts.items():
            self._driver.insert(connection, table, rows)
        if self._states:
            self._driver.insert(connection, t.customer_states, self._states.values(), replace=True)
        if self._sightings:
            rows = [
                {"blind": blind, "customer_id": customer_id, "first_us": first_us, "last_us": last_us}
                for (blind, customer_id), (first_us, last_us) in self._sightings.items()
            ]
            self._driver.insert(connection, t.sightings, rows, replace=True)
        if self._hours:
            rows = [
                {"blind": blind, "hour": hour, "attempts": attempts, "frauds": frauds}
                for (blind, hour), (attempts, frauds) in self._hours.items()
            ]
            self._driver.insert(connection, t.key_hours, rows, replace=True)
        for table, known in self._known.items():
            self._driver.insert(connection, table, known.values(), replace=True)
        self._clear()

    def replace(self, connection: Connection, table: Table, row: Row) -> None:
        """Insert a row now, or overwrite the one with its primary key."""
        self._driver.insert(connection, table, [row], replace=True)

    def reset(self) -> None:
        """The transaction failed: forget what it would have written."""
        self._clear()
        self._audit.rolled_back()
        self._keys.clear()

    def _clear(self) -> None:
        self._inserts.clear()
        self._states.clear()
        self._sightings.clear()
        self._hours.clear()
        self._known.clear()

    def committed(self) -> None:
        """The transaction is durable."""
        self._audit.committed()

    def resume(self, connection: Connection) -> bool:
        """See `AuditChain.resume`."""
        return self._audit.resume(connection)


@lru_cache(maxsize=1024)
def _check_author(author: str) -> None:
    if not author or len(author) > AUTHOR_MAX:
        raise InvalidTransaction([FieldProblem("author", "author", f"is a name of 1 to {AUTHOR_MAX} characters")])
    if has_control_characters(author) or not is_unicode(author):
        raise InvalidTransaction([FieldProblem("author", "control_character", "contains a control character")])
