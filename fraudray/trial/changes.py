"""Two policies on one stream of transactions: which decisions change, and by which reasons."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from fraudray.domain.decision import Decision, Outcome
from fraudray.domain.errors import ConflictingTransaction
from fraudray.domain.transaction import Transaction
from fraudray.trial.engine import Trial

REMEMBER_MAX = 1_000_000
"""So many of the last transactions are known again when they are repeated: about 200 bytes each."""


@dataclass(slots=True)
class Changes:
    """The same transactions, decided in order by both. Counts, and ids up to a limit: no decision is kept."""

    a: Trial
    b: Trial
    now: datetime
    """The real moment: what claims to be later is refused."""
    outcomes: Counter[tuple[Outcome, Outcome]] = field(default_factory=Counter)
    reasons_a: Counter[str] = field(default_factory=Counter)
    reasons_b: Counter[str] = field(default_factory=Counter)
    scores_changed: int = 0
    repeated: int = 0
    _seen: dict[str, bytes] = field(default_factory=dict)

    @property
    def decided(self) -> int:
        """How many transactions both decided."""
        return self.outcomes.total()

    @property
    def changed(self) -> int:
        """How many of them come out differently."""
        return sum(count for (was, now), count in self.outcomes.items() if was is not now)

    def take(self, row: Mapping[str, Any]) -> dict[str, Any] | None:
        """Decide one more by both; what changes, as a document, where the decision does.

        Raises InvalidTransaction, or ConflictingTransaction for an id that came with other content; neither policy
        has then seen it.
        """
        tx = Transaction.parse(row, now=self.now)
        if self._repeats(tx):
            self.repeated += 1
            return None
        return self._count(self.a.decide(tx).decision, self.b.decide(tx).decision)

    def _repeats(self, tx: Transaction) -> bool:
        content = bytes.fromhex(tx.content_hash)
        known = self._seen.setdefault(tx.transaction_id, content)
        if known is content:
            if len(self._seen) > REMEMBER_MAX:
                del self._seen[next(iter(self._seen))]
            return False
        if known != content:
            raise ConflictingTransaction(tx.transaction_id)
        return True

    def _count(self, was: Decision, now: Decision) -> dict[str, Any] | None:
        codes_a, codes_b = _codes(was), _codes(now)
        self.reasons_a.update(codes_a)
        self.reasons_b.update(codes_b)
        self.outcomes[was.decision, now.decision] += 1
        self.scores_changed += was.score != now.score
        if was.decision is now.decision:
            return None
        return {
            "transaction_id": was.transaction_id,
            "a": {"decision": was.decision.value, "score": was.score, "policy": was.policy.name},
            "b": {"decision": now.decision.value, "score": now.score, "policy": now.policy.name},
            "gained": [code for code in codes_b if code not in codes_a],
            "lost": [code for code in codes_a if code not in codes_b],
        }

    def document(self) -> dict[str, Any]:
        """The counts as JSON-ready values."""
        codes = sorted(self.reasons_a.keys() | self.reasons_b.keys())
        return {
            "decided": self.decided,
            "changed": self.changed,
            "scores_changed": self.scores_changed,
            "repeated": self.repeated,
            "outcomes": [
                {"a": was.value, "b": now.value, "count": self.outcomes[was, now]}
                for was in Outcome
                for now in Outcome
                if self.outcomes[was, now]
            ],
            "reasons": {code: {"a": self.reasons_a[code], "b": self.reasons_b[code]} for code in codes},
        }


def _codes(decision: Decision) -> list[str]:
    """The codes of a decision's reasons, each once, in their order."""
    return list(dict.fromkeys(reason.code for reason in decision.reasons))
