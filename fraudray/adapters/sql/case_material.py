"""What a question about a case is answered from: the newest of its decisions, with their transactions, and entries."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Engine, and_, func, select

from fraudray.adapters.sql import schema as t
from fraudray.adapters.sql.case_rows import with_merged
from fraudray.adapters.sql.driver import failing
from fraudray.adapters.sql.keys import CustomerKeys
from fraudray.adapters.sql.ledger import SqlLedger
from fraudray.domain.case import CaseEntry
from fraudray.domain.decision import Decision
from fraudray.domain.errors import NotFound

DECISIONS_MAX = 40
ENTRIES_MAX = 100


@dataclass(frozen=True, slots=True)
class StoredMaterial:
    """The newest first, of the cases merged into it too. `facts` says what the case is; `erased` that some of it can be
    read no more."""

    facts: dict[str, str | int | datetime]
    decisions: list[tuple[Decision, dict[str, Any]]]
    decisions_in_case: int
    entries: list[CaseEntry]
    entries_in_case: int
    erased: bool


class SqlCaseMaterial:
    """Reads straight from the database."""

    def __init__(self, engine: Engine, keys: CustomerKeys, ledger: SqlLedger) -> None:
        self._engine, self._keys, self._ledger = engine, keys, ledger

    def read(self, case_id: str, transaction_id: str | None = None, *, without: str) -> StoredMaterial:
        """The material of a case, of its decisions only that on `transaction_id` where one is given; no entries of the
        kind `without`. Raises NotFound without such a case, or such a transaction in it."""
        c, d, e = t.cases.c, t.decisions.c, t.case_entries.c
        of_case = with_merged(case_id)
        wanted: ColumnElement[bool] = d.case_id == of_case.c.case_id
        if transaction_id is not None:
            wanted = and_(wanted, d.transaction_id == transaction_id)
        newest = select(d.transaction_id, func.max(d.revision).label("revision")).join(of_case, wanted)
        newest_of = newest.group_by(d.transaction_id).subquery()
        current = and_(d.transaction_id == newest_of.c.transaction_id, d.revision == newest_of.c.revision)
        decided = (
            select(d.customer_id, d.document_sealed)
            .join(newest_of, current)
            .order_by(d.decided_us.desc(), d.transaction_id)
            .limit(DECISIONS_MAX)
        )
        on_case = and_(e.case_id == of_case.c.case_id, e.kind != without)
        noted = select(t.case_entries, of_case.c.customer_id).join(of_case, on_case)
        with failing(), self._engine.connect() as connection:
            case = connection.execute(select(t.cases).where(c.case_id == case_id)).first()
            if case is None:
                raise NotFound("case", case_id)
            decisions = connection.execute(decided).all()
            decisions_in_case = connection.execute(select(func.count()).select_from(newest_of)).scalar_one()
            entries = connection.execute(noted.order_by(e.at_us.desc(), e.entry_id.desc()).limit(ENTRIES_MAX)).all()
            entries_in_case = connection.execute(select(func.count()).select_from(noted.subquery())).scalar_one()
        if transaction_id is not None and not decisions:
            raise NotFound(f"decision in case {case_id} on transaction", transaction_id)
        documents = [self._ledger.open_document(row.customer_id, bytes(row.document_sealed)) for row in decisions]
        read = [self._entry(row) for row in entries]
        return StoredMaterial(
            facts={
                "status": case.status, "decision": case.decision, "score": case.score,
                "opened": t.from_us(case.opened_us), "last_alert": t.from_us(case.last_alert_us),
            } | ({"closed_as": case.disposition} if case.disposition else {}),
            decisions=[
                (Decision.model_validate_json(found["decision"]), orjson.loads(found["transaction"]))
                for found in documents
                if found
            ],
            decisions_in_case=decisions_in_case,
            entries=[entry for entry in read if entry is not None],
            entries_in_case=entries_in_case,
            erased=None in documents or None in read,
        )  # fmt: skip

    def _entry(self, row: Any) -> CaseEntry | None:
        """An entry; None where it can be read no more."""
        box = self._keys.for_reading(row.customer_id)
        try:
            body = orjson.loads(box.open(bytes(row.body_sealed), row.customer_id)) if box else None
        except ValueError:
            body = None
        if body is None:
            return None
        return CaseEntry(entry_id=row.entry_id, at=t.from_us(row.at_us), author=row.author, kind=row.kind, body=body)
