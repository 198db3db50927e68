"""What an investigation begins with."""

from __future__ import annotations

import orjson

from fraudray.domain.decision import Decision
from fraudray.domain.investigation import Investigation
from fraudray.domain.transaction import Transaction
from fraudray.policy.policy import Policy
from fraudray.ports.investigator import Brief, Budget


def brief_of(
    policy: Policy, investigation: Investigation, tx: Transaction, decision: Decision, *, left_s: float
) -> Brief:
    """Everything that the agent is told. `left_s` is what is left of the time that its prose may take too."""
    wanted, thresholds = policy.document.investigate, policy.document.thresholds
    return Brief(
        investigation_id=investigation.investigation_id,
        transaction_id=tx.transaction_id,
        transaction=orjson.loads(tx.stored_json),
        evidence=decision.evidence,
        reasons=decision.reasons,
        score=decision.score,
        decision=decision.decision,
        thresholds={"review": thresholds.review, "block": thresholds.block},
        budget=Budget(
            limit_s=left_s, first_token_s=wanted.first_token_s, stall_s=wanted.stall_s, steps_max=wanted.steps_max,
            tool_calls_max=wanted.tool_calls_max, tokens_max=wanted.tokens_max,
            thinking_tokens_max=wanted.thinking_tokens_max,
        ),
        waiting=investigation.mode == "wait",
    )  # fmt: skip
