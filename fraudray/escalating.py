"""Which decisions are investigated: what an escalation adds to a decision."""

from __future__ import annotations

from datetime import datetime, timedelta

from fraudray.domain.decision import Decision, InvestigatorState
from fraudray.domain.investigation import Investigation, Mode
from fraudray.policy.policy import Policy
from fraudray.ports.tracing import current_traceparent


def investigation_of(
    policy: Policy, decision: Decision, investigation_id: str, *, mode: Mode, requested_by: str,
    now: datetime | None = None,
) -> Investigation:  # fmt: skip
    """An investigation of a decision as of now, or as of when it was decided."""
    now = now or decision.decided_at
    return Investigation(
        investigation_id=investigation_id, transaction_id=decision.transaction_id, decision_id=decision.decision_id,
        customer_id=decision.customer_id, begun_at=decision.revision, mode=mode, status="pending",
        requested_by=requested_by, requested_at=now,
        deadline=now + timedelta(seconds=policy.document.investigate.later_limit_s),
        traceparent=current_traceparent(),
    )  # fmt: skip


def pending(decision: Decision, investigation: Investigation) -> Decision:
    """The decision while it is investigated."""
    state = InvestigatorState(status="pending", investigation_id=investigation.investigation_id)
    return decision.model_copy(update={"investigator": state})
