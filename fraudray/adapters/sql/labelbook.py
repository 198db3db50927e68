"""Labels in SQL: every statement about a transaction is kept, the last one holds."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

from sqlalchemy import Connection, Engine, bindparam, func, select, update

from fraudray.adapters.sql import schema as t
from fraudray.adapters.sql.driver import Reader, failing
from fraudray.adapters.sql.keyhours import KeyHours
from fraudray.adapters.sql.rows import Rows
from fraudray.adapters.sql.writer import Writer
from fraudray.domain.errors import StoreFailed
from fraudray.domain.label import Label, LabelSource, StoredLabel
from fraudray.ports.labels import LabelUnit
from fraudray.ports.ledger import AuditNote

WAITING_MAX = 1_000_000
"""So many labels may wait for transactions that were never decided; each takes about 150 bytes of memory."""
_L = t.labels.c
_COLUMNS = (
    _L.transaction_id, _L.label, _L.source, _L.scenario, _L.revision, _L.labelled_us, _L.recorded_us, _L.author,
    _L.waiting,
)  # fmt: skip
_OF = select(*_COLUMNS).where(_L.transaction_id == bindparam("id")).order_by(_L.revision.desc())
_later = t.labels.alias("later")
_LAST = select(func.max(_later.c.revision)).where(_later.c.transaction_id == _L.transaction_id).scalar_subquery()


class SqlLabelBook:
    """Implements `fraudray.ports.labels.LabelBook`."""

    def __init__(self, engine: Engine, writer: Writer, rows: Rows, reader: Reader, hours: KeyHours) -> None:
        """Raises StoreFailed."""
        self._engine, self._writer, self._rows, self._reader, self._hours = engine, writer, rows, reader, hours
        waiting = select(_L.transaction_id, _L.label).where(_L.waiting == 1)
        with failing(), engine.connect() as connection:
            found = connection.execute(waiting.order_by(_L.revision))
            self._waiting = {transaction_id: label == "fraud" for transaction_id, label in found}

    def in_force(self, transaction_id: str) -> StoredLabel | None:
        """See `LabelBook.in_force`."""
        return next(iter(self.of(transaction_id)), None)

    def of(self, transaction_id: str) -> list[StoredLabel]:
        """See `LabelBook.of`."""
        return [_label(row) for row in self._reader.all(_OF, id=transaction_id)]

    def search(
        self, *, source: LabelSource | None = None, label: str | None = None, waiting: bool | None = None,
        limit: int = 50, offset: int = 0,
    ) -> list[StoredLabel]:  # fmt: skip
        """Labels that hold, the last recorded first. Raises StoreFailed."""
        statement = select(*_COLUMNS).where(_L.revision == _LAST).order_by(_L.recorded_us.desc(), _L.transaction_id)
        if source is not None:
            statement = statement.where(_L.source == source.value)
        if label is not None:
            statement = statement.where(_L.label == label)
        if waiting is not None:
            statement = statement.where(_L.waiting == int(waiting))
        with failing(), self._engine.connect() as connection:
            return [_label(tuple(row)) for row in connection.execute(statement.limit(limit).offset(offset))]

    def keep(self, units: Sequence[LabelUnit]) -> Future[None]:
        """See `LabelBook.keep`."""
        waits = {u.stored.label.transaction_id: u.stored.label.fraud for u in units if u.stored.waiting}
        if len(self._waiting) + len(waits) > WAITING_MAX:
            raise StoreFailed(f"{WAITING_MAX:,} labels wait for transactions that were never decided; none was kept")
        before = {name: self._waiting[name] for name in waits if name in self._waiting}
        self._waiting |= waits
        steps = [step for unit in units for step in unit.steps]
        if units:
            self._hours.histories.apply(steps, t.to_us(units[-1].stored.recorded_at))

        def undo() -> None:
            self._hours.histories.forget(steps)
            for name in waits:
                self._waiting.pop(name, None)
            self._waiting.update(before)

        try:
            written = self._writer.submit(lambda _connection: self._write(units))
        except StoreFailed:
            undo()
            raise
        written.add_done_callback(lambda done: undo() if done.exception() else None)
        return written

    def settle(self, transaction_id: str) -> bool | None:
        """The transaction is being decided: whether a label that waited for it says fraud; None when none waited."""
        return self._waiting.pop(transaction_id, None) if self._waiting else None

    def unsettle(self, transaction_id: str, fraud: bool) -> None:
        """It was not decided after all."""
        self._waiting[transaction_id] = fraud

    def settled(self, connection: Connection, transaction_id: str) -> None:
        """Its labels wait no longer, in the writer's transaction."""
        self._rows.flush(connection)  # the label may be one that this very batch writes
        connection.execute(update(t.labels).where(_L.transaction_id == transaction_id).values(waiting=0))

    def _write(self, units: Sequence[LabelUnit]) -> None:
        for unit in units:
            stored = unit.stored
            label, at_us = stored.label, t.to_us(stored.recorded_at)
            self._rows.insert(
                t.labels,
                {
                    "transaction_id": label.transaction_id, "revision": stored.revision, "label": label.label,
                    "source": label.source.value, "scenario": label.scenario,
                    "labelled_us": t.to_us(stored.labelled_at), "recorded_us": at_us, "author": stored.author,
                    "waiting": int(stored.waiting),
                },
            )  # fmt: skip
            body = {"label": label.label, "source": label.source.value, "revision": stored.revision}
            self._rows.note(at_us, AuditNote("labelled", label.transaction_id, stored.author, body))
            self._hours.write(unit.steps)


def _label(row: tuple[Any, ...]) -> StoredLabel:
    transaction_id, label, source, scenario, revision, labelled_us, recorded_us, author, waiting = row
    said = Label(transaction_id=transaction_id, label=label, source=LabelSource(source), scenario=scenario)
    return StoredLabel(said, revision, t.from_us(labelled_us), t.from_us(recorded_us), author, bool(waiting))
