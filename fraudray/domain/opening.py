"""A case as its first, or its worst, alert makes it."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from fraudray.domain.case import CaseSummary
from fraudray.domain.case_life import CaseTimes
from fraudray.domain.decision import Decision
from fraudray.domain.evidence import TRANSACTION_RISK
from fraudray.domain.money import from_minor, minor_units
from fraudray.domain.transaction import Transaction


def headline(decision: Decision, tx: Transaction) -> dict[str, Any]:
    """What a list of cases shows of an alert, as fields of a CaseSummary."""
    found: dict[str, Any] = {
        "score": decision.score, "decision": decision.decision, "merchant": tx.merchant,
        "reasons": [reason.code for reason in decision.reasons],
        "amount": from_minor(tx.amount_minor, tx.currency), "currency": tx.currency,
    }  # fmt: skip
    gathered = decision.evidence.get(TRANSACTION_RISK)
    amount = gathered.items.get("amount", {}) if gathered else {}
    base, currency = amount.get("amount_base"), amount.get("base_currency")
    if base is not None and currency is not None:
        places = Decimal(1).scaleb(-minor_units(currency))
        found |= {"amount_base": Decimal(str(base)).quantize(places), "base_currency": currency}
    return found


def opened(case_id: str, decision: Decision, tx: Transaction, at: datetime, times: CaseTimes) -> CaseSummary:
    """A case opened for a decision."""
    return CaseSummary(
        case_id=case_id, customer_id=decision.customer_id, status="open", opened_at=at, last_alert_at=at,
        updated_at=at, due_at=at + times.due_after(decision.decision), **headline(decision, tx),
    )  # fmt: skip
