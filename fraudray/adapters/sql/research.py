"""What is known beyond one transaction, read from the tables. Implements `fraudray.ports.research.Research`.

Every question is a handful of indexed statements with a limit each, on a connection of its own. Nothing is written and
nothing is kept in memory, so that it may run in another process than the store's owner.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import orjson
from sqlalchemy import Engine, Row, Select, select

from fraudray.adapters.sql import schema as t
from fraudray.adapters.sql.driver import failing
from fraudray.adapters.sql.figures import CURRENT
from fraudray.adapters.sql.question import Question
from fraudray.adapters.sql.research_cases import cases_of, record_of
from fraudray.adapters.sql.research_devices import devices_of
from fraudray.adapters.sql.research_similar import similar_to, subject_of
from fraudray.adapters.sql.unsealed import Unsealed
from fraudray.adapters.vault import Vault
from fraudray.domain.decision import Outcome
from fraudray.domain.money import from_minor, to_minor
from fraudray.domain.research import (
    CustomerDevices,
    CustomerHistory,
    MerchantHistory,
    OtherCustomer,
    PastDecision,
    SharedWith,
    SimilarCases,
    Subject,
    unusual_ids,
)
from fraudray.ports.clock import Clock
from fraudray.ports.ledger import SIGHTED_MAX

COUNTED_MAX = 1_000
ATTEMPTS_MAX = 5_000
MERCHANT_CASES_MAX = 200
_d = t.decisions.c


class SqlResearch:
    """Answers from a database that this process may not own."""

    def __init__(self, engine: Engine, vault: Vault, clock: Clock) -> None:
        self._engine, self._vault, self._clock = engine, vault, clock

    def customer_history(
        self, customer_id: str, *, days: int, limit: int, besides: str | None = None
    ) -> CustomerHistory:
        """See `Research.customer_history`."""
        with self._asking(days=days, limit=limit) as question:
            connection, within = question.connection, _decided(question).where(_d.customer_id == customer_id)
            if besides is not None:
                within = within.where(_d.transaction_id != besides)
            counted = connection.execute(within.with_only_columns(_d.decision).limit(COUNTED_MAX)).scalars()
            outcomes = Counter(Outcome(decision) for decision in counted)
            shown = [_past(question, row) for row in connection.execute(within.limit(limit))]
            free_text = [f"decisions.{name}" for name in ("merchant", "place") if any(getattr(p, name) for p in shown)]
            ids = [part for past in shown for part in (past.transaction_id, past.case_id or "-")]
            return CustomerHistory(
                free_text=free_text + unusual_ids("customer_id", [customer_id]) + unusual_ids("decisions", ids),
                customer_id=customer_id,
                registered=question.unsealed.profile(customer_id) is not None,
                days=days,
                counted=outcomes.total(),
                by_decision=dict(outcomes),
                cases=cases_of(question, customer_id),
                decisions=shown,
            )

    def customer_devices(self, customer_id: str, *, limit: int) -> CustomerDevices:
        """See `Research.customer_devices`."""
        with self._asking(limit=limit) as question:
            return devices_of(question, customer_id)

    def customers_of_device(self, device_id: str, *, days: int, limit: int, besides: str | None = None) -> SharedWith:
        """See `Research.customers_of_device`."""
        with self._asking(days=days, limit=limit) as question:
            return _shared(question, self._vault.blind_index("device", device_id), besides)

    def customers_of_address(self, address: str, *, days: int, limit: int, besides: str | None = None) -> SharedWith:
        """See `Research.customers_of_address`."""
        with self._asking(days=days, limit=limit) as question:
            return _shared(question, self._vault.blind_index("address", address), besides)

    def merchant_history(self, merchant: str, *, days: int) -> MerchantHistory:
        """See `Research.merchant_history`."""
        with self._asking(days=days) as question:
            rows = question.connection.execute(
                _decided(question)
                .with_only_columns(_d.decision, _d.customer_id, _d.case_id, _d.decided_us)
                .where(_d.merchant == merchant)
                .limit(ATTEMPTS_MAX)
            ).all()
            outcomes = Counter(Outcome(row.decision) for row in rows)
            cases = [*dict.fromkeys(row.case_id for row in rows if row.case_id is not None)][:MERCHANT_CASES_MAX]
            c = t.cases.c
            found = question.connection.execute(select(c.case_id, c.customer_id, c.status).where(c.case_id.in_(cases)))
            record = record_of(question, [(case_id, owner, status) for case_id, owner, status in found])
            return MerchantHistory(
                days=days,
                attempts=len(rows),
                customers=len({row.customer_id for row in rows}),
                by_decision=dict(outcomes),
                blocked_share=round(outcomes[Outcome.BLOCK] / len(rows), 4) if rows else None,
                first_at=t.from_us(rows[-1].decided_us) if rows else None,
                last_at=t.from_us(rows[0].decided_us) if rows else None,
                cases=record.cases_open + sum(record.closed_as.values()),
                cases_open=record.cases_open,
                closed_as=record.closed_as,
            )

    def similar_cases(self, subject: Subject, *, days: int, limit: int) -> SimilarCases:
        """See `Research.similar_cases`."""
        with self._asking(days=days, limit=limit) as question:
            return similar_to(question, subject)

    def subject(self, transaction_id: str) -> Subject:
        """See `Research.subject`."""
        with self._asking() as question:
            return subject_of(question, transaction_id)

    @contextmanager
    def _asking(self, **bounds: int) -> Iterator[Question]:
        now_us = t.to_us(self._clock.now())
        with failing(), self._engine.connect() as connection:
            yield Question(connection, self._vault, Unsealed(connection, self._vault), now_us, **bounds)


def _decided(question: Question) -> Select[Any]:
    """Current revisions of the question's days, newest first."""
    return (
        select(t.decisions).where(_d.decided_us >= question.since_us, CURRENT).order_by(_d.decided_us.desc())
    )  # fmt: skip


def _past(question: Question, row: Row[Any]) -> PastDecision:
    opened = question.unsealed.decision(row.customer_id, bytes(row.document_sealed))
    base, currency = (opened.amount_base, opened.base_currency) if opened else (None, None)
    return PastDecision(
        transaction_id=row.transaction_id,
        at=t.from_us(row.occurred_us),
        amount=str(from_minor(row.amount_minor, row.currency)),
        currency=row.currency,
        amount_base=None if base is None or currency is None else _written(base, currency),
        base_currency=currency,
        merchant=row.merchant,
        place=opened.place if opened else None,
        decision=Outcome(row.decision),
        score=row.score,
        reasons=orjson.loads(row.reason_codes),
        case_id=row.case_id,
    )


def _written(amount: float, currency: str) -> str:
    """An amount of the evidence, which is a number there, with its currency's decimal places."""
    return str(from_minor(to_minor(Decimal(repr(amount)), currency), currency))


def _shared(question: Question, blind: bytes, besides: str | None) -> SharedWith:
    s, link = t.sightings.c, t.customer_links.c
    connection = question.connection
    seen = connection.execute(
        select(s.customer_id, s.first_us, s.last_us)
        .where(s.blind == blind, s.last_us >= question.since_us)
        .order_by(s.last_us.desc(), s.customer_id)
        .limit(SIGHTED_MAX)
    ).all()
    owners = {*connection.execute(select(link.customer_id).where(link.blind == blind).limit(SIGHTED_MAX)).scalars()}
    times: dict[str, tuple[int | None, int | None]] = {row.customer_id: (row.first_us, row.last_us) for row in seen}
    times |= {owner: (None, None) for owner in sorted(owners) if owner not in times}
    times.pop(besides or "", None)
    customers = [
        _other(question, customer_id, customer_id in owners, *when)
        for customer_id, when in [*times.items()][: question.limit]
    ]
    return SharedWith(
        free_text=unusual_ids("customers", [customer.customer_id for customer in customers]),
        days=question.days,
        known=min(len(times), SIGHTED_MAX),
        registered_to=len(owners - {besides}),
        customers=customers,
    )


def _other(
    question: Question, customer_id: str, registered: bool, first_us: int | None, last_us: int | None
) -> OtherCustomer:
    last = question.connection.execute(
        select(_d.decision, _d.decided_us)
        .where(_d.customer_id == customer_id)
        .order_by(_d.decided_us.desc(), _d.revision.desc())
        .limit(1)
    ).first()
    return OtherCustomer(
        customer_id=customer_id,
        registered=registered,
        first_seen=None if first_us is None else t.from_us(first_us),
        last_seen=None if last_us is None else t.from_us(last_us),
        last_decision=Outcome(last.decision) if last else None,
        last_decision_at=t.from_us(last.decided_us) if last else None,
        cases=cases_of(question, customer_id),
    )
