"""What an investigation begins with."""

from __future__ import annotations

from dataclasses import dataclass, field

import orjson

from fraudray.domain.decision import Adjustment, Decision, Outcome, Reason
from fraudray.domain.evidence import ToolEvidence
from fraudray.domain.transaction import Transaction
from fraudray.policy.policy import Policy
from fraudray.ports.investigator import Brief, Budget
from fraudray.verdicts import may_lower, without_verdicts


@dataclass(frozen=True, slots=True)
class Decided:
    """What stands when an investigation begins."""

    evidence: dict[str, ToolEvidence]
    reasons: list[Reason] = field(default_factory=list)
    score: int = 0
    decision: Outcome = Outcome.APPROVE
    adjustments: list[Adjustment] = field(default_factory=list)

    @classmethod
    def by(cls, decision: Decision) -> Decided:
        """As a decision says."""
        return cls(decision.evidence, decision.reasons, decision.score, decision.decision, decision.adjustments)


def brief_of(
    policy: Policy,
    investigation_id: str,
    tx: Transaction,
    decided: Decided,
    *,
    left_s: float,
    waiting: bool,
    verdict_s: float | None = None,
    traceparent: str | None = None,
) -> Brief:
    """Everything that the agent is told. `left_s` is what is left of the time that its prose may take too, `verdict_s`
    of the time for the verdict, where that is less."""
    wanted, thresholds = policy.document.investigate, policy.document.thresholds
    first = without_verdicts(policy, decided.score, decided.adjustments)
    return Brief(
        investigation_id=investigation_id,
        transaction_id=tx.transaction_id,
        transaction=orjson.loads(tx.stored_json),
        evidence=decided.evidence,
        reasons=decided.reasons,
        score=decided.score,
        decision=decided.decision,
        thresholds={"review": thresholds.review, "block": thresholds.block},
        two_levels_from=wanted.two_levels_from if first is Outcome.APPROVE else None,
        may_lower=may_lower(policy, decided.decision, decided.score, first),
        budget=Budget(
            limit_s=left_s, first_token_s=wanted.first_token_s, stall_s=wanted.stall_s, steps_max=wanted.steps_max,
            tool_calls_max=wanted.tool_calls_max, tokens_max=wanted.tokens_max,
            thinking_tokens_max=wanted.thinking_tokens_max, verdict_s=verdict_s,
        ),
        waiting=waiting,
        traceparent=traceparent,
    )  # fmt: skip
