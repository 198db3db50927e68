"""What a decision does to its case: opens it, joins it, or answers an alert of it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select, update

from fraudray.adapters.sql import schema as t
from fraudray.adapters.sql.rows import Rows, case_fields
from fraudray.adapters.sql.webhook_notices import WebhookNotices
from fraudray.adapters.vault import Box
from fraudray.domain.case import CaseEntry, CaseSummary
from fraudray.domain.decision import Decision, Outcome
from fraudray.domain.webhook import Event
from fraudray.ports.ledger import DecisionUnit


class CaseWriter:
    """Writes within the decision's own database transaction, and tells webhooks in it."""

    def __init__(self, rows: Rows, notices: WebhookNotices) -> None:
        self._rows, self._notices = rows, notices

    def write(self, connection: Connection, unit: DecisionUnit, case_id: str, box: Box) -> Event:
        """Put the decision into its case; what happened to the case."""
        decision = unit.decision
        case, event = self._put(connection, unit, case_id, box)
        change = {"kind": "alert", "transaction_id": decision.transaction_id, "decision_id": decision.decision_id}
        if unit.case_entry is not None:
            self._rows.case_entry(case_id, decision.customer_id, unit.case_entry, box)
            change["kind"] = unit.case_entry.kind
        at = decision.decided_at
        for entry in self._notices.entries_for_case(
            event, case, change=change, at=at, decision_id=decision.decision_id
        ):
            self._rows.enqueue(entry, box, t.to_us(at))
        return event

    def _put(self, connection: Connection, unit: DecisionUnit, case_id: str, box: Box) -> tuple[CaseSummary, Event]:
        if unit.opens_case:
            return self._open(unit.decision, case_id), "case.opened"
        self._rows.flush(connection)  # the case may be one that this very batch opens
        if unit.case_entry is None or unit.alerts:
            return self._join(connection, unit.decision, case_id), "case.updated"
        return self._answered(connection, unit.decision, case_id, unit.case_entry, box)

    def _open(self, decision: Decision, case_id: str) -> CaseSummary:
        at = decision.decided_at
        self._rows.open_case(
            case_id, customer_id=decision.customer_id, score=decision.score, decision=decision.decision,
            at_us=t.to_us(at),
        )  # fmt: skip
        return CaseSummary(
            case_id=case_id, customer_id=decision.customer_id, status="open", decision=decision.decision,
            score=decision.score, opened_at=at, last_alert_at=at, updated_at=at,
        )  # fmt: skip

    def _join(self, connection: Connection, decision: Decision, case_id: str) -> CaseSummary:
        """A further alert."""
        at_us = t.to_us(decision.decided_at)
        before = connection.execute(select(t.cases).where(t.cases.c.case_id == case_id)).one()
        joined: dict[str, Any] = {"last_alert_us": at_us, "updated_us": at_us}
        if decision.score > before.score:
            joined |= {"score": decision.score, "decision": decision.decision.value}
        return _changed(connection, case_id, joined)

    def _answered(
        self, connection: Connection, decision: Decision, case_id: str, answer: CaseEntry, box: Box
    ) -> tuple[CaseSummary, Event]:
        """An alert that was answered is no further alert; a case of which every alert was lifted is closed."""
        updated: dict[str, Any] = {"updated_us": t.to_us(decision.decided_at)}
        case = _changed(connection, case_id, updated)
        # Only people's answers close a case; a model that lowers a decision leaves it to them.
        if answer.kind != "step_up" or case.status != "open" or not _all_lifted(connection, case_id):
            return case, "case.updated"
        body = {"disposition": "lifted", "reason": "every alert of it was lifted"}
        entry = answer.model_copy(update={"entry_id": answer.entry_id + "-closed", "kind": "closed", "body": body})
        self._rows.case_entry(case_id, decision.customer_id, entry, box)
        return _changed(connection, case_id, updated | {"status": "closed"}), "case.closed"


def _changed(connection: Connection, case_id: str, values: dict[str, Any]) -> CaseSummary:
    connection.execute(update(t.cases).where(t.cases.c.case_id == case_id).values(**values))
    row = connection.execute(select(t.cases).where(t.cases.c.case_id == case_id)).one()
    return CaseSummary(**case_fields(row._asdict()))


def _all_lifted(connection: Connection, case_id: str) -> bool:
    d = t.decisions.c
    rows = connection.execute(
        select(d.transaction_id, d.decision).where(d.case_id == case_id).order_by(d.revision)
    ).all()
    current = {row.transaction_id: row.decision for row in rows}
    return set(current.values()) == {Outcome.APPROVE.value}
