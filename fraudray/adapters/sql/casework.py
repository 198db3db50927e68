"""Work on cases: one act after another, each against the case as its author saw it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, select

from fraudray.adapters.sql import schema as t
from fraudray.adapters.sql.case_index import CaseIndex
from fraudray.adapters.sql.case_notes import CaseNotes
from fraudray.adapters.sql.case_rows import columns_of, read_row, state_of
from fraudray.adapters.sql.case_search import cases_where, ready
from fraudray.adapters.sql.keys import CustomerKeys
from fraudray.adapters.sql.ledger import SqlLedger
from fraudray.adapters.sql.rows import Rows
from fraudray.adapters.sql.writer import Writer
from fraudray.domain.case import CaseEntry, CaseSummary
from fraudray.domain.case_life import MERGED, UNDOABLE, CaseAct, CaseState, CaseTimes, apply, check
from fraudray.domain.case_query import CaseQuery
from fraudray.domain.errors import Changed, NotFound, Refused
from fraudray.ports.ledger import OpenCase

Set = Callable[[CaseState], CaseState]
_HEADLINE = (
    "score", "urgency", "decision", "amount_minor", "currency", "amount_base_minor", "base_currency", "merchant",
    "reason_codes",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Doing:
    """Who does something, when and why; `version` is that of the case they saw, None where that does not matter."""

    author: str
    at: datetime
    entry_id: str
    reason: str | None = None
    version: int | None = None
    take_over: bool = False


class SqlCaseWork:
    """Each act is one job of the writer: read, checked and written in one database transaction."""

    def __init__(
        self, writer: Writer, rows: Rows, keys: CustomerKeys, ledger: SqlLedger, notes: CaseNotes, index: CaseIndex,
        times: CaseTimes,
    ) -> None:  # fmt: skip
        self._writer, self._rows, self._keys, self._ledger = writer, rows, keys, ledger
        self._notes, self._index, self._times = notes, index, times

    def act(
        self, case_id: str, act: CaseAct, doing: Doing, *, then: Set = lambda state: state,
        details: Mapping[str, Any] | None = None, trail: Mapping[str, Any] | None = None,
    ) -> CaseSummary:  # fmt: skip
        """Do something with a case. `then` sets what the act itself does not; `details` are noted beside the reason,
        `trail` (nothing personal) goes on the audit trail.

        Raises NotFound; Changed where the case is not as it was seen; Refused where its status or who works on it
        forbids the act.
        """

        def write(connection: Connection) -> CaseSummary:
            row = self._read(connection, case_id, doing)
            state = state_of(row)
            check(case_id, state, act, doing.author, doing.at, take_over=doing.take_over)
            after = then(apply(state, act, doing.author, doing.at, lock=self._times.lock))
            return self._put(connection, row, act, doing, state, after, details, trail)

        case: CaseSummary = self._writer.submit(write).result()
        return self._done(case)

    def next(self, query: CaseQuery, doing: Doing, *, base_currency: str) -> CaseSummary | None:
        """Claim the best case that is ready: the highest score, then the oldest; of those that `query` wants, in its
        order. None where there is none."""

        def write(connection: Connection) -> CaseSummary | None:
            self._rows.flush(connection)
            wanted = cases_where(query, self._index, doing.at, base_currency).where(ready(doing.at)).limit(1)
            row = connection.execute(wanted).mappings().first()
            if row is None:
                return None
            state = state_of(row)
            after = apply(state, CaseAct.CLAIM, doing.author, doing.at, lock=self._times.lock)
            return self._put(connection, row, CaseAct.CLAIM, doing, state, after)

        found: CaseSummary | None = self._writer.submit(write).result()
        return None if found is None else self._done(found)

    def merge(self, case_id: str, into: str, doing: Doing) -> CaseSummary:
        """Close a case that goes on in another, which then shows what belongs to both; the case merged into.

        Raises as `act` does, and Refused for a case that cannot be merged into.
        """

        def write(connection: Connection) -> tuple[CaseSummary, CaseSummary]:
            row = self._read(connection, case_id, doing)
            other = read_row(connection, into)
            state, target = state_of(row), state_of(other)
            if case_id == into:
                raise Refused(f"case {case_id} cannot be merged into itself")
            check(case_id, state, CaseAct.MERGE, doing.author, doing.at, take_over=doing.take_over)
            check(into, target, CaseAct.MERGE, doing.author, doing.at, take_over=doing.take_over)
            worse = {name: row[name] for name in _HEADLINE} if row["score"] > other["score"] else {}
            noted = CaseEntry(
                entry_id=doing.entry_id + "-into", at=doing.at, author=doing.author, kind="merged_in",
                body={"case_id": case_id, "reason": doing.reason},
            )  # fmt: skip
            goes_on = self._notes.put(
                connection, into, other["customer_id"], noted, values=worse, audit={"merged": case_id}
            )
            after = replace(
                apply(state, CaseAct.MERGE, doing.author, doing.at, lock=self._times.lock),
                merged_into=into, disposition=MERGED,
            )  # fmt: skip
            details = {
                "into": into, "into_version": goes_on.version,
                "into_before": {name: other[name] for name in worse},
            }  # fmt: skip
            return self._put(connection, row, CaseAct.MERGE, doing, state, after, details, {"into": into}), goes_on

        merged: CaseSummary
        goes_on: CaseSummary
        merged, goes_on = self._writer.submit(write).result()
        self._done(merged)
        record = self._ledger.held(goes_on.customer_id)
        if record is not None and record.open_case is None:
            record.open_case = OpenCase(into, goes_on.last_alert_at)
        return goes_on

    def undo(self, case_id: str, doing: Doing) -> tuple[CaseSummary, CaseEntry]:
        """Take back the last act on a case's status that was not taken back yet; the case, and the act's entry.

        Raises NotFound, Changed, or Refused where somebody else works on it, or nothing can be taken back.
        """

        def write(connection: Connection) -> tuple[CaseSummary, CaseEntry]:
            row = self._read(connection, case_id, doing)
            state = state_of(row)
            holder = state.held_by(doing.at)
            if holder not in (None, doing.author):
                raise Refused(f"{holder} works on case {case_id}; wait, or take it over by claiming it")
            entry = self._last_act(connection, case_id, row["customer_id"])
            before = _restored(entry.body["before"], doing.at)
            if "into" in entry.body:
                self._unmerge(connection, entry, doing)
            details = {"undone": entry.entry_id, "act": entry.kind}
            return self._put(connection, row, CaseAct.UNDO, doing, state, before, details, details), entry

        summary, entry = self._writer.submit(write).result()
        return self._done(summary), entry

    def _read(self, connection: Connection, case_id: str, doing: Doing) -> Mapping[str, Any]:
        self._rows.flush(connection)  # the case may be one that this very batch opens or changes
        row = read_row(connection, case_id)
        if doing.version is not None and row["version"] != doing.version:
            raise self._changed(connection, case_id, row)
        return row

    def _changed(self, connection: Connection, case_id: str, row: Mapping[str, Any]) -> Changed:
        e = t.case_entries.c
        last = connection.execute(
            select(e.author, e.kind, e.at_us).where(e.case_id == case_id).order_by(e.at_us.desc(), e.entry_id.desc())
        ).first()
        what = "a further alert came"
        if last is not None and last.at_us >= row["last_alert_us"]:
            what = f"{last.author}: {last.kind.replace('_', ' ')}, {t.from_us(last.at_us):%H:%M:%S} UTC"
        return Changed(f"case {case_id} was changed meanwhile ({what}); look at it again", row["version"])

    def _put(
        self, connection: Connection, row: Mapping[Any, Any], act: CaseAct, doing: Doing, before: CaseState,
        after: CaseState, details: Mapping[str, Any] | None = None, trail: Mapping[str, Any] | None = None,
    ) -> CaseSummary:  # fmt: skip
        moved = {"from": before.status, "to": after.status}
        said = ({"reason": doing.reason} if doing.reason is not None else {}) | dict(details or {})
        entry = CaseEntry(
            entry_id=doing.entry_id, at=doing.at, author=doing.author, kind=act.value,
            body=said | moved | {"before": _kept(before)},
        )  # fmt: skip
        closes = after.status == "closed" and before.status != "closed"
        told = {"disposition": str(said["disposition"])} if "disposition" in said else {}
        return self._notes.put(
            connection, row["case_id"], row["customer_id"], entry, event="case.closed" if closes else "case.updated",
            values=columns_of(asdict(after)), audit=moved | dict(trail or {}), told=told,
        )  # fmt: skip

    def _last_act(self, connection: Connection, case_id: str, customer_id: str) -> CaseEntry:
        e = t.case_entries.c
        rows = connection.execute(
            select(t.case_entries)
            .where(e.case_id == case_id, e.kind.in_([act.value for act in CaseAct]))
            .order_by(e.at_us.desc(), e.entry_id.desc())
        ).all()
        box = self._keys.for_reading(customer_id)
        undone: set[str] = set()
        for row in rows:
            try:
                body = orjson.loads(box.open(bytes(row.body_sealed), customer_id)) if box else {}
            except ValueError:
                body = {}
            if row.kind == CaseAct.UNDO:
                undone.add(str(body.get("undone")))
            elif row.kind in UNDOABLE and row.entry_id not in undone:
                if "before" not in body:
                    break  # by an older version, or its words were erased
                return CaseEntry(
                    entry_id=row.entry_id, at=t.from_us(row.at_us), author=row.author, kind=row.kind, body=body
                )
        raise Refused(f"nothing that was done with the status of case {case_id} can be taken back")

    def _unmerge(self, connection: Connection, entry: CaseEntry, doing: Doing) -> None:
        into = str(entry.body["into"])
        try:
            other = read_row(connection, into)
        except NotFound:
            return
        # What the merge made worse is put back unless the other case went on changing.
        back = entry.body["into_before"] if other["version"] == entry.body["into_version"] else {}
        noted = CaseEntry(
            entry_id=doing.entry_id + "-into", at=doing.at, author=doing.author, kind="unmerged",
            body={"entry_id": entry.entry_id, "reason": doing.reason},
        )  # fmt: skip
        self._notes.put(connection, into, other["customer_id"], noted, values=back)

    def _done(self, case: CaseSummary) -> CaseSummary:
        """Keep what the engine knows of the customer's case up to date."""
        record = self._ledger.held(case.customer_id)
        if record is None:
            return case
        if case.status != "closed":
            if record.open_case is None:
                record.open_case = OpenCase(case.case_id, case.last_alert_at)
        elif record.open_case is not None and record.open_case.case_id == case.case_id:
            record.open_case = None
        return case


def _kept(state: CaseState) -> dict[str, Any]:
    """A state as it is noted, so that the act can be taken back."""
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in asdict(state).items()}


def _restored(kept: Mapping[str, Any], now: datetime) -> CaseState:
    values: dict[str, Any] = {
        name: datetime.fromisoformat(value) if value is not None and (name.endswith("_until") or name == "due_at")
        else value
        for name, value in kept.items()
    }  # fmt: skip
    state = CaseState(**values)
    return state if state.held_by(now) else replace(state, locked_until=None)
