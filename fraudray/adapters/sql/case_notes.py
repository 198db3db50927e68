"""Noting something on a case: the entry, its place in the search, the case's next version, and whoever listens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import Connection

from fraudray.adapters.sql import schema as t
from fraudray.adapters.sql.case_index import CaseIndex
from fraudray.adapters.sql.case_rows import change
from fraudray.adapters.sql.keys import CustomerKeys
from fraudray.adapters.sql.rows import Rows
from fraudray.adapters.sql.webhook_notices import WebhookNotices
from fraudray.domain.case import CaseEntry, CaseSummary
from fraudray.domain.webhook import Event

WRITTEN = ("notes", "reason", "disposition", "name", "question", "answer", "claimed_decision", "analysis")
"""Members of an entry's body that people write, and are found by."""


class CaseNotes:
    """Writes within a job of the writer."""

    def __init__(self, rows: Rows, keys: CustomerKeys, notices: WebhookNotices, index: CaseIndex) -> None:
        self._rows, self._keys, self._notices, self._index = rows, keys, notices, index

    def put(
        self, connection: Connection, case_id: str, customer_id: str, entry: CaseEntry, *,
        event: Event = "case.updated", values: Mapping[str, Any] | None = None,
        audit: Mapping[str, Any] | None = None, told: Mapping[str, str] | None = None,
    ) -> CaseSummary:  # fmt: skip
        """Note `entry`, changing the columns in `values` too; `audit` and `told` go on the trail and to webhooks."""
        box = self._keys.for_writing(connection, customer_id)
        self._rows.case_entry(case_id, customer_id, entry, box, audit)
        self._index.written(case_id, _texts(entry.body))
        summary = change(connection, case_id, {"updated_us": t.to_us(entry.at)} | dict(values or {}))
        # What was noted stays here: it is free text.
        said = {"kind": entry.kind, "entry_id": entry.entry_id, "author": entry.author} | dict(told or {})
        for notice in self._notices.entries_for_case(event, summary, change=said, at=entry.at):
            self._rows.enqueue(notice, box, t.to_us(entry.at))
        return summary


def _texts(body: Mapping[str, Any]) -> Iterator[str]:
    for name in WRITTEN:
        if isinstance(body.get(name), str):
            yield body[name]
