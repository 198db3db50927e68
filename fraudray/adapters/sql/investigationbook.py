"""Investigations as they are kept; what a model said and found is sealed under its customer's key."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

from sqlalchemy import Connection, Engine, Row, select, update

from fraudray.adapters.sql import schema as t
from fraudray.adapters.sql.driver import failing
from fraudray.adapters.sql.keys import CustomerKeys
from fraudray.adapters.sql.rows import Rows
from fraudray.adapters.sql.writer import Writer
from fraudray.domain.errors import NotFound
from fraudray.domain.investigation import Event, Finding, Investigation
from fraudray.ports.ledger import AuditNote

OF_MAX = 100
UNFINISHED_MAX = 10_000


class SqlInvestigationBook:
    """Reads come straight from the database; writes go through the writer."""

    def __init__(self, engine: Engine, writer: Writer, rows: Rows, keys: CustomerKeys) -> None:
        self._engine, self._writer, self._rows, self._keys = engine, writer, rows, keys

    def open(self, investigation: Investigation) -> None:
        """Keep one that no decision opened. Raises StoreFailed."""

        def write(_connection: Connection) -> None:
            self._rows.insert(t.investigations, row_of(investigation))
            self._note("investigation_begun", investigation, investigation.requested_by)

        self._writer.submit(write).result()

    def started(self, investigation: Investigation) -> Future[None]:
        """It runs now."""

        def write(connection: Connection) -> None:
            self._update(connection, investigation, status="running", started_us=_us(investigation.started_at))

        return self._writer.submit(write)

    def append(self, investigation: Investigation, events: Sequence[Event]) -> Future[None]:
        """Keep what happened. An event kept before stays as it is: another of its number ends in StoreFailed."""
        owner, investigation_id = investigation.customer_id, investigation.investigation_id

        def write(_connection: Connection) -> None:
            box = self._keys.for_reading(owner)  # no new key for one who was erased meanwhile
            if box is None:
                return
            for event in events:
                sealed = box.seal(event.model_dump_json(exclude_none=True).encode(), owner)
                row = {"investigation_id": investigation_id, "seq": event.seq, "body_sealed": sealed}
                self._rows.insert(t.investigation_events, row)

        return self._writer.submit(write)

    def finish(self, investigation: Investigation) -> Future[None]:
        """It is over: its finding, and the revision that it led to."""
        owner, finding = investigation.customer_id, investigation.finding or Finding()

        def write(connection: Connection) -> None:
            box = self._keys.for_reading(owner)
            sealed = box.seal(finding.model_dump_json().encode(), owner) if box is not None else None
            self._update(
                connection, investigation, status=investigation.status, ended_us=_us(investigation.ended_at),
                revision=investigation.revision, finding_sealed=sealed,
            )  # fmt: skip
            self._note("investigation_ended", investigation, "investigator")

        return self._writer.submit(write)

    def get(self, investigation_id: str) -> Investigation:
        """One investigation. Raises NotFound."""
        with failing(), self._engine.connect() as connection:
            row = connection.execute(
                select(t.investigations).where(t.investigations.c.investigation_id == investigation_id)
            ).first()
        if row is None:
            raise NotFound("investigation", investigation_id)
        return self._investigation(row)

    def of(self, transaction_id: str) -> list[Investigation]:
        """Those of a transaction, newest first."""
        i = t.investigations.c
        with failing(), self._engine.connect() as connection:
            rows = connection.execute(
                select(t.investigations)
                .where(i.transaction_id == transaction_id)
                .order_by(i.requested_us.desc(), i.investigation_id.desc())
                .limit(OF_MAX)
            ).all()
        return [self._investigation(row) for row in rows]

    def unfinished(self) -> list[Investigation]:
        """Those that had not ended, oldest first."""
        i = t.investigations.c
        with failing(), self._engine.connect() as connection:
            rows = connection.execute(
                select(t.investigations)
                .where(i.status.in_(("pending", "running")))
                .order_by(i.requested_us)
                .limit(UNFINISHED_MAX)
            ).all()
        return [self._investigation(row) for row in rows]

    def events(self, investigation: Investigation, *, after: int = 0) -> list[Event]:
        """What is kept of what happened behind event `after`; empty once the customer was erased."""
        e, owner = t.investigation_events.c, investigation.customer_id
        with failing(), self._engine.connect() as connection:
            rows = connection.execute(
                select(e.body_sealed)
                .where(e.investigation_id == investigation.investigation_id, e.seq > after)
                .order_by(e.seq)
            ).all()
        box = self._keys.for_reading(owner)
        if box is None:
            return []
        try:
            return [Event.model_validate_json(box.open(bytes(row.body_sealed), owner)) for row in rows]
        except ValueError:
            return []  # sealed under a key that was destroyed before a new one was made

    def _investigation(self, row: Row[Any]) -> Investigation:
        return Investigation(
            investigation_id=row.investigation_id, transaction_id=row.transaction_id, decision_id=row.decision_id,
            customer_id=row.customer_id, begun_at=row.begun_at, mode=row.mode, status=row.status,
            requested_by=row.requested_by, requested_at=t.from_us(row.requested_us),
            started_at=None if row.started_us is None else t.from_us(row.started_us),
            ended_at=None if row.ended_us is None else t.from_us(row.ended_us),
            deadline=t.from_us(row.deadline_us), revision=row.revision, traceparent=row.traceparent,
            finding=self._finding(row.customer_id, row.finding_sealed),
        )  # fmt: skip

    def _finding(self, owner: str, sealed: bytes | None) -> Finding | None:
        box = self._keys.for_reading(owner) if sealed is not None else None
        if box is None or sealed is None:
            return None
        try:
            return Finding.model_validate_json(box.open(bytes(sealed), owner))
        except ValueError:
            return None

    def _update(self, connection: Connection, investigation: Investigation, **values: Any) -> None:
        self._rows.flush(connection)  # it may be one that this very batch opens
        connection.execute(
            update(t.investigations)
            .where(t.investigations.c.investigation_id == investigation.investigation_id)
            .values(**values)
        )

    def _note(self, kind: str, investigation: Investigation, actor: str) -> None:
        body: dict[str, Any] = {"transaction_id": investigation.transaction_id, "mode": investigation.mode}
        if investigation.finding is not None:
            failure, verdict = investigation.finding.failure, investigation.finding.verdict
            body |= {
                "model": investigation.finding.model,
                "verdict": verdict.decision.value if verdict else None,
                "failure": failure.value if failure else None,
            }
        at_us = _us(investigation.ended_at or investigation.requested_at)
        assert at_us is not None  # noqa: S101 - one of them is always there
        self._rows.note(at_us, AuditNote(kind, investigation.investigation_id, actor, body))


def row_of(investigation: Investigation) -> dict[str, Any]:
    """A fresh investigation as a row."""
    return {
        "investigation_id": investigation.investigation_id,
        "transaction_id": investigation.transaction_id,
        "decision_id": investigation.decision_id,
        "customer_id": investigation.customer_id,
        "mode": investigation.mode,
        "status": investigation.status,
        "requested_by": investigation.requested_by,
        "requested_us": _us(investigation.requested_at),
        "deadline_us": _us(investigation.deadline),
        "begun_at": investigation.begun_at,
        "traceparent": investigation.traceparent,
    }


def _us(moment: Any) -> int | None:
    return None if moment is None else t.to_us(moment)
