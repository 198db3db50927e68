"""What a step-up's answer makes of a decision: a REVIEW is lifted, confirmed, or stays."""

from __future__ import annotations

from datetime import datetime, timedelta

from fraudray.domain.decision import Adjustment, Decision, Outcome, StepUp, StepUpResult
from fraudray.domain.errors import Refused
from fraudray.domain.evidence import Evidence
from fraudray.domain.listing import ListMatches
from fraudray.policy.listed import blocks
from fraudray.policy.policy import Facts, Judgement, Policy
from fraudray.revising import Revision, Standing


def ask_step_up(policy: Policy, judgement: Judgement, facts: Facts, now: datetime) -> StepUp | None:
    """The first step-up of the policy whose condition holds, for a REVIEW; None where there is none."""
    if judgement.outcome is not Outcome.REVIEW:
        return None
    for wanted, condition in policy.step_ups:
        if condition.holds(facts, judgement.score):
            return StepUp(method=wanted.method, until=now + timedelta(minutes=wanted.valid_min))
    return None


def check_answer(decision: Decision, result: StepUpResult, now: datetime) -> bool:
    """Whether the answer changes the decision; False for one that was given before.

    Raises Refused when no step-up waits for it: none was asked for, another answer was given, the decision is no longer
    a REVIEW, or it comes too late to lift.
    """
    asked = decision.step_up
    if asked is None:
        raise Refused(f"no step-up was asked for on {decision.transaction_id}")
    if asked.status == result:
        return False
    if asked.status in ("passed", "failed"):
        raise Refused(f"the step-up on {decision.transaction_id} was answered {asked.status} before")
    if decision.decision is not Outcome.REVIEW:
        raise Refused(f"the decision on {decision.transaction_id} is {decision.decision} by now")
    if result == "passed" and now > asked.until:
        raise Refused(f"the step-up ended {asked.until:%Y-%m-%d %H:%M} UTC; decide the payment again")
    return True


def check_lift(policy: Policy, decision: Decision, facts: Facts, lists: ListMatches) -> None:
    """Raises Refused where what no step-up lifts holds by now: a list entry that blocks, or a certain fact such as a
    freeze. `facts` are those that need no tool."""
    now = policy.judge(facts, lists=lists)
    if now.certain or blocks(lists, certain=now.certain):
        why = next(reason.text for reason in now.reasons if reason.code != "ALLOW_LISTED")
        raise Refused(f"no step-up lifts what holds of {decision.transaction_id} by now: {why}")


def answered(
    policy: Policy, decision: Decision, result: StepUpResult, reference: str | None, now: datetime
) -> tuple[Decision, Judgement]:
    """The next revision, and the judgement that its effects follow from.

    Passed: APPROVE, the score just below `review`. Failed: BLOCK, the score at least `block`. Abandoned: as it was.
    """
    asked = decision.step_up
    assert asked is not None  # noqa: S101 - see check_answer
    thresholds = policy.document.thresholds
    score = {
        "passed": min(decision.score, thresholds.review - 1),
        "failed": max(decision.score, thresholds.block),
        "abandoned": decision.score,
    }[result]
    outcome = {"passed": Outcome.APPROVE, "failed": Outcome.BLOCK, "abandoned": Outcome.REVIEW}[result]
    adjustments = list(decision.adjustments)
    if score != decision.score:
        text = f"The customer {'passed' if result == 'passed' else 'failed'} the step-up ({asked.method})"
        adjustments.append(Adjustment(code=f"STEP_UP_{result.upper()}", points=score - decision.score, text=text))
    revised = decision.model_copy(
        update={
            "revision": decision.revision + 1,
            "decision": outcome,
            "score": score,
            "risk": max(decision.risk, policy.risk(score)) if result == "failed" else decision.risk,
            "risk_level": policy.level(score),
            "recommendation": policy.document.recommendations.get(outcome, outcome.value),
            "adjustments": adjustments,
            "step_up": asked.model_copy(update={"status": result, "answered_at": now, "reference": reference}),
            "decided_at": now,
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


def step_up(standing: Standing, result: StepUpResult, reference: str | None, author: str) -> Revision | None:
    """The revision that an answer leads to; None for one that was given before. Raises Refused."""
    policy, decision, now = standing.policy, standing.decision, standing.now
    if not check_answer(decision, result, now):
        return None
    if result == "passed":
        check_lift(policy, decision, *standing.known(Evidence({})))
    revised, judgement = answered(policy, decision, result, reference, now)
    body = {"transaction_id": decision.transaction_id, "result": result, "reference": reference}
    return Revision(
        revised, judgement, author, "step_up", body, alerts=revised.decision is Outcome.BLOCK,
        teaches_nothing=result == "failed" and standing.tx.transaction_type.spends,
    )  # fmt: skip
