"""A customer's decided transactions, newest first, as far as a time line shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select

from fraudray.adapters.sql import schema as t
from fraudray.adapters.sql.driver import failing
from fraudray.adapters.sql.figures import CURRENT
from fraudray.adapters.sql.store import SqlStore
from fraudray.domain.decision import Decision, Moment, Outcome
from fraudray.domain.evidence import GEOLOCATION_CHECKER
from fraudray.domain.opening import headline
from fraudray.domain.transaction import Transaction

ROWS_MAX = 500


class PastTransaction(BaseModel):
    """One transaction of a customer. Amounts are decimal text in major units."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    transaction_id: str
    occurred_at: Moment
    amount: str
    currency: str
    amount_base: str | None = Field(None, description="In `base_currency`, where a rate was known.")
    base_currency: str | None = None
    merchant: str | None = None
    mcc: str | None = None
    channel: str | None = None
    decision: Outcome
    score: int
    reasons: list[str]
    case_id: str | None = None
    device_id: str | None = None
    ip_address: str | None = None
    place: str | None = None
    latitude: float | None = None
    longitude: float | None = None


def transactions_of(
    store: SqlStore, customer_id: str, *, before: datetime | None = None, limit: int = 100
) -> list[PastTransaction]:
    """Those that happened before a moment; none once the customer was erased."""
    d = t.decisions.c
    statement = (
        select(d.document_sealed, d.occurred_us)
        .where(d.customer_id == customer_id, CURRENT)
        .order_by(d.occurred_us.desc(), d.transaction_id.desc())
        .limit(min(limit, ROWS_MAX))
    )
    if before is not None:
        statement = statement.where(d.occurred_us < t.to_us(before))
    with failing(), store.engine.connect() as connection:
        rows = connection.execute(statement).all()
    opened = ((store.ledger.open_document(customer_id, bytes(row.document_sealed)), row.occurred_us) for row in rows)
    return [_past(document, t.from_us(us)) for document, us in opened if document is not None]


def _past(document: dict[str, bytes], occurred_at: datetime) -> PastTransaction:
    decision = Decision.model_validate_json(document["decision"])
    tx = Transaction.model_validate_json(document["transaction"])
    shown = headline(decision, tx)
    gathered = decision.evidence.get(GEOLOCATION_CHECKER)
    place: dict[str, Any] = gathered.items.get("place", {}) if gathered else {}
    return PastTransaction(
        transaction_id=tx.transaction_id, occurred_at=occurred_at, amount=str(shown["amount"]), currency=tx.currency,
        amount_base=str(shown["amount_base"]) if "amount_base" in shown else None,
        base_currency=shown.get("base_currency"), merchant=tx.merchant, mcc=tx.mcc, channel=tx.channel,
        decision=decision.decision, score=decision.score, reasons=shown["reasons"], case_id=decision.case_id,
        device_id=tx.device_key, ip_address=tx.ip_address, place=place.get("label"), latitude=place.get("latitude"),
        longitude=place.get("longitude"),
    )  # fmt: skip
