"""What follows from a judgement: case, freeze, outbox entries and audit notes. Plans only; nothing happens here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from fraudray.domain.customer import Freeze
from fraudray.domain.decision import Action, Decision
from fraudray.domain.transaction import Transaction
from fraudray.policy.policy import Judgement
from fraudray.policy.schema import ActionKind, PolicyDocument
from fraudray.ports.clock import Ids
from fraudray.ports.ledger import AuditNote, CustomerRecord, OpenCase, OutboxEntry

_LATER: tuple[ActionKind, ...] = ("email_alert", "customer_sms", "report")
"""Actions that leave through the outbox; the others are done in the decision's own database transaction."""


@dataclass(slots=True)
class Effects:
    """Everything a decision sets in motion."""

    decision_id: str
    actions: list[Action] = field(default_factory=list)
    outbox: list[OutboxEntry] = field(default_factory=list)
    case_id: str | None = None
    opens_case: bool = False
    open_case: OpenCase | None = None
    freeze: Freeze | None = None

    @property
    def makes_report(self) -> bool:
        """Whether a report of the case is on its way."""
        return any(action.kind == "report" for action in self.actions)

    def audit_notes(self, decision: Decision, tx: Transaction, actor: str = "engine") -> list[AuditNote]:
        """The entries for the audit trail; no personal data."""
        notes = [
            AuditNote(
                "decision" if decision.revision == 1 else "decision_revised",
                tx.transaction_id,
                actor,
                {
                    "decision_id": decision.decision_id,
                    "revision": decision.revision,
                    "decision": decision.decision.value,
                    "score": decision.score,
                    "reasons": [reason.code for reason in decision.reasons],
                    "policy": decision.policy.hash,
                    "content": tx.content_hash,
                    "actions": [action.kind for action in decision.actions],
                },
            )
        ]
        if self.opens_case and self.case_id is not None:
            notes.append(AuditNote("case_opened", self.case_id, "engine", {"decision_id": decision.decision_id}))
        if self.freeze is not None:
            body = {"freeze_id": self.freeze.freeze_id, "until": self.freeze.ends_at.isoformat()}
            notes.append(AuditNote("account_frozen", decision.customer_id, "engine", body))
        return notes


def plan_effects(
    policy: PolicyDocument,
    judgement: Judgement,
    tx: Transaction,
    customer: CustomerRecord,
    now: datetime,
    *,
    ids: Ids,
    next_case_id: Callable[[int], str],
    revises: Decision | None = None,
    withheld: frozenset[ActionKind] = frozenset(),
) -> Effects:
    """The policy's actions for what the evidence itself says, save those `withheld`; for a revision, those not taken
    before.

    A block caused only by a freeze or a list entry acts on the outcome without them: it opens no case, sends no alert
    and freezes nothing, save what the policy wants for one by list.
    """
    effects = Effects(ids.new("dec")) if revises is None else Effects(revises.decision_id, case_id=revises.case_id)
    taken = {action.kind for action in revises.actions} if revises is not None else set()
    wanted = policy.actions.get(judgement.outcome_on_evidence, [])
    if judgement.by_list:
        wanted = list(dict.fromkeys((*wanted, *policy.actions_when_listed)))
    kinds = [kind for kind in wanted if kind not in taken and kind not in withheld]
    if "open_case" in kinds:
        _join_or_open(effects, policy, customer, now, next_case_id)
    for kind in kinds:
        if kind in _LATER:
            effects.outbox.append(_later(effects, kind, tx, ids))
            effects.actions.append(Action(kind=kind, status="pending"))
        elif kind == "freeze_account":
            effects.actions.append(_freeze(effects, policy, tx, customer, now, ids))
        elif kind == "manual_review":
            effects.actions.append(Action(kind=kind, status="recommended"))
        else:
            detail = "opened" if effects.opens_case else "joined"
            effects.actions.append(Action(kind=kind, status="done", detail=f"{detail} {effects.case_id}"))
    return effects


def _join_or_open(
    effects: Effects,
    policy: PolicyDocument,
    customer: CustomerRecord,
    now: datetime,
    next_case_id: Callable[[int], str],
) -> None:
    window = timedelta(hours=policy.cases.join_window_h)
    existing = customer.open_case
    if existing is not None and abs(now - existing.last_alert_at) <= window:
        effects.case_id = existing.case_id
    else:
        effects.case_id, effects.opens_case = next_case_id(now.year), True
    effects.open_case = OpenCase(effects.case_id, now)


def _freeze(
    effects: Effects, policy: PolicyDocument, tx: Transaction, customer: CustomerRecord, now: datetime, ids: Ids
) -> Action:
    """A new block freezes from now; it never shortens a freeze that holds."""
    ends_at = now + timedelta(hours=policy.freeze.duration_h)
    held = customer.freeze
    if held is not None and held.holds_at(now) and held.ends_at >= ends_at:
        ends_at = held.ends_at
    effects.freeze = Freeze(
        freeze_id=ids.new("frz"), customer_id=tx.customer_id, starts_at=now, ends_at=ends_at,
        decision_id=effects.decision_id, transaction_id=tx.transaction_id,
    )  # fmt: skip
    return Action(kind="freeze_account", status="done", detail=f"until {ends_at:%Y-%m-%d %H:%M} UTC")


def _later(effects: Effects, kind: str, tx: Transaction, ids: Ids) -> OutboxEntry:
    return OutboxEntry(
        entry_id=ids.new("out"), kind=kind, idempotency_key=f"{effects.decision_id}/{kind}",
        decision_id=effects.decision_id, case_id=effects.case_id, customer_id=tx.customer_id,
        details={"transaction_id": tx.transaction_id},
    )  # fmt: skip
