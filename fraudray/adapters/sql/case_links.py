"""What a case shares with others: the customer, a device, a network address, an instrument, an e-mail address."""

from __future__ import annotations

from collections import defaultdict
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection, func, select

from fraudray.adapters.sql import schema as t
from fraudray.adapters.sql.case_rows import read_row, summary_of
from fraudray.adapters.sql.driver import failing
from fraudray.adapters.sql.store import SqlStore
from fraudray.domain.case import CaseSummary

CASES_MAX = 50
"""Of one shared value, those with the newest alerts are shown."""
CUSTOMERS_MAX = 20


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SharedKey(_Document):
    """One thing that several cases have."""

    kind: Literal["device", "address", "instrument", "email"]
    value: str | None = Field(description="None where it cannot be read any more.")
    cases: int = Field(description="How many other cases have it.")
    customers: int = Field(description="Of how many other customers.")
    case_ids: list[str] = Field(description="Those with the newest alerts.")
    seen_with: list[str] = Field(description="Other customers whose payments had it, in a case or not; newest first.")


class LinkedCase(_Document):
    """Another case, and what it has in common."""

    case: CaseSummary
    same_customer: bool
    shared: list[Literal["device", "address", "instrument", "email"]]


class CaseLinks(_Document):
    """What a case is linked by, and with which cases: the most in common first, then the newest alert."""

    case_id: str
    keys: list[SharedKey]
    linked: list[LinkedCase]


def links_of(store: SqlStore, case_id: str) -> CaseLinks:
    """The links of a case. Raises NotFound."""
    values = store.cases.shared_values(case_id)
    blinds = {store.case_index.blind_key(kind, value): (kind, value) for kind, value in values}
    with failing(), store.engine.connect() as connection:
        own = read_row(connection, case_id)
        kept = dict(_keys_of(connection, case_id))
        shared: dict[str, set[str]] = defaultdict(set)
        keys = []
        for blind, kind in kept.items():
            cases, customers = _count(connection, blind, case_id, own["customer_id"])
            others = _others(connection, blind, case_id)
            for other in others:
                shared[other].add(kind)
            value = blinds.get(blind, (kind, None))[1]
            seen = _seen_with(connection, store, kind, value, own["customer_id"])
            if cases or seen:
                keys.append(
                    SharedKey(kind=kind, value=value, cases=cases, customers=customers, case_ids=others, seen_with=seen)
                )
        same = _of_customer(connection, own["customer_id"], case_id)
        wanted = {*shared, *same}
        c = t.cases.c
        rows = connection.execute(select(t.cases).where(c.case_id.in_(wanted))).mappings().all()
    linked = [
        LinkedCase(case=summary_of(row), same_customer=row["customer_id"] == own["customer_id"],
                   shared=sorted(shared[row["case_id"]]))
        for row in rows
    ]  # fmt: skip
    linked.sort(
        key=lambda link: (len(link.shared) + link.same_customer, link.case.last_alert_at, link.case.case_id),
        reverse=True,
    )
    keys.sort(key=lambda key: (-len(key.seen_with), -key.customers, key.kind, key.value or ""))
    return CaseLinks(case_id=case_id, keys=keys, linked=linked[:CASES_MAX])


def _keys_of(connection: Connection, case_id: str) -> list[tuple[bytes, str]]:
    k = t.case_keys.c
    rows = connection.execute(select(k.blind, k.kind).where(k.case_id == case_id)).all()
    return [(bytes(row.blind), row.kind) for row in rows]


def _count(connection: Connection, blind: bytes, case_id: str, customer_id: str) -> tuple[int, int]:
    k, c = t.case_keys.c, t.cases.c
    others = (
        select(c.customer_id).join(t.case_keys, k.case_id == c.case_id).where(k.blind == blind, c.case_id != case_id)
    )
    found = others.subquery()
    cases = connection.execute(select(func.count()).select_from(found)).scalar_one()
    strangers = select(func.count(found.c.customer_id.distinct())).where(found.c.customer_id != customer_id)
    return cases, connection.execute(strangers).scalar_one()


def _others(connection: Connection, blind: bytes, case_id: str) -> list[str]:
    k, c = t.case_keys.c, t.cases.c
    rows = (
        select(k.case_id)
        .join(t.cases, c.case_id == k.case_id)
        .where(k.blind == blind, k.case_id != case_id)
        .order_by(c.last_alert_us.desc())
        .limit(CASES_MAX)
    )
    return list(connection.execute(rows).scalars())


def _seen_with(connection: Connection, store: SqlStore, kind: str, value: str | None, customer_id: str) -> list[str]:
    """Devices and addresses are kept of every payment, instruments and e-mail addresses of alerts alone."""
    if value is None or kind not in ("device", "address"):
        return []
    s = t.sightings.c
    rows = (
        select(s.customer_id)
        .where(s.blind == store.vault.blind_index(kind, value), s.customer_id != customer_id)
        .order_by(s.last_us.desc())
        .limit(CUSTOMERS_MAX)
    )
    return list(connection.execute(rows).scalars())


def _of_customer(connection: Connection, customer_id: str, case_id: str) -> list[str]:
    c = t.cases.c
    rows = (
        select(c.case_id)
        .where(c.customer_id == customer_id, c.case_id != case_id)
        .order_by(c.last_alert_us.desc())
        .limit(CASES_MAX)
    )
    return list(connection.execute(rows).scalars())
