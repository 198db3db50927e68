"""What a changed policy would have made of the newest decisions of this store: both judge the facts that were stored.

Facts stay those of then: what rests on earlier decisions (habits, known devices, freezes) is as it was, and a fact
that nobody asked for then is not known. Freezes and lists are left out on both sides. The last word is a back-test.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from fraudray.adapters.sql.recent_decisions import PastDecision
from fraudray.domain.decision import Outcome
from fraudray.domain.evidence import Evidence
from fraudray.domain.money import from_minor
from fraudray.domain.opening import headline
from fraudray.evidence.context import Inquiry, Reference
from fraudray.facts import collect_facts
from fraudray.features.state import CustomerState
from fraudray.policy.policy import Judgement, Policy

Document = dict[str, Any]
ROWS_MAX = 5_000
SHOWN_MAX = 100
DAY_S = 86_400.0
_SIDES = ("was", "now")


@dataclass
class Impact:
    """Counts of both policies on the same decisions, and those that come out differently."""

    was: Policy
    now: Policy
    reference: Reference
    rows: int = 0
    outcomes: Counter[tuple[Outcome, Outcome]] = field(default_factory=Counter)
    caught: Counter[tuple[str, bool]] = field(default_factory=Counter)
    labelled: Counter[bool] = field(default_factory=Counter)
    held: dict[tuple[str, bool | None], Decimal] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)
    changes: list[Document] = field(default_factory=list)
    first: datetime | None = None
    last: datetime | None = None

    def take(self, past: Iterable[PastDecision]) -> None:
        """Judge each by both."""
        for one in past:
            self._take(one)

    def _take(self, one: PastDecision) -> None:
        at = one.decision.decided_at
        self.first, self.last = min(at, self.first or at), max(at, self.last or at)
        self.rows += 1
        was, now = (self._judged(policy, one) for policy in (self.was, self.now))
        outcomes = was.outcome_on_evidence, now.outcome_on_evidence
        self.outcomes[outcomes] += 1
        if one.fraud is not None:
            self.labelled[one.fraud] += 1
        amount = self._amount(one)
        for side, outcome in zip(_SIDES, outcomes, strict=True):
            if outcome is not Outcome.APPROVE:
                self.held[side, one.fraud] = self.held.get((side, one.fraud), Decimal()) + amount
                if one.fraud is not None:
                    self.caught[side, one.fraud] += 1
        if outcomes[0] is not outcomes[1] and len(self.changes) < SHOWN_MAX:
            self.changes.append(_change(one, was, now))

    def _judged(self, policy: Policy, one: PastDecision) -> Judgement:
        inquiry = Inquiry(
            tx=one.transaction, now=one.decision.decided_at, profile=None, state=CustomerState(),
            owners_of_device=lambda _device: frozenset(), reference=self.reference,
            parameters=policy.document.parameters, base_currency=policy.document.base_currency,
        )  # fmt: skip
        facts = collect_facts(inquiry, Evidence(dict(one.decision.evidence)), None, policy)
        self.seen |= facts.keys()
        return policy.judge(facts)

    def _amount(self, one: PastDecision) -> Decimal:
        """In the base currency; 0 where there was no rate."""
        shown = headline(one.decision, one.transaction)
        same = shown.get("base_currency") == self.now.document.base_currency
        return shown["amount_base"] if same else Decimal()

    def document(self) -> Document:
        """As JSON-ready values. Amounts are in the base currency, of what is not approved."""
        days = max((self.last - self.first).total_seconds() / DAY_S, 1.0) if self.first and self.last else 0.0
        base = self.now.document.base_currency
        zero = from_minor(0, base)
        alerts = {side: self._alerts(index) for index, side in enumerate(_SIDES)}
        changed = sum(count for (was, now), count in self.outcomes.items() if was is not now)
        unasked = sorted(self.now.names_read - self.was.names_read - self.seen) if self.rows else []
        return {
            "rows": self.rows, "changed": changed, "days": round(days, 2),
            "first": self.first and self.first.isoformat(), "last": self.last and self.last.isoformat(),
            "outcomes": [
                {"was": was.value, "now": now.value, "count": self.outcomes[was, now]}
                for was in Outcome
                for now in Outcome
                if self.outcomes[was, now]
            ],
            "alerts": alerts,
            "alerts_per_day": {side: round(count / days, 2) if days else 0.0 for side, count in alerts.items()},
            "fraud": self._labelled(fraud=True),
            "genuine": self._labelled(fraud=False),
            "money": {
                "currency": base,
                **{
                    name: {side: str(self.held.get((side, label), Decimal()) + zero) for side in _SIDES}
                    for name, label in (("fraud", True), ("genuine", False), ("unlabelled", None))
                },
            },
            "changes": self.changes, "left_out": changed - len(self.changes), "not_asked": unasked,
        }  # fmt: skip

    def _alerts(self, index: int) -> int:
        return sum(count for sides, count in self.outcomes.items() if sides[index] is not Outcome.APPROVE)

    def _labelled(self, *, fraud: bool) -> Document:
        """How many are known to be so, and how many of them each side does not approve."""
        return {"known": self.labelled[fraud], **{side: self.caught[side, fraud] for side in _SIDES}}


def _change(one: PastDecision, was: Judgement, now: Judgement) -> Document:
    codes = [{reason.code for reason in judgement.reasons} for judgement in (was, now)]
    shown = headline(one.decision, one.transaction)
    return {
        "transaction_id": one.transaction.transaction_id, "customer_id": one.transaction.customer_id,
        "decided_at": one.decision.decided_at.isoformat(), "amount": str(shown["amount"]),
        "currency": one.transaction.currency, "merchant": one.transaction.merchant,
        "case_id": one.decision.case_id, "fraud": one.fraud,
        "was": {"decision": was.outcome_on_evidence.value, "score": was.score},
        "now": {"decision": now.outcome_on_evidence.value, "score": now.score},
        "gained": sorted(codes[1] - codes[0]), "lost": sorted(codes[0] - codes[1]),
    }  # fmt: skip
