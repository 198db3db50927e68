"""The durable outbox: entries are leased, tried with growing pauses, and end done or dead, never lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, Engine, Row, func, or_, select, update

from fraudray.adapters.sql import schema as t
from fraudray.adapters.sql.driver import failing
from fraudray.adapters.sql.keys import CustomerKeys
from fraudray.adapters.sql.rows import Rows
from fraudray.adapters.sql.writer import Writer
from fraudray.domain.errors import NotFound, Refused
from fraudray.ports.ledger import AuditNote, OutboxEntry

LEASE_S = 60
ATTEMPTS_MAX = 16  # over an hour, with the pauses below
PAUSE_FIRST_S = 2
PAUSE_MAX_S = 600
OUTCOME_MAX = 4000


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """An entry and what became of it: `pending`, `done` or `dead` (given up; `fraudray outbox retry`)."""

    entry: OutboxEntry
    status: str
    attempts: int
    created_at: datetime
    due_at: datetime
    outcome: str | None


class SqlOutbox:
    """At least once: an entry whose lease ran out is taken again, under the same idempotency key."""

    def __init__(self, engine: Engine, writer: Writer, rows: Rows, keys: CustomerKeys) -> None:
        self._engine, self._writer, self._rows, self._keys = engine, writer, rows, keys

    def add(self, entry: OutboxEntry, at: datetime, *, actor: str) -> bool:
        """Put an entry in; False when one with its idempotency key is there already."""
        at_us = t.to_us(at)

        def write(connection: Connection) -> bool:
            key = entry.idempotency_key
            if connection.execute(select(t.outbox.c.entry_id).where(t.outbox.c.idempotency_key == key)).first():
                return False
            self._rows.enqueue(entry, self._keys.for_writing(connection, entry.customer_id), at_us)
            self._rows.note(at_us, AuditNote("action_requested", entry.entry_id, actor, {"kind": entry.kind}))
            return True

        return bool(self._writer.submit(write).result())

    def lease(
        self, now: datetime, *, webhook_id: str | None = None, limit: int = 5, lease_s: float = LEASE_S
    ) -> list[OutboxRow]:
        """Take what is due, for a minute or `lease_s`: of one webhook, or of what goes to none."""
        now_us = t.to_us(now)
        due = (
            select(t.outbox)
            .where(t.outbox.c.webhook_id == webhook_id, *_due(now_us))
            .order_by(t.outbox.c.due_us, t.outbox.c.entry_id)
            .limit(limit)
        )
        with failing(), self._engine.connect() as connection:
            if connection.execute(due.limit(1)).first() is None:
                return []

        def take(connection: Connection) -> list[OutboxRow]:
            rows = connection.execute(due).all()
            if rows:
                connection.execute(
                    update(t.outbox)
                    .where(t.outbox.c.entry_id.in_([row.entry_id for row in rows]))
                    .values(leased_until_us=now_us + round(lease_s * 1_000_000), attempts=t.outbox.c.attempts + 1)
                )
            return [self._row(row, attempts=row.attempts + 1) for row in rows]

        return self._writer.submit(take).result()  # type: ignore[no-any-return]

    def due_webhooks(self, now: datetime) -> list[str]:
        """The webhooks that something is due for, what waits longest first."""
        statement = (
            select(t.outbox.c.webhook_id)
            .where(t.outbox.c.webhook_id.is_not(None), *_due(t.to_us(now)))
            .group_by(t.outbox.c.webhook_id)
            .order_by(func.min(t.outbox.c.due_us))
        )
        with failing(), self._engine.connect() as connection:
            return [*connection.execute(statement).scalars()]

    def failures_of(self, webhook_id: str, *, limit: int) -> list[OutboxRow]:
        """A webhook's entries that failed and did not leave since, newest first."""
        o = t.outbox.c
        statement = (
            select(t.outbox)
            .where(o.webhook_id == webhook_id, o.status.in_(("pending", "dead")), o.outcome.is_not(None))
            .order_by(o.created_us.desc(), o.entry_id)
        )
        with failing(), self._engine.connect() as connection:
            return [self._row(row) for row in connection.execute(statement.limit(limit))]

    def count_of(self, webhook_id: str) -> dict[str, int]:
        """A webhook's entries by status."""
        o = t.outbox.c
        statement = select(o.status, func.count().label("number")).where(
            o.webhook_id == webhook_id, o.status.in_(("pending", "done", "dead"))
        )
        with failing(), self._engine.connect() as connection:
            found = {row.status: row.number for row in connection.execute(statement.group_by(o.status))}
        return {"pending": 0, "done": 0, "dead": 0} | found

    def release(self, rows: Sequence[OutboxRow]) -> None:
        """Give back what was leased and not tried."""
        if not rows:
            return

        def write(connection: Connection) -> None:
            connection.execute(
                update(t.outbox)
                .where(t.outbox.c.entry_id.in_([row.entry.entry_id for row in rows]))
                .values(leased_until_us=0, attempts=t.outbox.c.attempts - 1)
            )

        self._writer.submit(write).result()

    def finish(self, row: OutboxRow, now: datetime, *, outcome: str) -> None:
        """The action happened."""
        self._end(row, now, "done", outcome)

    def fail(
        self, row: OutboxRow, now: datetime, *, reason: str, permanent: bool, pause_s: float | None = None
    ) -> None:
        """The action did not happen: try again later (after `pause_s` where given), or give up for good (dead
        letter)."""
        if permanent or row.attempts >= ATTEMPTS_MAX:
            self._end(row, now, "dead", reason)
            return
        if pause_s is None:
            pause_s = min(PAUSE_MAX_S, PAUSE_FIRST_S * 2 ** (row.attempts - 1))
        due_us = t.to_us(now) + round(pause_s * 1_000_000)

        def write(connection: Connection) -> None:
            connection.execute(
                update(t.outbox)
                .where(t.outbox.c.entry_id == row.entry.entry_id)
                .values(due_us=due_us, leased_until_us=0, outcome=_storable(reason))
            )

        self._writer.submit(write).result()

    def retry(self, entry_id: str, now: datetime, *, actor: str) -> None:
        """Send a dead entry once more. Raises NotFound, or Refused when it is not dead."""
        now_us = t.to_us(now)

        def write(connection: Connection) -> None:
            row = connection.execute(select(t.outbox.c.status).where(t.outbox.c.entry_id == entry_id)).first()
            if row is None:
                raise NotFound("outbox entry", entry_id)
            if row.status != "dead":
                raise Refused(f"outbox entry {entry_id} is {row.status}; only a dead one is retried")
            connection.execute(
                update(t.outbox)
                .where(t.outbox.c.entry_id == entry_id)
                .values(status="pending", attempts=0, due_us=now_us, leased_until_us=0, finished_us=None)
            )
            self._rows.note(now_us, AuditNote("action_retried", entry_id, actor, {}))

        self._writer.submit(write).result()

    def list(self, *, status: str | None = None, limit: int = 50, offset: int = 0) -> list[OutboxRow]:
        """Entries, newest first."""
        statement = (
            select(t.outbox).order_by(t.outbox.c.created_us.desc(), t.outbox.c.entry_id).limit(limit).offset(offset)
        )
        if status:
            statement = statement.where(t.outbox.c.status == status)
        with failing(), self._engine.connect() as connection:
            return [self._row(row) for row in connection.execute(statement)]

    def get(self, entry_id: str) -> OutboxRow:
        """One entry. Raises NotFound."""
        with failing(), self._engine.connect() as connection:
            row = connection.execute(select(t.outbox).where(t.outbox.c.entry_id == entry_id)).first()
        if row is None:
            raise NotFound("outbox entry", entry_id)
        return self._row(row)

    def by_key(self, idempotency_key: str) -> OutboxRow:
        """The entry of an idempotency key. Raises NotFound."""
        with failing(), self._engine.connect() as connection:
            row = connection.execute(select(t.outbox).where(t.outbox.c.idempotency_key == idempotency_key)).first()
        if row is None:
            raise NotFound("outbox entry", idempotency_key)
        return self._row(row)

    def depth(self) -> dict[str, tuple[int, datetime | None]]:
        """By status: how many entries, and since when the oldest waits."""
        statement = select(t.outbox.c.status, func.count(), func.min(t.outbox.c.created_us)).where(
            or_(t.outbox.c.status == "pending", t.outbox.c.status == "dead")
        )
        with failing(), self._engine.connect() as connection:
            found = connection.execute(statement.group_by(t.outbox.c.status)).all()
        return {"pending": (0, None), "dead": (0, None)} | {s: (n, t.from_us(oldest)) for s, n, oldest in found}

    def _end(self, row: OutboxRow, now: datetime, status: str, outcome: str) -> None:
        now_us = t.to_us(now)
        entry = row.entry

        def write(connection: Connection) -> None:
            connection.execute(
                update(t.outbox)
                .where(t.outbox.c.entry_id == entry.entry_id)
                .values(status=status, outcome=_storable(outcome), finished_us=now_us, leased_until_us=0)
            )
            body = {"kind": entry.kind, "decision_id": entry.decision_id, "attempts": row.attempts}
            self._rows.note(now_us, AuditNote(f"action_{status}", entry.entry_id, "outbox", body))

        self._writer.submit(write).result()

    def _row(self, row: Row[Any], *, attempts: int | None = None) -> OutboxRow:
        box = self._keys.for_reading(row.customer_id)
        try:
            details = orjson.loads(box.open(bytes(row.details_sealed), row.customer_id)) if box else {}
        except ValueError:
            details = {}  # the customer was erased
        return OutboxRow(
            entry=OutboxEntry(
                row.entry_id, row.kind, row.idempotency_key, row.decision_id, row.case_id, row.customer_id, details,
                webhook_id=row.webhook_id,
            ),
            status=row.status,
            attempts=row.attempts if attempts is None else attempts,
            created_at=t.from_us(row.created_us),
            due_at=t.from_us(row.due_us),
            outcome=row.outcome,
        )  # fmt: skip


def _due(now_us: int) -> tuple[ColumnElement[bool], ...]:
    o = t.outbox.c
    return o.status == "pending", o.due_us <= now_us, o.leased_until_us <= now_us


def _storable(outcome: str) -> str:
    """What another system answered, as any database takes it: bounded, in Unicode, without NUL."""
    return outcome.replace("\0", "\ufffd").encode("utf-8", "replace").decode()[:OUTCOME_MAX]
