"""Putting together what is decided and what is written."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from fraudray.domain.case import CaseEntry
from fraudray.domain.decision import Decision, Latency, StepUp
from fraudray.domain.evidence import LISTS, Evidence
from fraudray.domain.investigation import Investigation
from fraudray.domain.listing import ListMatches
from fraudray.domain.transaction import Transaction
from fraudray.effects import Effects
from fraudray.policy.listed import listed_evidence
from fraudray.policy.policy import Judgement, Policy
from fraudray.ports.ledger import AuditNote, CustomerRecord, DecisionUnit

encode_state = msgspec.msgpack.Encoder().encode


def judge(policy: Policy, facts: Mapping[str, Any], evidence: Evidence, lists: ListMatches) -> Judgement:
    """The policy's judgement; the list entries that match become evidence."""
    judgement = policy.judge(facts, lists=lists)
    if lists.any:
        evidence.tools[LISTS] = listed_evidence(lists, judgement.muted, certain=judgement.certain)
    return judgement


def decision_of(
    tx: Transaction,
    policy: Policy,
    judgement: Judgement,
    evidence: Evidence,
    effects: Effects,
    now: datetime,
    latency: Latency,
    *,
    report_url: str | None,
    step_up: StepUp | None,
) -> Decision:
    """The first revision."""
    return Decision(
        decision_id=effects.decision_id,
        transaction_id=tx.transaction_id,
        customer_id=tx.customer_id,
        revision=1,
        decision=judgement.outcome,
        score=judgement.score,
        risk=judgement.risk,
        risk_level=judgement.level,
        recommendation=policy.document.recommendations.get(judgement.outcome, judgement.outcome.value),
        reasons=list(judgement.reasons),
        adjustments=list(judgement.adjustments),
        evidence=evidence.tools,
        actions=effects.actions,
        case_id=effects.case_id,
        report_url=report_url,
        policy=policy.ref,
        step_up=step_up,
        decided_at=now,
        latency_ms=latency,
    )


def unit_of(
    tx: Transaction, content_hash: str, customer: CustomerRecord, decision: Decision, effects: Effects,
    occurred_at: datetime, notes: list[AuditNote], *, case_entry: CaseEntry | None = None,
    alerts: bool = True, investigation: Investigation | None = None,
) -> DecisionUnit:  # fmt: skip
    """Everything that one revision writes."""
    return DecisionUnit(
        transaction=tx,
        content_hash=content_hash,
        decision=decision,
        written=decision.to_json(),
        occurred_at=occurred_at,
        state=encode_state(customer.state),
        opens_case=effects.opens_case,
        freeze=effects.freeze,
        outbox=effects.outbox,
        audit=notes,
        case_entry=case_entry,
        alerts=alerts,
        investigation=investigation,
    )
