"""What people and agents may do beside deciding: lift a freeze, raise an alert, keep cases, make reports.

Every act carries its author and goes on the audit trail. Amounts, scores and decisions come from the stored record;
what a caller says is kept as a claim.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, cast, get_args

from pydantic import BaseModel, ConfigDict, Field

from fraudray.actions.deliver import AlertRules
from fraudray.adapters.sql.reports import REPORTER
from fraudray.adapters.sql.store import SqlStore
from fraudray.answer import Answer, Outlook
from fraudray.domain.cards import mask
from fraudray.domain.case import CaseEntry
from fraudray.domain.customer import Freeze
from fraudray.domain.decision import Moment, Outcome, Reason, StepUpResult
from fraudray.domain.duration import given_end
from fraudray.domain.errors import FieldProblem, InvalidTransaction, NotFound, Refused
from fraudray.domain.evidence import GEOLOCATION_CHECKER
from fraudray.domain.opening import opened
from fraudray.domain.text import has_control_characters, is_unicode
from fraudray.domain.transaction import Transaction
from fraudray.engine import Engine
from fraudray.features.state import ATTEMPT_AGE_MAX_US, microseconds
from fraudray.ports.clock import Clock, Ids
from fraudray.ports.ledger import OutboxEntry
from fraudray.reports.case_report import build_report

TEXT_MAX = 4000
REFERENCE_MAX = 200
ALERT_TYPE_MAX = 100
CASE_ID_MAX = 64
TEN_MINUTES_US = 600 * 1_000_000
REASON_FIELD = "reason"
FREEZE_MAX = timedelta(days=90)


class RefusedBy(BaseModel):
    """A rule that would still refuse the customer's last transaction; `until` where time alone ends it."""

    code: str
    text: str
    until: Moment | None = None


class UnfreezeAnswer(BaseModel):
    """What lifting a freeze did, and whether the customer's last transaction would pass now."""

    model_config = ConfigDict(extra="forbid")

    customer_id: str
    freeze_id: str
    lifted_at: Moment
    last_transaction_id: str | None = None
    would_pass_now: bool | None = Field(None, description="None when the customer has no transaction.")
    decision_now: Outcome | None = None
    refused_by: list[RefusedBy] = Field(default_factory=list)


class Desk:
    """Acts on accounts, cases, alerts and reports."""

    def __init__(self, engine: Engine, store: SqlStore, rules: AlertRules, clock: Clock, ids: Ids) -> None:
        self._engine, self._store, self._rules, self._clock, self._ids = engine, store, rules, clock, ids

    def unfreeze(self, customer_id: str, *, reason: str, actor: str) -> UnfreezeAnswer:
        """Lift the freeze on an account. Raises NotFound when none holds, InvalidTransaction without a reason."""
        reason = checked_text(reason, "reason")
        now = self._clock.now()
        freeze = self._store.customers.lift_freeze(customer_id, reason=reason, actor=actor, at=now)
        answer = UnfreezeAnswer(customer_id=customer_id, freeze_id=freeze.freeze_id, lifted_at=now)
        last = self._store.cases.last_transaction_id(customer_id)
        if last is None:
            return answer
        tx = self._store.cases.transaction(last)
        outlook = self._engine.preview(tx)
        judgement = outlook.judgement
        passes = judgement.outcome is Outcome.APPROVE
        return answer.model_copy(
            update={
                "last_transaction_id": last,
                "would_pass_now": passes,
                "decision_now": judgement.outcome,
                "refused_by": []
                if passes
                else [self._refusal(reason, tx, outlook, now) for reason in judgement.reasons],
            }
        )

    def answer_step_up(self, transaction_id: str, *, result: str, reference: str | None, author: str) -> Answer:
        """See `Engine.answer_step_up`. Raises InvalidTransaction for an unknown result or an unusable reference too."""
        if result not in get_args(StepUpResult):
            message = f"is none of {', '.join(get_args(StepUpResult))}"
            raise InvalidTransaction([FieldProblem("result", "enum", message)])
        if reference is not None:
            reference = checked_text(reference, "reference")
            if len(reference) > REFERENCE_MAX:
                message = f"may have {REFERENCE_MAX} characters at most"
                raise InvalidTransaction([FieldProblem("reference", "too_long", message)])
        return self._engine.answer_step_up(
            transaction_id, cast(StepUpResult, result), reference=reference, author=author
        )

    def request_alert(
        self, *, transaction_id: str, alert_type: str, details: str, recipients: Sequence[str] | None, author: str
    ) -> OutboxEntry:
        """Put an e-mail alert about a stored decision into the outbox.

        Raises NotFound for a transaction that was not decided, Refused for a recipient outside the allowed domains.
        """
        alert_type = checked_text(alert_type, "alert_type", ALERT_TYPE_MAX)
        decision = self._store.cases.decision(transaction_id)
        to = tuple(recipients or self._rules.recipients)
        refused = self._rules.refused(to)
        if refused:
            allowed = ", ".join(self._rules.domains)
            raise Refused(f"mail to {', '.join(refused)} is not allowed; allowed domains: {allowed}")
        entry = OutboxEntry(
            entry_id=self._ids.new("out"),
            kind="email_alert",
            idempotency_key=f"{decision.decision_id}/email_alert/{alert_type}/{_digest(details, to)}",
            decision_id=decision.decision_id,
            case_id=decision.case_id,
            customer_id=decision.customer_id,
            details={
                "transaction_id": transaction_id, "alert_type": alert_type,
                "claim": mask(details[:TEXT_MAX]), "author": author, "recipients": list(to),
            },
        )  # fmt: skip
        if self._store.outbox.add(entry, self._clock.now(), actor=author):
            return entry
        return self._store.outbox.by_key(entry.idempotency_key).entry

    def log_case(
        self, *, case_id: str, transaction_id: str | None, notes: str, claimed_decision: str, evidence: Any, author: str
    ) -> CaseEntry:
        """Append a claim to a case; a case id that does not exist yet is opened for a decided transaction."""
        now = self._clock.now()
        case_id = checked_text(case_id, "case_id", CASE_ID_MAX)
        body = {
            "notes": checked_text(notes, "investigation_notes"),
            "claimed_decision": mask(claimed_decision)[:100],
            "claimed_evidence": _masked(evidence),
        }
        if transaction_id is not None:
            body["transaction_id"] = transaction_id
        entry = CaseEntry(entry_id=self._ids.new("ent"), at=now, author=author, kind="note", body=body)
        try:
            return self._store.cases.append(
                case_id, author=author, kind=entry.kind, body=body, at=now, entry_id=entry.entry_id
            )
        except NotFound:
            if transaction_id is None:
                raise
        decision = self._store.cases.decision(transaction_id)
        tx = self._store.cases.transaction(transaction_id)
        summary = opened(case_id, decision, tx, now, self._store.case_times)
        self._store.cases.open(summary, author=author, entry=entry)
        return entry

    def note(self, case_id: str, *, text: str, author: str) -> CaseEntry:
        """A person's note on a case. Raises NotFound."""
        body = {"notes": checked_text(text, "text")}
        return self._store.cases.append(
            case_id, author=author, kind="note", body=body, at=self._clock.now(), entry_id=self._ids.new("ent")
        )

    def extend_freeze(self, customer_id: str, *, until: str, reason: str, actor: str) -> Freeze:
        """Let a freeze hold longer: until a date, a moment, or so long from now ("24h").

        Raises NotFound when none holds, Refused when it holds as long already, InvalidTransaction naming a bad field.
        """
        now, reason = self._clock.now(), checked_text(reason, REASON_FIELD)
        end = given_end(until, "until", now, FREEZE_MAX)
        return self._store.customers.extend_freeze(customer_id, until=end, reason=reason, actor=actor, at=now)

    def resend_alert(self, case_id: str, *, reason: str, author: str, transaction_id: str | None = None) -> OutboxEntry:
        """Send the alert of a case again: that of its worst decision, or of the transaction that is named.

        Raises NotFound for a case without such a decision.
        """
        reason = checked_text(reason, REASON_FIELD)
        decisions = self._store.cases.case(case_id).decisions
        if transaction_id is not None:
            decisions = [decision for decision in decisions if decision.transaction_id == transaction_id]
        if not decisions:
            raise NotFound("decision of the case", transaction_id or case_id)
        worst = max(decisions, key=lambda decision: decision.score)
        entry_id = self._ids.new("ent")
        sent = self.request_alert(
            transaction_id=worst.transaction_id, alert_type=f"resent {entry_id}", details=reason, recipients=None,
            author=author,
        )  # fmt: skip
        self._store.cases.append(
            case_id, author=author, kind="alert_resent", at=self._clock.now(), entry_id=entry_id,
            body={"reason": reason, "transaction_id": worst.transaction_id, "outbox_id": sent.entry_id},
        )  # fmt: skip
        return sent

    def make_report(
        self, case_id: str, *, sections: Sequence[str] | None = None, author: str = REPORTER
    ) -> dict[str, Any]:
        """Make and keep the report of a case; the answer has the wanted sections, what is kept has all.

        Raises NotFound, Refused once its customer was erased, or ValueError for an unknown section.
        """
        case = self._store.cases.case(case_id)
        now = self._clock.now()
        wanted = build_report(case, made_at=now, sections=sections)
        whole = build_report(case, made_at=now)
        self._store.reports.put(
            case_id, case_id=case_id, customer_id=case.customer_id, document=whole, at=now, author=author
        )
        return wanted

    def _refusal(self, reason: Reason, tx: Transaction, outlook: Outlook, now: datetime) -> RefusedBy:
        return RefusedBy(code=reason.code, text=reason.text, until=self._until(reason, tx, outlook, now))

    def _until(self, reason: Reason, tx: Transaction, outlook: Outlook, now: datetime) -> datetime | None:
        """When time alone ends a refusal: a transaction without a time of its own happens later when it comes later."""
        if tx.timestamp is not None:
            return None
        if reason.family == "velocity":
            return self._window_empty_at(reason, tx.customer_id, now)
        place = outlook.evidence.tools[GEOLOCATION_CHECKER].items
        seen = place.get("previous", {}).get("source") == "seen"
        if seen and f"{GEOLOCATION_CHECKER}/travel" in reason.evidence and not place["travel"]["feasible"]:
            lacking_min = place["travel"]["minimum_min"] - place["travel"]["elapsed_min"]
            return now + timedelta(minutes=max(0.0, lacking_min))
        return None

    def _window_empty_at(self, reason: Reason, customer_id: str, now: datetime) -> datetime | None:
        """When the window that a velocity rule looked at has moved past the attempts seen."""
        attempts = self._store.ledger.customer(customer_id).state.attempts
        window_us = ATTEMPT_AGE_MAX_US if "24 hours" in reason.text else TEN_MINUTES_US
        newest = max((attempt.at_us for attempt in attempts), default=None)
        if newest is None:
            return None
        return now + timedelta(microseconds=max(0, newest + window_us - microseconds(now)))


def checked_text(value: str, field: str, limit: int = TEXT_MAX) -> str:
    """A caller's text, trimmed and with card numbers masked. Raises InvalidTransaction naming the field."""
    cleaned = value.strip()
    if not cleaned:
        raise InvalidTransaction([FieldProblem(field, "missing", "is needed")])
    if has_control_characters(cleaned):
        raise InvalidTransaction([FieldProblem(field, "control_character", "contains a control character")])
    if not is_unicode(cleaned):
        raise InvalidTransaction([FieldProblem(field, "string_unicode", "is not valid Unicode text")])
    if len(cleaned) > limit:
        raise InvalidTransaction([FieldProblem(field, "too_long", f"may have {limit:,} characters at most")])
    return mask(cleaned)


def _digest(details: str, recipients: Sequence[str]) -> str:
    return hashlib.sha256("\0".join([details, *recipients]).encode()).hexdigest()[:16]


def _masked(value: Any, depth: int = 0) -> Any:
    """A caller's JSON with card numbers masked, bounded in depth, width and length."""
    if isinstance(value, str):
        return mask(_whole(value)[:TEXT_MAX])
    if depth >= 6:
        return "(nested too deeply)"
    if isinstance(value, dict):
        return {mask(_whole(str(key)))[:200]: _masked(entry, depth + 1) for key, entry in list(value.items())[:200]}
    if isinstance(value, list | tuple):
        return [_masked(entry, depth + 1) for entry in value[:200]]
    if isinstance(value, int | float) and not isinstance(value, bool) and not abs(value) <= 10**11:
        # As many digits as a card number, or no number at all.
        return mask(f"{value:.0f}") if abs(value) < 10**30 else "(a number out of range)"
    return value


def _whole(text: str) -> str:
    """`text` with halves of surrogate pairs, which no store takes, replaced."""
    return text if is_unicode(text) else text.encode("utf-8", "replace").decode()
