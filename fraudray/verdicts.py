"""What a model's verdict makes of a decision: the clamp.

The policy's decision is a floor. A verdict confirms it or raises it: by one level, or by two when it cites evidence
that is not free text (which whoever pays could have written) and speaks against the payment: text in it could tell the
model to cite any id. Within a band of scores that the policy names, and only
there, it may lower it by one level, never where a floor, a list entry or a certain fact holds.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Literal, get_args

from fraudray.agent.free_text import solid_ids
from fraudray.domain.decision import Adjustment, Decision, InvestigatorState, Outcome
from fraudray.domain.investigation import FallbackReason, Finding, Verdict
from fraudray.policy.policy import Judgement, Policy
from fraudray.policy.schema import ActionKind
from fraudray.revising import Revision, Standing

ALLOWED = "ALLOW_LISTED"
RAISED, LOWERED = "INVESTIGATOR_RAISED", "INVESTIGATOR_LOWERED"
DETAIL_MAX = 300
_LEVELS = (Outcome.APPROVE, Outcome.REVIEW, Outcome.BLOCK)
_NOT_LOWERED = frozenset({"floor", "list"})
"""Families of reasons that no verdict lifts."""


WITHHELD: frozenset[ActionKind] = frozenset({"freeze_account", "customer_sms"})
"""What a raise alone never does: it freezes nothing and tells the customer nothing."""
_ALL: frozenset[ActionKind] = frozenset(get_args(ActionKind))
AUTHOR = "investigator"


def conclude(
    standing: Standing, investigation_id: str, finding: Finding, *, solid: Collection[str], begun_at: int
) -> Revision:
    """The revision that an investigation leads to, with a verdict or without; `begun_at` is the revision that it
    looked at."""
    decision = standing.decision
    revised, judgement = concluded(
        standing.policy, decision, investigation_id, finding, solid=solid, superseded=decision.revision != begun_at,
        now=standing.now,
    )  # fmt: skip
    state = revised.investigator.model_dump(mode="json", exclude_none=True)
    body = {"transaction_id": decision.transaction_id, "revision": revised.revision, **state}
    if finding.verdict is not None:
        body["evidence"] = finding.verdict.evidence
    raised = revised.investigator.effect == "raised"
    return Revision(
        revised, judgement, AUTHOR, "investigation", body, withheld=WITHHELD if raised else _ALL,
        teaches_nothing=raised and revised.decision is Outcome.BLOCK and standing.tx.transaction_type.spends,
    )  # fmt: skip


def concluded(
    policy: Policy, decision: Decision, investigation_id: str, finding: Finding, *, solid: Collection[str],
    superseded: bool, now: datetime,
) -> tuple[Decision, Judgement]:  # fmt: skip
    """The next revision, and the judgement that its effects follow from.

    `solid` are the ids of what was found and is not free text. `superseded`: others revised the decision since
    the investigation began, so that the verdict is kept and changes nothing.
    """
    verdict = finding.verdict
    if verdict is None:
        reason = finding.failure or FallbackReason.GIVEN_UP
        state = InvestigatorState(
            status="failed", investigation_id=investigation_id, model=finding.model, reason=reason.value,
            detail=f"The policy's decision stands: {finding.detail or reason}"[:DETAIL_MAX],
        )  # fmt: skip
        return _revised(policy, decision, state, decision.decision, decision.score, decision.adjustments, now)
    outcome, effect, detail = _clamped(policy, decision, verdict, solid, superseded=superseded)
    score, adjustments = _score(policy, decision, verdict, outcome), list(decision.adjustments)
    if effect in ("raised", "lowered"):
        cited = ", ".join(verdict.evidence) or "no evidence"
        text = f"The investigator {effect} the decision from {decision.decision} to {outcome}, citing {cited}"
        code = RAISED if effect == "raised" else LOWERED
        adjustments.append(Adjustment(code=code, points=score - decision.score, text=text))
    state = InvestigatorState(
        status="done", investigation_id=investigation_id, model=finding.model, verdict=verdict.decision,
        risk=verdict.risk, effect=effect, reason=FallbackReason.SUPERSEDED.value if superseded else None, detail=detail,
    )  # fmt: skip
    return _revised(policy, decision, state, outcome, score, adjustments, now)


def _clamped(
    policy: Policy, decision: Decision, verdict: Verdict, solid: Collection[str], *, superseded: bool
) -> tuple[Outcome, Literal["confirmed", "raised", "lowered", "none"], str | None]:
    """What is decided, what that did, and what was not allowed in words."""
    held, wanted = decision.decision.severity, verdict.decision.severity
    if wanted == held:
        return decision.decision, "confirmed", None
    if superseded:
        return decision.decision, "none", "The decision was revised since the investigation began"
    if any(adjustment.code == ALLOWED for adjustment in decision.adjustments):
        return decision.decision, "none", "An allow entry stands above what is inferred"
    if wanted > held:
        most = held + (2 if _well_founded(policy, decision, verdict, solid) else 1)
        detail = None if wanted <= most else f"A raise to {verdict.decision} needs weightier evidence than it cites"
        return _LEVELS[min(wanted, most)], "raised", detail
    band = policy.document.investigate.lower
    if band is None or not band.low <= decision.score <= band.high:
        return decision.decision, "none", "A verdict does not lower this decision"
    if any(reason.family in _NOT_LOWERED for reason in decision.reasons) or decision.risk >= 1.0:
        return decision.decision, "none", "What holds of this payment is never lowered"
    return _LEVELS[held - 1], "lowered", None


def _well_founded(policy: Policy, decision: Decision, verdict: Verdict, solid: Collection[str]) -> bool:
    """Whether what it cites carries a raise of two levels."""
    if not set(solid).isdisjoint(verdict.evidence):
        return True
    cited = solid_ids(decision.evidence).intersection(verdict.evidence)
    weight = sum(reason.weight for reason in decision.reasons if cited.intersection(reason.evidence))
    return weight >= policy.document.investigate.two_levels_from


def _score(policy: Policy, decision: Decision, verdict: Verdict, outcome: Outcome) -> int:
    """The model's risk within what the outcome allows; the policy's score where nothing changes."""
    if outcome is decision.decision:
        return decision.score
    bounds = policy.document.thresholds
    low, high = {
        Outcome.APPROVE: (0, bounds.review - 1),
        Outcome.REVIEW: (bounds.review, bounds.block - 1),
        Outcome.BLOCK: (bounds.block, max(bounds.block, policy.document.ceiling)),
    }[outcome]
    score = min(max(verdict.risk, low), high)
    # The policy in force may have other thresholds than the one that decided: a raise never takes points off.
    return max(score, decision.score) if outcome.severity > decision.decision.severity else min(score, decision.score)


def _revised(
    policy: Policy, decision: Decision, state: InvestigatorState, outcome: Outcome, score: int,
    adjustments: list[Adjustment], now: datetime,
) -> tuple[Decision, Judgement]:  # fmt: skip
    revised = decision.model_copy(
        update={
            "revision": decision.revision + 1,
            "decision": outcome,
            "score": score,
            "risk": max(decision.risk, policy.risk(score)) if score > decision.score else decision.risk,
            "risk_level": policy.level(score),
            "recommendation": policy.document.recommendations.get(outcome, outcome.value),
            "adjustments": adjustments,
            "investigator": state,
            "decided_at": now,
        }
    )
    judgement = Judgement(
        score, revised.risk, revised.risk_level, outcome, tuple(revised.reasons), tuple(adjustments), outcome
    )
    return revised, judgement
