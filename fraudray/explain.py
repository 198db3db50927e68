"""How a policy came to its judgement, rule by rule, as a document."""

from __future__ import annotations

from typing import Any

from fraudray.answer import Outlook
from fraudray.domain.transaction import Transaction
from fraudray.policy.book import PolicyBook
from fraudray.policy.listed import muted
from fraudray.policy.order import order_of


def explain_document(tx: Transaction, outlook: Outlook) -> dict[str, Any]:
    """Every rule and floor in the policy's order: expression, values seen, outcome, points; and the `order` in which
    lists, certain facts, rules, ceiling and floors acted."""
    judgement, policy = outlook.judgement, outlook.policy
    points = {(reason.code, reason.text): reason.points for reason in judgement.reasons}
    rules, traces = [], policy.explain(outlook.facts)
    mutes = muted(policy.speaking, outlook.lists)
    for trace in traces:
        source = trace.line.source
        row: dict[str, Any] = {
            "id": source.id, "code": source.code, "kind": "floor" if trace.line.is_floor else "rule",
            "weight": getattr(source, "weight", None) or getattr(source, "score", 0), "when": source.when,
            "state": trace.state, "values": trace.values, "missing": list(trace.missing),
        }  # fmt: skip
        if mute := mutes.get(source.id):
            row["state"] = f"muted until {mute.until}"
        elif trace.state == "held":
            text = source.text.format_map(outlook.facts)
            row |= {"text": text, "points": points.get((source.code, text), 0)}
        rules.append(row)
    return {
        "transaction_id": tx.transaction_id,
        "policy": policy.ref.model_dump(),
        "chosen_by": _chosen_by(outlook.book, tx),
        "decision": judgement.outcome.value,
        "score": judgement.score,
        "risk": judgement.risk,
        "risk_level": judgement.level.value,
        "reasons": [reason.model_dump() for reason in judgement.reasons],
        "adjustments": [adjustment.model_dump() for adjustment in judgement.adjustments],
        "rules": rules,
        "order": order_of(judgement, outlook.lists, traces),
    }


def _chosen_by(book: PolicyBook, tx: Transaction) -> dict[str, Any] | str | None:
    """The choice that took the transaction, `default` where none did; None where there is nothing to choose."""
    choice = book.why(tx)
    if choice is not None:
        return choice.model_dump(mode="json", exclude_none=True)
    return "default" if book.choices else None
