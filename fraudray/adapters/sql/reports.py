"""Reports as made: snapshots of a case, sealed under its customer's key."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, Engine, select

from fraudray.adapters.sql import schema as t
from fraudray.adapters.sql.driver import failing
from fraudray.adapters.sql.keys import CustomerKeys
from fraudray.adapters.sql.rows import Rows
from fraudray.adapters.sql.writer import Writer
from fraudray.domain.errors import NotFound
from fraudray.ports.ledger import AuditNote

REPORTER = "report-generator"


class SqlReportShelf:
    """One report per case, replaced when it is made again."""

    def __init__(self, engine: Engine, writer: Writer, rows: Rows, keys: CustomerKeys) -> None:
        self._engine, self._writer, self._rows, self._keys = engine, writer, rows, keys

    def put(
        self, report_id: str, *, case_id: str, customer_id: str, document: dict[str, Any], at: datetime,
        author: str = REPORTER,
    ) -> None:  # fmt: skip
        """Keep a report under `report_id`."""
        at_us = t.to_us(at)

        def write(connection: Connection) -> None:
            sealed = self._keys.for_writing(connection, customer_id).seal(orjson.dumps(document), customer_id)
            row = {
                "report_id": report_id, "case_id": case_id, "customer_id": customer_id, "made_us": at_us,
                "document_sealed": sealed,
            }  # fmt: skip
            self._rows.replace(connection, t.reports, row)
            self._rows.note(at_us, AuditNote("report_made", report_id, author, {"case_id": case_id}))

        self._writer.submit(write).result()

    def get(self, report_id: str) -> dict[str, Any]:
        """A report as it was made. Raises NotFound, also once its customer was erased."""
        with failing(), self._engine.connect() as connection:
            row = connection.execute(select(t.reports).where(t.reports.c.report_id == report_id)).first()
        box = self._keys.for_reading(row.customer_id) if row else None
        if row is None or box is None:
            raise NotFound("report", report_id)
        try:
            document: dict[str, Any] = orjson.loads(box.open(bytes(row.document_sealed), row.customer_id))
        except ValueError:
            raise NotFound("report", report_id) from None
        return document
