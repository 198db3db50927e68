"""Cases as research passes them on: how many, and how they ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from sqlalchemy import select

from fraudray.adapters.sql import schema as t
from fraudray.adapters.sql.question import Question
from fraudray.domain.research import ROWS_MAX, CaseRecord, Ending


def cases_of(question: Question, customer_id: str) -> CaseRecord:
    """A customer's newest cases."""
    c = t.cases.c
    rows = question.connection.execute(
        select(c.case_id, c.customer_id, c.status)
        .where(c.customer_id == customer_id)
        .order_by(c.last_alert_us.desc())
        .limit(ROWS_MAX)
    ).all()
    return record_of(question, [(case_id, owner, status) for case_id, owner, status in rows])


def record_of(question: Question, cases: Iterable[tuple[str, str, str]]) -> CaseRecord:
    """Cases, as id, customer and status, in figures."""
    cases = list(cases)
    closed = endings(question, {case_id: customer for case_id, customer, status in cases if status == "closed"})
    return CaseRecord(
        cases_open=sum(status != "closed" for _, _, status in cases), closed_as=dict(Counter(closed.values()))
    )


def endings(question: Question, closed: dict[str, str]) -> dict[str, Ending]:
    """How closed cases ended; `closed` has the customer of each."""
    if not closed:
        return {}
    e = t.case_entries.c
    rows = question.connection.execute(
        select(e.case_id, e.body_sealed).where(e.case_id.in_(closed), e.kind == "closed").order_by(e.at_us)
    )
    found = dict.fromkeys(closed, Ending.OTHER)
    for case_id, sealed in rows:
        found[case_id] = Ending.of(question.unsealed.disposition(closed[case_id], bytes(sealed)))
    return found
