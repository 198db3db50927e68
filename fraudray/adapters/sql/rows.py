"""Rows of several decisions, collected and written table by table with one statement each."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Table, insert
from sqlalchemy.dialects import postgresql, sqlite

from fraudray.adapters.sql import schema as t
from fraudray.adapters.sql.audit import AuditChain
from fraudray.adapters.sql.keys import CustomerKeys
from fraudray.ports.ledger import AuditNote

Row = dict[str, Any]


class Rows:
    """The writer's batch: pending inserts by table, upserts of customer states, and the audit chain."""

    def __init__(self, audit: AuditChain, keys: CustomerKeys) -> None:
        self._audit, self._keys = audit, keys
        self._inserts: dict[Table, list[Row]] = {}
        self._states: dict[str, Row] = {}

    def insert(self, table: Table, row: Row) -> None:
        """Insert `row` when the batch is flushed."""
        self._inserts.setdefault(table, []).append(row)

    def put_state(self, customer_id: str, row: Row) -> None:
        """Store a customer's newest state when the batch is flushed; an older one of the same batch is dropped."""
        self._states[customer_id] = row

    def note(self, at_us: int, note: AuditNote) -> None:
        """Append to the audit trail."""
        self.insert(t.audit, self._audit.append(at_us, note))

    def flush(self, connection: Connection) -> None:
        """Write everything in the current transaction."""
        for table, rows in self._inserts.items():
            connection.execute(insert(table), rows)
        if self._states:
            upsert(connection, t.customer_states, list(self._states.values()))
        self._inserts.clear()
        self._states.clear()

    def reset(self) -> None:
        """The transaction failed: forget what it would have written."""
        self._inserts.clear()
        self._states.clear()
        self._audit.rolled_back()
        self._keys.clear()

    def committed(self) -> None:
        """The transaction is durable."""
        self._audit.committed()


def upsert(connection: Connection, table: Table, rows: list[Row]) -> None:
    """Insert rows, or replace those with the same primary key."""
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    statement = dialect.insert(table)
    keys = [column.name for column in table.primary_key]
    changed = {c.name: statement.excluded[c.name] for c in table.columns if c.name in rows[0] and c.name not in keys}
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=changed), rows)
