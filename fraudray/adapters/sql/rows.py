"""Rows of several decisions, collected and written table by table with one statement each."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import orjson
from sqlalchemy import Connection, Table

from fraudray.adapters.sql import schema as t
from fraudray.adapters.sql.audit import AuditChain
from fraudray.adapters.sql.driver import Inserts
from fraudray.adapters.sql.keys import CustomerKeys
from fraudray.adapters.vault import Box
from fraudray.domain.case import CaseEntry
from fraudray.domain.decision import Outcome
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

    def insert(self, table: Table, row: Row) -> None:
        """Insert `row` when the batch is flushed."""
        self._inserts.setdefault(table, []).append(row)

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

    def open_case(self, case_id: str, *, customer_id: str, score: int, decision: Outcome, at_us: int) -> None:
        """Open a case with its first alert."""
        self.insert(
            t.cases,
            {
                "case_id": case_id,
                "customer_id": customer_id,
                "status": "open",
                "score": score,
                "decision": decision.value,
                "opened_us": at_us,
                "last_alert_us": at_us,
                "updated_us": at_us,
            },
        )

    def case_entry(self, case_id: str, customer_id: str, entry: CaseEntry, box: Box) -> None:
        """Note something on a case, and that on the audit trail."""
        at_us = t.to_us(entry.at)
        self.note(at_us, AuditNote(f"case_{entry.kind}", case_id, entry.author, {"entry_id": entry.entry_id}))
        self.insert(
            t.case_entries,
            {
                "entry_id": entry.entry_id, "case_id": case_id, "at_us": at_us, "author": entry.author,
                "kind": entry.kind, "body_sealed": box.seal(orjson.dumps(entry.body), customer_id),
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

    def committed(self) -> None:
        """The transaction is durable."""
        self._audit.committed()

    def resume(self, connection: Connection) -> bool:
        """See `AuditChain.resume`."""
        return self._audit.resume(connection)


def case_fields(row: Mapping[str, Any]) -> Row:
    """A row of `cases` as the fields of a CaseSummary."""
    return {
        "case_id": row["case_id"], "customer_id": row["customer_id"], "status": row["status"],
        "decision": row["decision"], "score": row["score"], "opened_at": t.from_us(row["opened_us"]),
        "last_alert_at": t.from_us(row["last_alert_us"]), "updated_at": t.from_us(row["updated_us"]),
    }  # fmt: skip


@lru_cache(maxsize=1024)
def _check_author(author: str) -> None:
    if not author or len(author) > AUTHOR_MAX:
        raise InvalidTransaction([FieldProblem("author", "author", f"is a name of 1 to {AUTHOR_MAX} characters")])
    if has_control_characters(author) or not is_unicode(author):
        raise InvalidTransaction([FieldProblem("author", "control_character", "contains a control character")])
