"""What a decision does to its case: opens it, joins it, or answers an alert of it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select

from fraudray.adapters.sql import schema as t
from fraudray.adapters.sql.case_index import CaseIndex
from fraudray.adapters.sql.case_rows import change, columns_of, read_row, summary_of
from fraudray.adapters.sql.rows import Rows
from fraudray.adapters.sql.webhook_notices import WebhookNotices
from fraudray.adapters.vault import Box
from fraudray.domain.case import CaseEntry, CaseSummary
from fraudray.domain.case_life import CaseTimes
from fraudray.domain.decision import Decision, Outcome
from fraudray.domain.opening import headline, opened
from fraudray.domain.research import Ending
from fraudray.domain.webhook import Event
from fraudray.ports.ledger import AuditNote, DecisionUnit


class CaseWriter:
    """Writes within the decision's own database transaction, and tells webhooks in it."""

    def __init__(self, rows: Rows, notices: WebhookNotices, index: CaseIndex, times: CaseTimes) -> None:
        self._rows, self._notices, self._index, self._times = rows, notices, index, times

    def write(self, connection: Connection, unit: DecisionUnit, case_id: str, box: Box) -> Event:
        """Put the decision into its case; what happened to the case."""
        decision = unit.decision
        case, event = self._put(connection, unit, case_id, box)
        self._index.alert(case_id, decision, unit.transaction)
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
            case = opened(case_id, unit.decision, unit.transaction, unit.decision.decided_at, self._times)
            self._rows.open_case(case)
            return case, "case.opened"
        self._rows.flush(connection)  # the case may be one that this very batch opens
        if unit.case_entry is None or unit.alerts:
            return self._join(connection, unit, case_id), "case.updated"
        return self._answered(connection, unit.decision, case_id, unit.case_entry, box)

    def _join(self, connection: Connection, unit: DecisionUnit, case_id: str) -> CaseSummary:
        """A further alert. A case that waits waits no longer; one that gets worse is due no later than a new one. Of a
        case that was merged, it is an alert of that which goes on."""
        decision, before = unit.decision, summary_of(read_row(connection, case_id))
        while before.merged_into is not None:
            before = summary_of(read_row(connection, before.merged_into))
        case_id = before.case_id
        at = decision.decided_at
        joined: dict[str, Any] = {"last_alert_at": at, "updated_at": at}
        if decision.score > before.score:
            joined |= headline(decision, unit.transaction)
            due = at + self._times.due_after(decision.decision)
            joined["due_at"] = due if before.due_at is None else min(before.due_at, due)
        if before.status == "waiting":
            joined |= {"status": "open", "waiting_until": None, "assignee": None}
            body = {"from": "waiting", "to": "open", "transaction_id": decision.transaction_id}
            self._rows.note(t.to_us(at), AuditNote("case_woken", case_id, "engine", body))
        return change(connection, case_id, columns_of(joined))

    def _answered(
        self, connection: Connection, decision: Decision, case_id: str, answer: CaseEntry, box: Box
    ) -> tuple[CaseSummary, Event]:
        """An alert that was answered is no further alert; a case of which every alert was lifted is closed."""
        updated: dict[str, Any] = {"updated_at": decision.decided_at}
        case = change(connection, case_id, columns_of(updated))
        # Only people's answers close a case; a model that lowers a decision leaves it to them.
        if answer.kind != "step_up" or case.status == "closed" or not _all_lifted(connection, case_id):
            return case, "case.updated"
        reason = "every alert of it was lifted"
        body = {"disposition": Ending.LIFTED.value, "reason": reason}
        entry = answer.model_copy(update={"entry_id": answer.entry_id + "-closed", "kind": "closed", "body": body})
        audit = {"from": case.status, "to": "closed", "disposition": Ending.LIFTED.value}
        self._rows.case_entry(case_id, decision.customer_id, entry, box, audit)
        ended = updated | {"status": "closed", "locked_until": None, "disposition": Ending.LIFTED.value}
        return change(connection, case_id, columns_of(ended)), "case.closed"


def _all_lifted(connection: Connection, case_id: str) -> bool:
    d = t.decisions.c
    rows = connection.execute(
        select(d.transaction_id, d.decision).where(d.case_id == case_id).order_by(d.revision)
    ).all()
    current = {row.transaction_id: row.decision for row in rows}
    return set(current.values()) == {Outcome.APPROVE.value}
