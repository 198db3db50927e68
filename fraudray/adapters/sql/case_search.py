"""A CaseQuery as SQL."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, or_, select

from fraudray.adapters.sql import schema as t
from fraudray.adapters.sql.case_index import CaseIndex
from fraudray.domain.case_query import CaseQuery
from fraudray.domain.money import minor_units, to_minor

_C = t.cases.c
FREE = ("open", "reopened", "escalated")
"""Nobody works on a case in one of these."""
_ORDER: dict[str, tuple[Any, ...]] = {
    "newest": (_C.last_alert_us.desc(), _C.case_id.desc()),
    "risk": (_C.urgency, _C.opened_us, _C.case_id),
    "oldest": (_C.opened_us, _C.case_id),
    "due": (_C.due_us, _C.case_id),
    "amount": (_C.amount_base_minor.desc().nulls_last(), _C.case_id),
}


def cases_where(query: CaseQuery, index: CaseIndex, now: datetime, base_currency: str) -> Select[Any]:
    """The wanted rows of `cases`, in order."""
    conditions = list(_conditions(query, index, now, base_currency))
    return select(t.cases).where(*conditions).order_by(*_ORDER[query.sort])


def ready(now: datetime) -> ColumnElement[bool]:
    """Cases that anybody may take: nobody works on them, and they wait for nothing."""
    return and_(_C.active == 1, or_(_C.status.in_(FREE), *back(now)))


def back(now: datetime) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Cases whose lock, or whose time to wait, is over."""
    now_us = t.to_us(now)
    lapsed = and_(_C.status == "claimed", or_(_C.locked_us.is_(None), _C.locked_us <= now_us))
    return lapsed, and_(_C.status == "waiting", _C.waiting_us <= now_us)


def _conditions(query: CaseQuery, index: CaseIndex, now: datetime, base_currency: str) -> Iterator[ColumnElement[bool]]:
    match query.status:
        case None:
            pass
        case "active":
            yield _C.active == 1
        case "ready":
            yield ready(now)
        case status:
            yield _C.status == status
    for column, value in (
        (_C.customer_id, query.customer_id), (_C.assignee, query.assignee), (_C.disposition, query.disposition),
        (_C.decision, query.decision),
    ):  # fmt: skip
        if value is not None:
            yield column == value
    if query.reason is not None:
        r = t.case_reasons.c
        yield _C.case_id.in_(select(r.case_id).where(r.code == query.reason))
    if query.score_min is not None:
        yield _C.score >= query.score_min
    for bound, above in ((query.amount_min, True), (query.amount_max, False)):
        if bound is not None:
            minor = _minor(bound, base_currency, up=above)
            yield _C.base_currency == base_currency
            yield _C.amount_base_minor >= minor if above else _C.amount_base_minor <= minor
    if query.opened_from is not None:
        yield _C.opened_us >= t.to_us(query.opened_from)
    if query.opened_to is not None:
        yield _C.opened_us < t.to_us(query.opened_to)
    if query.overdue:
        yield _C.active == 1
        yield _C.due_us < t.to_us(now)
    if query.q is not None:
        yield from index.matching(query.q)


def _minor(amount: Decimal, currency: str, *, up: bool) -> int:
    """A bound in whole minor units."""
    unit = Decimal(1).scaleb(-minor_units(currency))
    whole = amount.quantize(unit, rounding=ROUND_CEILING if up else ROUND_FLOOR)
    return to_minor(whole, currency)
