"""From evidence to the facts that rules name."""

from __future__ import annotations

from typing import Any

from fraudray.domain.customer import Freeze
from fraudray.domain.evidence import GEOLOCATION_CHECKER, IDENTITY_VERIFIER, TRANSACTION_RISK, Absence, Evidence
from fraudray.domain.money import from_minor
from fraudray.evidence.context import Inquiry
from fraudray.evidence.transaction_risk import to_base_minor
from fraudray.policy.policy import Policy

_AVAILABILITY = (
    (TRANSACTION_RISK, "transaction_risk_available"),
    (IDENTITY_VERIFIER, "identity_available"),
    (GEOLOCATION_CHECKER, "place_available"),
)
_OF_THE_MESSAGE = frozenset({"currency_rated", "stated_amount_base"})


def collect_facts(inquiry: Inquiry, evidence: Evidence, freeze: Freeze | None, policy: Policy) -> dict[str, Any]:
    """Fact name → value, of what the policy reads; what is not known is left out."""
    facts: dict[str, Any] = {}
    tools = evidence.tools
    for tool, item, keys in policy.reads_by_item:
        found = tools.get(tool)
        findings = found.items.get(item) if found is not None else None
        if findings is not None:
            for key, name in keys:
                value = findings.get(key)
                if value is not None:
                    facts[name] = value
    tx = inquiry.tx
    facts["spending"] = tx.transaction_type.spends
    facts["transaction_type"] = tx.transaction_type.value
    facts["currency"] = tx.currency
    frozen = freeze is not None and freeze.holds_at(inquiry.now)
    facts["account_frozen"] = frozen
    if frozen and freeze is not None:
        facts["frozen_until"] = freeze.ends_at.strftime("%Y-%m-%d %H:%M UTC")
    read = policy.names_read
    if tx.amount is not None and not read.isdisjoint(_OF_THE_MESSAGE):
        rates, base = inquiry.reference.rates, inquiry.base_currency
        stated = to_base_minor(rates, tx.amount_minor, tx.currency, base)
        facts["currency_rated"] = stated is not None
        if stated is not None:
            facts["stated_amount_base"] = float(from_minor(stated, base))
    for tool, name in (*_AVAILABILITY, *policy.availability):
        if name in read:
            found = tools.get(tool)
            facts[name] = found is None or found.status == "ok"
    # A matcher that failed takes nothing else of the tool's evidence with it; the policy is told all the same.
    if evidence.fact(IDENTITY_VERIFIER, "biometric", "status") == Absence.UNAVAILABLE:
        facts["identity_available"] = False
    return facts
