"""Labels in SQL: every statement about a transaction is kept, the last one holds."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

from sqlalchemy import Connection, Engine, bindparam, select, update

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
_OF = (
    select(
        t.labels.c.label, t.labels.c.source, t.labels.c.scenario, t.labels.c.revision, t.labels.c.labelled_us,
        t.labels.c.recorded_us, t.labels.c.author, t.labels.c.waiting,
    )
    .where(t.labels.c.transaction_id == bindparam("id"))
    .order_by(t.labels.c.revision.desc())
)  # fmt: skip


class SqlLabelBook:
    """Implements `fraudray.ports.labels.LabelBook`."""

    def __init__(self, engine: Engine, writer: Writer, rows: Rows, reader: Reader, hours: KeyHours) -> None:
        """Raises StoreFailed."""
        self._writer, self._rows, self._reader, self._hours = writer, rows, reader, hours
        waiting = select(t.labels.c.transaction_id, t.labels.c.label).where(t.labels.c.waiting == 1)
        with failing(), engine.connect() as connection:
            found = connection.execute(waiting.order_by(t.labels.c.revision))
            self._waiting = {transaction_id: label == "fraud" for transaction_id, label in found}

    def in_force(self, transaction_id: str) -> StoredLabel | None:
        """See `LabelBook.in_force`."""
        return next(iter(self.of(transaction_id)), None)

    def of(self, transaction_id: str) -> list[StoredLabel]:
        """See `LabelBook.of`."""
        return [_label(transaction_id, row) for row in self._reader.all(_OF, id=transaction_id)]

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

        def undo(done: Future[None]) -> None:
            if done.exception() is not None:
                self._hours.histories.forget(steps)
                for name in waits:
                    self._waiting.pop(name, None)
                self._waiting.update(before)

        written = self._writer.submit(lambda _connection: self._write(units))
        written.add_done_callback(undo)
        return written

    def settle(self, transaction_id: str) -> bool | None:
        """The transaction is being decided: whether a label that waited for it says fraud; None when none waited."""
        return self._waiting.pop(transaction_id, None) if self._waiting else None

    def unsettle(self, transaction_id: str, fraud: bool) -> None:
        """It was not decided after all."""
        self._waiting[transaction_id] = fraud

    def settled(self, connection: Connection, transaction_id: str) -> None:
        """Its labels wait no longer, in the writer's transaction."""
        connection.execute(update(t.labels).where(t.labels.c.transaction_id == transaction_id).values(waiting=0))

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


def _label(transaction_id: str, row: tuple[Any, ...]) -> StoredLabel:
    label, source, scenario, revision, labelled_us, recorded_us, author, waiting = row
    said = Label(transaction_id=transaction_id, label=label, source=LabelSource(source), scenario=scenario)
    return StoredLabel(said, revision, t.from_us(labelled_us), t.from_us(recorded_us), author, bool(waiting))
