"""Cases between the table and the library's documents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson
from sqlalchemy import CTE, Connection, select, update

from fraudray.adapters.sql import schema as t
from fraudray.domain.case import CaseSummary
from fraudray.domain.case_life import CaseState
from fraudray.domain.errors import NotFound
from fraudray.domain.money import from_minor, to_minor

Row = dict[str, Any]
_MOMENTS = {
    "opened_at": "opened_us", "last_alert_at": "last_alert_us", "updated_at": "updated_us",
    "locked_until": "locked_us", "waiting_until": "waiting_us", "due_at": "due_us",
}  # fmt: skip
_MONEY = {"amount": ("amount_minor", "currency"), "amount_base": ("amount_base_minor", "base_currency")}
_PLAIN = (
    "case_id", "customer_id", "status", "score", "decision", "version", "assignee", "merchant", "disposition",
    "merged_into",
)  # fmt: skip


def columns_of(values: Mapping[str, Any]) -> Row:
    """Fields of a CaseSummary or CaseState as columns."""
    row: Row = {}
    for name, value in values.items():
        if name in _MOMENTS:
            row[_MOMENTS[name]] = None if value is None else t.to_us(value)
        elif name in _MONEY:
            minor, currency = _MONEY[name]
            row[minor] = None if value is None else to_minor(value, values[currency])
        elif name == "reasons":
            row["reason_codes"] = orjson.dumps(value).decode()
        else:
            row[name] = value
    if "score" in row:
        row["urgency"] = 100 - row["score"]
    if "status" in row:
        row["active"] = int(row["status"] != "closed")
    return row


def new_row(summary: CaseSummary) -> Row:
    """A fresh case as a row."""
    return columns_of(dict(summary))


def summary_of(row: Mapping[Any, Any]) -> CaseSummary:
    """A row of `cases`."""
    return CaseSummary(**fields_of(row))


def fields_of(row: Mapping[Any, Any]) -> Row:
    """A row of `cases` as the fields of a CaseSummary."""
    found: Row = {name: row[name] for name in _PLAIN}
    found |= {name: _moment(row[column]) for name, column in _MOMENTS.items()}
    for name, (minor, currency) in _MONEY.items():
        found[currency] = row[currency]
        found[name] = _money(row[minor], row[currency])
    return found | {"reasons": orjson.loads(row["reason_codes"])}


def state_of(row: Mapping[Any, Any]) -> CaseState:
    """What acts change, of a row of `cases`."""
    found = fields_of(row)
    return CaseState(**{field.name: found[field.name] for field in fields(CaseState)})


def read_row(connection: Connection, case_id: str) -> Mapping[str, Any]:
    """The row of a case. Raises NotFound."""
    found = connection.execute(select(t.cases).where(t.cases.c.case_id == case_id)).mappings().first()
    if found is None:
        raise NotFound("case", case_id)
    return dict(found)


def change(connection: Connection, case_id: str, values: Row) -> CaseSummary:
    """Change columns of a case, and with them its version; the case as it is then."""
    connection.execute(
        update(t.cases).where(t.cases.c.case_id == case_id).values(version=t.cases.c.version + 1, **values)
    )
    return summary_of(read_row(connection, case_id))


def with_merged(case_id: str) -> CTE:
    """The case and those that go on in it, with the customer of each."""
    c = t.cases.c
    found = select(c.case_id, c.customer_id).where(c.case_id == case_id).cte(recursive=True)
    merged = t.cases.alias().c
    return found.union(select(merged.case_id, merged.customer_id).join(found, merged.merged_into == found.c.case_id))


def _moment(us: int | None) -> datetime | None:
    return None if us is None else t.from_us(us)


def _money(minor: int | None, currency: str | None) -> Decimal | None:
    return None if minor is None or currency is None else from_minor(minor, currency)
