"""Cases and their notes, and the stored decisions behind them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any, get_args

import orjson
from sqlalchemy import ColumnElement, Connection, Engine, Row, and_, func, select

from fraudray.adapters.sql import schema as t
from fraudray.adapters.sql.case_files import files_of
from fraudray.adapters.sql.case_index import CaseIndex, shared_values
from fraudray.adapters.sql.case_notes import CaseNotes
from fraudray.adapters.sql.case_rows import fields_of, read_row, summary_of, with_merged
from fraudray.adapters.sql.case_search import FREE, back, cases_where
from fraudray.adapters.sql.driver import failing
from fraudray.adapters.sql.keys import CustomerKeys
from fraudray.adapters.sql.ledger import SqlLedger
from fraudray.adapters.sql.rows import Rows
from fraudray.adapters.sql.writer import Writer
from fraudray.domain.case import ACTIVE, Case, CaseEntry, CaseStatus, CaseSummary
from fraudray.domain.case_query import CaseQuery
from fraudray.domain.decision import Action, Decision
from fraudray.domain.errors import NotFound, Refused
from fraudray.domain.transaction import Transaction
from fraudray.ports.ledger import AuditNote, OpenCase

PAGE_MAX = 500
_ACTION_STATUS = {"pending": "pending", "done": "done", "dead": "failed"}


class SqlCaseBook:
    """Reads come straight from the database; writes go through the writer."""

    def __init__(
        self, engine: Engine, writer: Writer, rows: Rows, keys: CustomerKeys, ledger: SqlLedger, notes: CaseNotes,
        index: CaseIndex,
    ) -> None:  # fmt: skip
        self._engine, self._writer, self._rows, self._keys, self._ledger = engine, writer, rows, keys, ledger
        self._notes, self._index = notes, index

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

    def documents(self, transaction_id: str) -> list[bytes]:
        """Every revision of a decision as JSON, oldest first. Raises NotFound, also once it was erased."""
        d = t.decisions.c
        with failing(), self._engine.connect() as connection:
            rows = connection.execute(
                select(d.customer_id, d.document_sealed).where(d.transaction_id == transaction_id).order_by(d.revision)
            ).all()
        opened = [self._ledger.open_document(row.customer_id, bytes(row.document_sealed)) for row in rows]
        found = [document["decision"] for document in opened if document is not None]
        if not found:
            raise NotFound("decision on transaction", transaction_id)
        return found

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
        self, query: CaseQuery, *, now: datetime, base_currency: str = "USD", limit: int = 50, offset: int = 0,
    ) -> list[CaseSummary]:  # fmt: skip
        """Cases as `query` wants them. `now` (UTC) is when what ends has ended."""
        found = cases_where(query, self._index, now, base_currency)
        with failing(), self._engine.connect() as connection:
            rows = connection.execute(found.limit(min(limit, PAGE_MAX)).offset(offset)).mappings().all()
        return [summary_of(row) for row in rows]

    def stream(self, query: CaseQuery, *, now: datetime, base_currency: str, limit: int) -> Iterator[CaseSummary]:
        """The same, of very many, as they are read."""
        found = cases_where(query, self._index, now, base_currency).limit(limit)
        with failing(), self._engine.connect() as connection:
            for row in connection.execute(found, execution_options={"yield_per": 1000}).mappings():
                yield summary_of(row)

    def count(self, query: CaseQuery, *, now: datetime, base_currency: str) -> int:
        """How many there are."""
        found = cases_where(query, self._index, now, base_currency).order_by(None).subquery()
        with failing(), self._engine.connect() as connection:
            return connection.execute(select(func.count()).select_from(found)).scalar_one()

    def counts(self, *, now: datetime, assignee: str) -> dict[str, int]:
        """How many cases are in each status, `active`, `ready`, `overdue`, and `mine` (active, of `assignee`)."""
        c = t.cases.c
        asked = {
            "mine": and_(c.assignee == assignee, c.active == 1, c.status == "claimed"),
            "overdue": and_(c.active == 1, c.due_us < t.to_us(now)),
        }
        with failing(), self._engine.connect() as connection:
            rows = connection.execute(select(c.status, func.count()).group_by(c.status)).all()
            found = dict.fromkeys(get_args(CaseStatus), 0) | {row[0]: row[1] for row in rows}
            counted = {name: _count(connection, condition) for name, condition in asked.items()}
            back_now = sum(_count(connection, condition) for condition in back(now))
        active, free = (sum(found[status] for status in statuses) for statuses in (ACTIVE, FREE))
        return found | counted | {"active": active, "ready": free + back_now}

    def summary(self, case_id: str) -> CaseSummary:
        """A case without what belongs to it. Raises NotFound."""
        with failing(), self._engine.connect() as connection:
            return summary_of(read_row(connection, case_id))

    def case(self, case_id: str) -> Case:
        """The whole case, with those that were merged into it. Raises NotFound."""
        d, e = t.decisions.c, t.case_entries.c
        with failing(), self._engine.connect() as connection:
            row = read_row(connection, case_id)
            owners = _owners(connection, case_id)
            decided = connection.execute(
                select(d.transaction_id, d.customer_id, d.document_sealed)
                .where(d.case_id.in_(owners))
                .order_by(d.decided_us, d.revision)
                .limit(PAGE_MAX)
            ).all()
            noted = connection.execute(
                select(t.case_entries).where(e.case_id.in_(owners)).order_by(e.at_us, e.entry_id).limit(PAGE_MAX)
            ).all()
            files = files_of(connection, self._keys, owners)
        current = {row.transaction_id: row for row in decided}.values()  # the newest revision of each
        documents = [self._ledger.open_document(d.customer_id, d.document_sealed) for d in current]
        decisions = [self.with_outcomes(Decision.model_validate_json(d["decision"])) for d in documents if d]
        return Case(
            **fields_of(row),
            decisions=decisions,
            entries=[self._entry(owners[entry.case_id], entry) for entry in noted],
            files=files,
            merged=sorted(merged for merged in owners if merged != case_id),
            erased=any(d is None for d in documents),
        )

    def transaction_ids(self, case_id: str) -> list[str]:
        """The transactions whose decisions are in a case, or in one that was merged into it, all of them."""
        with failing(), self._engine.connect() as connection:
            cases = with_merged(case_id)
            d = t.decisions.c
            asked = select(d.transaction_id).join(cases, d.case_id == cases.c.case_id).distinct()
            return list(connection.execute(asked.order_by(d.transaction_id)).scalars())

    def shared_values(self, case_id: str) -> set[tuple[str, str]]:
        """By kind, what the case's transactions may share with others (`case_index.shared_values`)."""
        d = t.decisions.c
        asked = select(d.customer_id, d.document_sealed).where(d.case_id == case_id).limit(PAGE_MAX)
        with failing(), self._engine.connect() as connection:
            rows = connection.execute(asked).all()
        documents = [self._ledger.open_document(row.customer_id, bytes(row.document_sealed)) for row in rows]
        found = (shared_values(Transaction.model_validate_json(d["transaction"])) for d in documents if d)
        return {pair for values in found for pair in values.items()}

    def ending(self, case_id: str) -> CaseEntry | None:
        """How a case was closed; None while it is open."""
        e = t.case_entries.c
        asked = (
            select(t.case_entries, t.cases.c.customer_id)
            .join(t.cases, t.cases.c.case_id == e.case_id)
            .where(e.case_id == case_id, e.kind == "closed", t.cases.c.status == "closed")
            .order_by(e.at_us.desc(), e.entry_id.desc())
            .limit(1)
        )
        with failing(), self._engine.connect() as connection:
            row = connection.execute(asked).first()
        return None if row is None else self._entry(row.customer_id, row)

    def reasons(self, trail: Mapping[str, Mapping[str, Any]]) -> dict[str, str | None]:
        """Why what the audit trail says of cases was done, by entry: `trail` has the trail's body of each. None where
        nobody said, the words were erased, or they are not those that the trail's digest is of."""
        e, c = t.case_entries.c, t.cases.c
        asked = select(e.entry_id, e.body_sealed, c.customer_id).join(t.cases, c.case_id == e.case_id)
        found: dict[str, str | None] = dict.fromkeys(trail)
        if not trail:
            return found
        with failing(), self._engine.connect() as connection:
            rows = connection.execute(asked.where(e.entry_id.in_(trail))).all()
        for row in rows:
            box, sealed = self._keys.for_reading(row.customer_id), bytes(row.body_sealed)
            if box is None or hashlib.sha256(sealed).hexdigest() != trail[row.entry_id]["sealed_sha256"]:
                continue
            with suppress(ValueError):  # sealed under a key that was destroyed before a new one was made
                body = orjson.loads(box.open(sealed, row.customer_id))
                found[row.entry_id] = body.get("reason") or body.get("notes")
        return found

    def append(
        self, case_id: str, *, author: str, kind: str, body: dict[str, Any], at: datetime, entry_id: str
    ) -> CaseEntry:
        """Note something on a case, closed or not. Raises NotFound."""
        entry = CaseEntry(entry_id=entry_id, at=at, author=author, kind=kind, body=body)

        def write(connection: Connection) -> None:
            self._rows.flush(connection)  # the case may be one that this very batch opens
            self._notes.put(connection, case_id, read_row(connection, case_id)["customer_id"], entry)

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
            self._rows.open_case(summary)
            self._rows.flush(connection)  # what follows writes to the case
            self._index.opened(summary)
            opened = AuditNote("case_opened", summary.case_id, author, {"customer_id": summary.customer_id})
            self._rows.note(at_us, opened)
            self._notes.put(connection, summary.case_id, summary.customer_id, entry, event="case.opened")

        self._submit(write)
        record = self._ledger.held(summary.customer_id)
        if record is not None and record.open_case is None:
            record.open_case = OpenCase(summary.case_id, summary.opened_at)

    def _entry(self, customer_id: str, row: Row[Any]) -> CaseEntry:
        box = self._keys.for_reading(customer_id)
        try:
            body = orjson.loads(box.open(bytes(row.body_sealed), customer_id)) if box else {"erased": True}
        except ValueError:
            body = {"erased": True}
        return CaseEntry(
            entry_id=row.entry_id, at=t.from_us(row.at_us), author=row.author, kind=row.kind, body=body,
            case_id=row.case_id,
        )  # fmt: skip

    def _submit(self, write: Any) -> None:
        self._writer.submit(write).result()


def _owners(connection: Connection, case_id: str) -> dict[str, str]:
    """The case and those that go on in it, with the customer of each."""
    cases = with_merged(case_id)
    return {row.case_id: row.customer_id for row in connection.execute(select(cases.c.case_id, cases.c.customer_id))}


def _count(connection: Connection, condition: ColumnElement[bool]) -> int:
    return connection.execute(select(func.count()).select_from(t.cases).where(condition)).scalar_one()
