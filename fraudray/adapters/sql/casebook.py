"""Cases and their notes, and the stored decisions behind them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, Engine, Row, or_, select, update

from fraudray.adapters.sql import schema as t
from fraudray.adapters.sql.driver import failing
from fraudray.adapters.sql.keys import CustomerKeys
from fraudray.adapters.sql.ledger import SqlLedger
from fraudray.adapters.sql.rows import Rows, case_fields
from fraudray.adapters.sql.webhook_notices import WebhookNotices
from fraudray.adapters.sql.writer import Writer
from fraudray.domain.case import Case, CaseEntry, CaseSummary
from fraudray.domain.decision import Action, Decision
from fraudray.domain.errors import NotFound, Refused
from fraudray.domain.transaction import Transaction
from fraudray.domain.webhook import Event
from fraudray.ports.ledger import AuditNote, OpenCase

PAGE_MAX = 500
_ACTION_STATUS = {"pending": "pending", "done": "done", "dead": "failed"}


class SqlCaseBook:
    """Reads come straight from the database; writes go through the writer."""

    def __init__(
        self, engine: Engine, writer: Writer, rows: Rows, keys: CustomerKeys, ledger: SqlLedger, notices: WebhookNotices
    ) -> None:
        self._engine, self._writer, self._rows, self._keys, self._ledger = engine, writer, rows, keys, ledger
        self._notices = notices

    def decision(self, transaction_id: str) -> Decision:
        """The current revision of a decision, with its actions' outcomes as of now. Raises NotFound."""
        found = self._ledger.find(transaction_id)
        if found is None:
            raise NotFound("decision on transaction", transaction_id)
        return self.with_outcomes(found.decision)

    def with_outcomes(self, decision: Decision) -> Decision:
        """`decision` with what became of the actions that left through the outbox."""
        with failing(), self._engine.connect() as connection:
            rows = connection.execute(
                select(t.outbox.c.kind, t.outbox.c.status, t.outbox.c.outcome).where(
                    t.outbox.c.decision_id == decision.decision_id
                )
            ).all()
        became = {
            row.kind: Action(kind=row.kind, status=_ACTION_STATUS[row.status], detail=row.outcome) for row in rows
        }
        return decision.model_copy(update={"actions": [became.get(a.kind, a) for a in decision.actions]})

    def document(self, transaction_id: str, revision: int) -> bytes:
        """One revision of a decision as JSON, byte for byte as stored. Raises NotFound, also once it was erased."""
        with failing(), self._engine.connect() as connection:
            row = connection.execute(
                select(t.decisions.c.customer_id, t.decisions.c.document_sealed).where(
                    t.decisions.c.transaction_id == transaction_id, t.decisions.c.revision == revision
                )
            ).first()
        document = self._ledger.open_document(row.customer_id, bytes(row.document_sealed)) if row else None
        if document is None:
            raise NotFound("decision on transaction", transaction_id)
        return document["decision"]

    def transaction(self, transaction_id: str) -> Transaction:
        """The stored transaction (without its biometric sample). Raises NotFound."""
        with failing(), self._engine.connect() as connection:
            row = connection.execute(
                select(t.decisions.c.customer_id, t.decisions.c.document_sealed)
                .where(t.decisions.c.transaction_id == transaction_id)
                .order_by(t.decisions.c.revision)
            ).first()
        document = self._ledger.open_document(row.customer_id, row.document_sealed) if row else None
        if document is None:
            raise NotFound("transaction", transaction_id)
        return Transaction.model_validate_json(document["transaction"])

    def last_transaction_id(self, customer_id: str) -> str | None:
        """The customer's newest decided transaction."""
        with failing(), self._engine.connect() as connection:
            found: str | None = connection.execute(
                select(t.decisions.c.transaction_id)
                .where(t.decisions.c.customer_id == customer_id)
                .order_by(t.decisions.c.decided_us.desc())
                .limit(1)
            ).scalar()
        return found

    def search(
        self, *, status: str | None = None, customer_id: str | None = None, text: str | None = None,
        limit: int = 50, offset: int = 0,
    ) -> list[CaseSummary]:  # fmt: skip
        """Cases by status and customer; `text` finds a case id, customer id, transaction id, merchant or reason code.
        Newest alert first."""
        statement = select(t.cases).order_by(t.cases.c.last_alert_us.desc(), t.cases.c.case_id.desc())
        if status:
            statement = statement.where(t.cases.c.status == status)
        if customer_id:
            statement = statement.where(t.cases.c.customer_id == customer_id)
        if text:
            like = "%" + text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
            d = t.decisions.c
            behind = select(d.case_id).where(
                d.case_id.is_not(None),
                or_(*(c.ilike(like, escape="\\") for c in (d.transaction_id, d.merchant, d.reason_codes))),
            )
            statement = statement.where(
                or_(
                    t.cases.c.case_id.ilike(like, escape="\\"),
                    t.cases.c.customer_id.ilike(like, escape="\\"),
                    t.cases.c.case_id.in_(behind),
                )
            )
        with failing(), self._engine.connect() as connection:
            rows = connection.execute(statement.limit(min(limit, PAGE_MAX)).offset(offset)).all()
        return [CaseSummary(**case_fields(row._asdict())) for row in rows]

    def case(self, case_id: str) -> Case:
        """The whole case. Raises NotFound."""
        with failing(), self._engine.connect() as connection:
            row = connection.execute(select(t.cases).where(t.cases.c.case_id == case_id)).first()
            if row is None:
                raise NotFound("case", case_id)
            decided = connection.execute(
                select(t.decisions.c.transaction_id, t.decisions.c.customer_id, t.decisions.c.document_sealed)
                .where(t.decisions.c.case_id == case_id)
                .order_by(t.decisions.c.decided_us, t.decisions.c.revision)
                .limit(PAGE_MAX)
            ).all()
            noted = connection.execute(
                select(t.case_entries)
                .where(t.case_entries.c.case_id == case_id)
                .order_by(t.case_entries.c.at_us, t.case_entries.c.entry_id)
                .limit(PAGE_MAX)
            ).all()
        current = {row.transaction_id: row for row in decided}.values()  # the newest revision of each
        documents = [self._ledger.open_document(d.customer_id, d.document_sealed) for d in current]
        decisions = [self.with_outcomes(Decision.model_validate_json(d["decision"])) for d in documents if d]
        return Case(
            **case_fields(row._asdict()),
            decisions=decisions,
            entries=self._entries(row.customer_id, noted),
            erased=any(d is None for d in documents),
        )

    def transaction_ids(self, case_id: str) -> list[str]:
        """The transactions whose decisions are in a case, all of them."""
        asked = select(t.decisions.c.transaction_id).where(t.decisions.c.case_id == case_id).distinct()
        with failing(), self._engine.connect() as connection:
            return list(connection.execute(asked.order_by(t.decisions.c.transaction_id)).scalars())

    def ending(self, case_id: str) -> CaseEntry | None:
        """How a case was closed; None while it is open."""
        e = t.case_entries.c
        asked = (
            select(t.case_entries, t.cases.c.customer_id)
            .join(t.cases, t.cases.c.case_id == e.case_id)
            .where(e.case_id == case_id, e.kind == "closed", t.cases.c.status == "closed")
            .order_by(e.at_us.desc())
            .limit(1)
        )
        with failing(), self._engine.connect() as connection:
            row = connection.execute(asked).first()
        return None if row is None else self._entries(row.customer_id, [row])[0]

    def append(
        self, case_id: str, *, author: str, kind: str, body: dict[str, Any], at: datetime, entry_id: str
    ) -> CaseEntry:
        """Note something on an open or closed case. Raises NotFound."""
        entry = CaseEntry(entry_id=entry_id, at=at, author=author, kind=kind, body=body)

        def write(connection: Connection) -> None:
            customer_id = self._customer_of(connection, case_id)
            self._put_entry(connection, case_id, customer_id, entry)
            self._tell(connection, "case.updated", case_id, entry)

        self._submit(write)
        return entry

    def open(self, summary: CaseSummary, *, author: str, entry: CaseEntry) -> None:
        """Open a case that no decision opened (an agent's or a person's report). Raises Refused for a taken id."""
        self._ledger.reserve_case_id(summary.case_id)

        def write(connection: Connection) -> None:
            at_us = t.to_us(summary.opened_at)
            taken = connection.execute(select(t.cases.c.case_id).where(t.cases.c.case_id == summary.case_id)).scalar()
            if taken:
                raise Refused(f"there is a case {summary.case_id} already")
            self._rows.open_case(
                summary.case_id, customer_id=summary.customer_id, score=summary.score, decision=summary.decision,
                at_us=at_us,
            )  # fmt: skip
            self._rows.flush(connection)  # what follows writes to the case
            self._note(at_us, AuditNote("case_opened", summary.case_id, author, {"customer_id": summary.customer_id}))
            self._put_entry(connection, summary.case_id, summary.customer_id, entry)
            self._tell(connection, "case.opened", summary.case_id, entry)

        self._submit(write)
        record = self._ledger.held(summary.customer_id)
        if record is not None and record.open_case is None:
            record.open_case = OpenCase(summary.case_id, summary.opened_at)

    def close(self, case_id: str, *, author: str, disposition: str, reason: str, at: datetime, entry_id: str) -> None:
        """Close an open case with a disposition. Raises NotFound, or Refused when it is closed."""
        entry = CaseEntry(
            entry_id=entry_id, at=at, author=author, kind="closed", body={"disposition": disposition, "reason": reason}
        )
        customer: list[str] = []

        def write(connection: Connection) -> None:
            customer.append(self._customer_of(connection, case_id))
            closed = connection.execute(
                update(t.cases)
                .where(t.cases.c.case_id == case_id, t.cases.c.status == "open")
                .values(status="closed", updated_us=t.to_us(at))
            )
            if not closed.rowcount:
                raise Refused(f"case {case_id} is closed already")
            self._put_entry(connection, case_id, customer[0], entry)
            self._tell(connection, "case.closed", case_id, entry, disposition=disposition)

        self._submit(write)
        record = self._ledger.held(customer[0])
        if record and record.open_case and record.open_case.case_id == case_id:
            record.open_case = None

    def _customer_of(self, connection: Connection, case_id: str) -> str:
        found: str | None = connection.execute(
            select(t.cases.c.customer_id).where(t.cases.c.case_id == case_id)
        ).scalar()
        if found is None:
            raise NotFound("case", case_id)
        return found

    def _put_entry(self, connection: Connection, case_id: str, customer_id: str, entry: CaseEntry) -> None:
        self._rows.case_entry(case_id, customer_id, entry, self._keys.for_writing(connection, customer_id))
        connection.execute(update(t.cases).where(t.cases.c.case_id == case_id).values(updated_us=t.to_us(entry.at)))

    def _tell(self, connection: Connection, event: Event, case_id: str, entry: CaseEntry, **more: str) -> None:
        """Tell webhooks of a case as it is now. What was noted stays here: it is free text."""
        case = connection.execute(select(t.cases).where(t.cases.c.case_id == case_id)).one()
        change = {"kind": entry.kind, "entry_id": entry.entry_id, "author": entry.author} | more
        summary = CaseSummary(**case_fields(case._asdict()))
        for notice in self._notices.entries_for_case(event, summary, change=change, at=entry.at):
            box = self._keys.for_writing(connection, summary.customer_id)
            self._rows.enqueue(notice, box, t.to_us(entry.at))

    def _entries(self, customer_id: str, rows: Sequence[Row[Any]]) -> list[CaseEntry]:
        box = self._keys.for_reading(customer_id)
        entries = []
        for row in rows:
            try:
                body = orjson.loads(box.open(bytes(row.body_sealed), customer_id)) if box else {"erased": True}
            except ValueError:
                body = {"erased": True}
            entries.append(
                CaseEntry(entry_id=row.entry_id, at=t.from_us(row.at_us), author=row.author, kind=row.kind, body=body)
            )
        return entries

    def _note(self, at_us: int, note: AuditNote) -> None:
        self._rows.note(at_us, note)

    def _submit(self, write: Any) -> None:
        self._writer.submit(write).result()
