"""What a model's verdict makes of a decision: the clamp.

The policy's decision is a floor. A verdict confirms it or raises it by one level, whatever it rests on. Further it
goes only unswayed: when the model, asked again without a word that anybody wrote, came as far, so that no text in the
payment can have told it to. Then it raises by two levels where the evidence that it cites weighs enough, and within a
band of scores that the policy names, and only there, lowers by one, never where a floor, a list entry or a certain fact
holds.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, get_args

from fraudray.agent.free_text import solid_weight
from fraudray.domain.decision import Adjustment, Decision, InvestigatorState, Outcome
from fraudray.domain.evidence import Evidence
from fraudray.domain.investigation import FallbackReason, Finding, Verdict
from fraudray.policy.listed import blocks
from fraudray.policy.policy import Judgement, Policy
from fraudray.policy.schema import ActionKind, Floor
from fraudray.revising import Revision, Standing

ALLOWED = "ALLOW_LISTED"
RAISED, LOWERED = "INVESTIGATOR_RAISED", "INVESTIGATOR_LOWERED"
DETAIL_MAX = 300
LATE = "The payment was answered with {answered} before; undo what can be undone. {recommendation}"
_LEVELS = (Outcome.APPROVE, Outcome.REVIEW, Outcome.BLOCK)
Effect = Literal["confirmed", "raised", "lowered", "none"]


_ALL: frozenset[ActionKind] = frozenset(get_args(ActionKind))
WITHHELD = _ALL - {"open_case", "manual_review", "email_alert", "report"}
"""What a raise alone never does: it freezes nothing and tells the customer nothing."""
AUTHOR = "investigator"


def conclude(
    standing: Standing, investigation_id: str, finding: Finding, *, begun_at: int, answered: bool
) -> Revision:  # fmt: skip
    """The revision that an investigation leads to, with a verdict or without; `begun_at` is the revision that it
    looked at, `answered` whether that one had left before."""
    decision = standing.decision
    superseded = decision.revision != begun_at
    revised, judgement = concluded(standing, investigation_id, finding, superseded=superseded, answered=answered)
    state = revised.investigator.model_dump(mode="json", exclude_none=True)
    body = {"transaction_id": decision.transaction_id, "revision": revised.revision, **state}
    if finding.verdict is not None:
        body["evidence"] = finding.verdict.evidence
    raised = revised.investigator.effect == "raised"
    return Revision(
        revised, judgement, AUTHOR, "investigation", body, withheld=WITHHELD if raised else _ALL, alerts=raised,
        teaches_nothing=raised and revised.decision is Outcome.BLOCK and standing.tx.transaction_type.spends,
    )  # fmt: skip


def concluded(
    standing: Standing, investigation_id: str, finding: Finding, *, superseded: bool, answered: bool
) -> tuple[Decision, Judgement]:
    """The next revision, and the judgement that its effects follow from.

    `superseded`: others revised the decision since the investigation began, so that the verdict is kept and changes
    nothing. `answered`: what stands had left before, so that a raise declines nothing, which it says.
    """
    policy, decision, verdict = standing.policy, standing.decision, finding.verdict
    if verdict is None:
        reason = finding.failure or FallbackReason.GIVEN_UP
        state = InvestigatorState(
            status="failed", investigation_id=investigation_id, model=finding.model, reason=reason.value,
            detail=f"The policy's decision stands: {finding.detail or reason}"[:DETAIL_MAX],
        )  # fmt: skip
        return _revised(standing, state, decision.decision, decision.score, decision.adjustments)
    outcome, effect, detail = _clamped(standing, verdict, superseded=superseded)
    score, adjustments = _score(policy, decision, verdict, outcome), list(decision.adjustments)
    if effect in ("raised", "lowered"):
        cited = ", ".join(verdict.evidence) or "no evidence"
        text = f"The investigator {effect} the decision from {decision.decision} to {outcome}, citing {cited}"
        code = RAISED if effect == "raised" else LOWERED
        if answered:
            text += f"; the payment had been answered with {decision.decision}"
        adjustments.append(Adjustment(code=code, points=score - decision.score, text=text))
    state = InvestigatorState(
        status="done", investigation_id=investigation_id, model=finding.model, verdict=verdict.decision,
        risk=verdict.risk, effect=effect, reason=FallbackReason.SUPERSEDED.value if superseded else None, detail=detail,
    )  # fmt: skip
    return _revised(standing, state, outcome, score, adjustments, late=answered and effect == "raised")


def _clamped(standing: Standing, verdict: Verdict, *, superseded: bool) -> tuple[Outcome, Effect, str | None]:
    """What is decided, what that did, and what was not allowed in words."""
    policy, decision = standing.policy, standing.decision
    held, wanted = decision.decision.severity, verdict.decision.severity
    if wanted == held:
        return decision.decision, "confirmed", None
    if superseded:
        return decision.decision, "none", "The decision was revised since the investigation began"
    if any(adjustment.code == ALLOWED for adjustment in decision.adjustments):
        return decision.decision, "none", "An allow entry stands above what is inferred"
    if decision.step_up is not None and decision.step_up.status == "passed":
        return decision.decision, "none", "The customer passed the step-up"
    # Levels are counted from what stands without earlier verdicts: asking again raises no further.
    first = without_verdicts(policy, decision.score, decision.adjustments)
    if wanted > held:
        why = _why_one_level(policy, decision, verdict)
        most = max(held, first.severity + (2 if why is None else 1))
        detail = None if wanted <= most else f"A raise to {verdict.decision} {why}"
        outcome = _LEVELS[min(wanted, most)]
        return outcome, "raised" if outcome is not decision.decision else "none", detail
    why = _why_not_lowered(standing, verdict, first)
    return (_LEVELS[held - 1], "lowered", None) if why is None else (decision.decision, "none", why)


def without_verdicts(policy: Policy, score: int, adjustments: Iterable[Adjustment]) -> Outcome:
    """What a score would be decided to without what verdicts added to it or took off."""
    score -= sum(adjustment.points for adjustment in adjustments if adjustment.code in (RAISED, LOWERED))
    bounds = policy.document.thresholds
    return _LEVELS[(score >= bounds.review) + (score >= bounds.block)]


def may_lower(policy: Policy, decision: Outcome, score: int, first: Outcome) -> bool:
    """Whether the policy's band holds a decision that no verdict changed yet; `first` is `without_verdicts`."""
    band = policy.document.investigate.lower
    return band is not None and band.low <= score <= band.high and first is decision


def _why_not_lowered(standing: Standing, verdict: Verdict, first: Outcome) -> str | None:
    """Why a verdict may not take a level off; None where it may."""
    policy, decision = standing.policy, standing.decision
    if not may_lower(policy, decision.decision, decision.score, first):
        return "A verdict does not lower this decision"
    if not verdict.unswayed:
        return "Lowering was not confirmed without the payment's text"
    bounds = policy.document.thresholds
    most = (bounds.block if decision.decision is Outcome.BLOCK else bounds.review) - 1
    if decision.risk >= 1.0 or _least_score(standing) > most:
        return "What holds of this payment is never lowered"
    return None


def _least_score(standing: Standing) -> int:
    """The highest floor that holds now, whether it added points or not; 100 where a certain fact or a list entry
    decides, or a rule cannot be computed."""
    facts, lists = standing.known(Evidence(standing.decision.evidence))
    judgement = standing.policy.judge(facts, lists=lists)
    failed = any(reason.code == "RULE_FAILED" for reason in judgement.reasons)
    if judgement.certain or failed or blocks(lists, certain=judgement.certain):
        return 100
    floors = [trace.line.source for trace in standing.policy.explain(facts) if trace.state == "held"]
    return max((floor.score for floor in floors if isinstance(floor, Floor)), default=0)


def _why_one_level(policy: Policy, decision: Decision, verdict: Verdict) -> str | None:
    """Why it does not carry a raise of two levels; None where it does. What tools found on the model's question weighs
    nothing: text in the payment could have made it ask."""
    weight = solid_weight(decision.evidence, decision.reasons, verdict.evidence)
    if weight < policy.document.investigate.two_levels_from:
        return "needs weightier evidence than it cites"
    return None if verdict.unswayed else "was not confirmed without the payment's text"


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
    standing: Standing, state: InvestigatorState, outcome: Outcome, score: int, adjustments: list[Adjustment], *,
    late: bool = False,
) -> tuple[Decision, Judgement]:  # fmt: skip
    """`late`: a raise that declines nothing any more, and says so."""
    policy, decision = standing.policy, standing.decision
    recommendation = policy.document.recommendations.get(outcome, outcome.value)
    if late:
        recommendation = LATE.format(answered=decision.decision, recommendation=recommendation)
    revised = decision.model_copy(
        update={
            "revision": decision.revision + 1,
            "decision": outcome,
            "score": score,
            "risk": max(decision.risk, policy.risk(score)) if score > decision.score else decision.risk,
            "risk_level": policy.level(score),
            "recommendation": recommendation,
            "adjustments": adjustments,
            "investigator": state,
            "decided_at": standing.now,
        }
    )
    judgement = Judgement(
        score,
        revised.risk,
        revised.risk_level,
        outcome,
        tuple(revised.reasons),
        tuple(adjustments),
        outcome,
        revised.risk,
    )
    return revised, judgement
