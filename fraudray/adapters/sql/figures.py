"""Figures for reports, counted by the database."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import orjson
from sqlalchemy import ColumnElement, Engine, and_, exists, func, select

from fraudray.adapters.sql import schema as t
from fraudray.adapters.sql.driver import failing
from fraudray.adapters.sql.keys import CustomerKeys
from fraudray.ports.figures import ClosedCase, DecisionGroup, OutboxCount

# Sums of minor units can pass 64 bits: millions and what is below them are summed apart.
_SPLIT = 1_000_000
_STREAMED = {"yield_per": 1000}
_COUNTED = (
    t.decisions.c.decision, t.decisions.c.score, t.decisions.c.currency, t.decisions.c.mcc, t.decisions.c.channel,
    t.decisions.c.transaction_type, t.decisions.c.policy_name, t.decisions.c.reason_codes,
)  # fmt: skip
_later = t.decisions.alias("later")
CURRENT = ~exists().where(
    _later.c.transaction_id == t.decisions.c.transaction_id, _later.c.revision > t.decisions.c.revision
)


class SqlFigures:
    """Implements `fraudray.ports.figures.Figures`."""

    def __init__(self, engine: Engine, keys: CustomerKeys) -> None:
        self._engine, self._keys = engine, keys

    def decisions(self, start: datetime, end: datetime) -> Iterator[DecisionGroup]:
        """See `Figures.decisions`."""
        amount = t.decisions.c.amount_minor
        statement = (
            select(*_COUNTED, func.count(), func.sum(amount // _SPLIT), func.sum(amount % _SPLIT))
            .where(_within(t.decisions.c.decided_us, start, end), CURRENT)
            .group_by(*_COUNTED)
        )
        with failing(), self._engine.connect() as connection:
            for row in connection.execute(statement, execution_options=_STREAMED):
                yield DecisionGroup._make((*row[:-2], int(row[-2]) * _SPLIT + int(row[-1])))

    def cases_opened(self, start: datetime, end: datetime) -> int:
        """See `Figures.cases_opened`."""
        return self._count(_within(t.cases.c.opened_us, start, end))

    def cases_open_now(self) -> int:
        """See `Figures.cases_open_now`."""
        return self._count(t.cases.c.active == 1)

    def cases_closed(self, start: datetime, end: datetime) -> Iterator[ClosedCase]:
        """See `Figures.cases_closed`."""
        entries = t.case_entries
        statement = (
            select(t.cases.c.customer_id, t.cases.c.opened_us, entries.c.at_us, entries.c.body_sealed)
            .join(t.cases, t.cases.c.case_id == entries.c.case_id)
            .where(entries.c.kind == "closed", _within(entries.c.at_us, start, end))
        )
        with failing(), self._engine.connect() as connection:
            for customer_id, opened_us, closed_us, sealed in connection.execute(statement, execution_options=_STREAMED):
                yield ClosedCase(self._disposition(customer_id, bytes(sealed)), closed_us - opened_us)

    def outbox(self, start: datetime, end: datetime) -> list[OutboxCount]:
        """See `Figures.outbox`."""
        o = t.outbox.c
        statement = (
            select(o.kind, o.status, func.count())
            .where(_within(o.created_us, start, end))
            .group_by(o.kind, o.status)
            .order_by(o.kind, o.status)
        )
        with failing(), self._engine.connect() as connection:
            return [OutboxCount(*row) for row in connection.execute(statement)]

    def labelled(self, since: datetime) -> dict[tuple[str, str], int]:
        """Of transactions whose label that holds was recorded since then, how many there are by label (fraud, genuine)
        and by the outcome that was answered first."""
        n, newer, d = t.labels.c, t.labels.alias("newer"), t.decisions.c
        superseded = exists().where(newer.c.transaction_id == n.transaction_id, newer.c.revision > n.revision)
        statement = (
            select(n.label, d.decision, func.count())
            .join(t.decisions, and_(d.transaction_id == n.transaction_id, d.revision == 1))
            .where(n.recorded_us >= t.to_us(since), n.label != "unknown", ~superseded)
            .group_by(n.label, d.decision)
        )
        with failing(), self._engine.connect() as connection:
            return {(row[0], row[1]): row[2] for row in connection.execute(statement)}

    def _count(self, condition: ColumnElement[bool]) -> int:
        with failing(), self._engine.connect() as connection:
            return int(connection.execute(select(func.count()).select_from(t.cases).where(condition)).scalar_one())

    def _disposition(self, customer_id: str, sealed: bytes) -> str | None:
        box = self._keys.for_reading(customer_id)
        try:
            return str(orjson.loads(box.open(sealed, customer_id))["disposition"]) if box else None
        except ValueError:
            return None  # sealed under a key that was destroyed


def _within(column: ColumnElement[int], start: datetime, end: datetime) -> ColumnElement[bool]:
    return and_(column >= t.to_us(start), column < t.to_us(end))
