"""Working on cases: who takes which, how it ends, and what follows from that for labels.

Every act carries its author, and the version of the case that they saw where they say so: who acts on a case that
changed meanwhile is told, and overwrites nothing.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from fraudray.adapters.sql.casework import Doing
from fraudray.adapters.sql.store import SqlStore
from fraudray.desk import REASON_FIELD, checked_text
from fraudray.domain.attachment import check_attachment
from fraudray.domain.case import CaseFile, CaseSummary
from fraudray.domain.case_life import DUE_MAX, WAIT_MAX, CaseAct
from fraudray.domain.case_query import CaseQuery
from fraudray.domain.duration import given_end
from fraudray.domain.errors import Refused
from fraudray.domain.label import Label, LabelSource, Said
from fraudray.domain.research import Ending
from fraudray.engine import Engine
from fraudray.ports.clock import Clock, Ids

ASSIGNEE_MAX = 128
LABELS_AT_ONCE = 500
_LABELS: dict[Ending, Said] = {Ending.FRAUD: "fraud", Ending.GENUINE: "genuine"}


class CaseDesk:
    """Acts on cases. Every method raises NotFound, Changed, Refused as `SqlCaseWork.act` does, and InvalidTransaction
    naming a field that will not do."""

    def __init__(self, engine: Engine, store: SqlStore, clock: Clock, ids: Ids) -> None:
        self._engine, self._store, self._clock, self._ids = engine, store, clock, ids

    def claim(self, case_id: str, *, author: str, version: int | None = None, take_over: bool = False) -> CaseSummary:
        """Take a case: nobody else may act on it for a while. `take_over` takes it from whoever works on it."""
        doing = self._doing(author, version=version, take_over=take_over)
        return self._store.casework.act(case_id, CaseAct.CLAIM, doing)

    def next(self, query: CaseQuery, *, author: str) -> CaseSummary | None:
        """Take the best case that is ready (see `SqlCaseWork.next`)."""
        base = self._engine.policy.document.base_currency
        return self._store.casework.next(query, self._doing(author), base_currency=base)

    def release(
        self, case_id: str, *, author: str, reason: str | None = None, version: int | None = None
    ) -> CaseSummary:
        """Give a claimed case back to the queue."""
        return self._store.casework.act(case_id, CaseAct.RELEASE, self._doing(author, reason, version))

    def wait(self, case_id: str, *, until: str, reason: str, author: str, version: int | None = None) -> CaseSummary:
        """Put a case off until then (a date, a moment, or a duration such as "2d"), or until a further alert. It is due
        no earlier than that."""
        doing = self._doing(author, checked_text(reason, REASON_FIELD), version)
        end = given_end(until, "until", doing.at, WAIT_MAX)
        return self._store.casework.act(
            case_id, CaseAct.WAIT, doing,
            then=lambda state: replace(
                state, waiting_until=end, due_at=max(end, state.due_at) if state.due_at else end
            ),
            details={"until": end.isoformat()}, trail={"until": end.isoformat()},
        )  # fmt: skip

    def escalate(
        self, case_id: str, *, reason: str, author: str, to: str | None = None, version: int | None = None
    ) -> CaseSummary:
        """Hand a case to somebody else: `to` names the person or team."""
        doing = self._doing(author, checked_text(reason, REASON_FIELD), version)
        named = checked_text(to, "to", ASSIGNEE_MAX) if to is not None else None
        details = {"to_whom": named} if named else {}
        return self._store.casework.act(
            case_id, CaseAct.ESCALATE, doing, then=lambda state: replace(state, assignee=named), details=details,
            trail=details,
        )  # fmt: skip

    def due(self, case_id: str, *, due: str, reason: str, author: str, version: int | None = None) -> CaseSummary:
        """Set by when a case should be closed (a date, a moment, or a duration)."""
        doing = self._doing(author, checked_text(reason, REASON_FIELD), version)
        end = given_end(due, "due", doing.at, DUE_MAX)
        said = {"due": end.isoformat()}
        return self._store.casework.act(
            case_id, CaseAct.DUE, doing, then=lambda state: replace(state, due_at=end), details=said, trail=said
        )

    def close(
        self, case_id: str, *, disposition: str, reason: str, author: str, version: int | None = None
    ) -> CaseSummary:
        """Close a case, and label its transactions where the disposition means fraud or genuine (`Ending.of`); where it
        means neither, a label of an earlier closing is withdrawn.

        Raises Refused too when it is closed already. The labels are written right after the closing: where a crash or
        StoreFailed came between, closing again is refused, and makes up for them. Doing so twice changes nothing, and a
        later label of a transaction corrects this one.
        """
        disposition, reason = checked_text(disposition, "disposition"), checked_text(reason, REASON_FIELD)
        meaning = Ending.of(disposition).value
        try:
            closed = self._store.casework.act(
                case_id, CaseAct.CLOSE, self._doing(author, reason, version),
                then=lambda state: replace(state, disposition=meaning),
                details={"disposition": disposition}, trail={"disposition": meaning},
            )  # fmt: skip
        except Refused:
            self._label_as_closed(case_id)
            raise
        self._label_as_closed(case_id)
        return closed

    def reopen(self, case_id: str, *, reason: str, author: str, version: int | None = None) -> CaseSummary:
        """Open a closed case again. Its labels stay until it is closed anew."""
        doing = self._doing(author, checked_text(reason, REASON_FIELD), version)
        due = self._store.case_times.due_review
        return self._store.casework.act(
            case_id, CaseAct.REOPEN, doing, then=lambda state: replace(state, due_at=doing.at + due)
        )

    def merge(self, case_id: str, *, into: str, reason: str, author: str, version: int | None = None) -> CaseSummary:
        """Let a case go on in another; the case that it goes on in."""
        doing = self._doing(author, checked_text(reason, REASON_FIELD), version)
        return self._store.casework.merge(case_id, into, doing)

    def undo(self, case_id: str, *, author: str, reason: str | None = None, version: int | None = None) -> CaseSummary:
        """Take back the last act on the case's status. Where that was closing it, its labels are withdrawn."""
        summary, entry = self._store.casework.undo(case_id, self._doing(author, reason, version))
        if entry.kind == CaseAct.CLOSE and _LABELS.get(Ending.of(entry.body.get("disposition"))):
            self._withdraw(case_id, author=author, at=self._clock.now(), said_at=entry.at)
        return summary

    def attach(self, case_id: str, *, name: str, content: bytes, author: str) -> CaseFile:
        """Keep a file with a case: PDF, PNG, JPEG, text, CSV or a mail, by what its bytes say."""
        file = check_attachment(name, content)
        now = self._clock.now()
        return self._store.case_files.add(case_id, file, file_id=self._ids.new("fil"), author=author, at=now)

    def detach(self, case_id: str, file_id: str, *, reason: str, author: str) -> None:
        """Destroy a file of a case."""
        self._store.case_files.remove(
            case_id, file_id, reason=checked_text(reason, REASON_FIELD), author=author, at=self._clock.now(),
            entry_id=self._ids.new("ent"),
        )  # fmt: skip

    def _doing(
        self, author: str, reason: str | None = None, version: int | None = None, *, take_over: bool = False
    ) -> Doing:
        said = checked_text(reason, REASON_FIELD) if reason else None
        return Doing(author, self._clock.now(), self._ids.new("ent"), said, version, take_over)

    def _label_as_closed(self, case_id: str) -> None:
        """Label a case's transactions as its closing on record says, by whoever closed it."""
        ending = self._store.cases.ending(case_id)
        if ending is None:
            return
        said = _LABELS.get(Ending.of(ending.body.get("disposition")))
        if said is None:
            self._withdraw(case_id, author=ending.author, at=ending.at)
        else:
            self._label(self._store.cases.transaction_ids(case_id), said, author=ending.author, at=ending.at)

    def _withdraw(self, case_id: str, *, author: str, at: datetime, said_at: datetime | None = None) -> None:
        """Take back what closing the case (at `said_at`) said of its transactions, where that still holds."""
        book = self._store.ledger.labels
        held = []
        for name in self._store.cases.transaction_ids(case_id):
            stored = book.in_force(name)
            if stored is None or stored.label.source is not LabelSource.DISPOSITION or stored.label.label == "unknown":
                continue
            if said_at in (None, stored.labelled_at):
                held.append(name)
        self._label(held, "unknown", author=author, at=at)

    def _label(self, names: list[str], said: Said, *, author: str, at: datetime) -> None:
        labels = [
            Label(transaction_id=name, label=said, source=LabelSource.DISPOSITION, labelled_at=at) for name in names
        ]
        for start in range(0, len(labels), LABELS_AT_ONCE):
            self._engine.label(labels[start : start + LABELS_AT_ONCE], author=author)
