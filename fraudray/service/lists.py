"""Lists: what people put on them, see of them and take off them."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from pydantic_core import PydanticCustomError

from fraudray.bootstrap import App
from fraudray.desk import checked_text
from fraudray.domain.errors import FieldProblem, FraudrayError, InvalidTransaction, Refused
from fraudray.domain.list_values import Kind, normalise
from fraudray.domain.lists import Level, ListEntry, NewEntry
from fraudray.domain.transaction import Transaction
from fraudray.policy.listed import effect, is_certain
from fraudray.problems import problem_of

Document = dict[str, Any]
LIST_MAX = 500
STATES = ("active", "expired", "removed")


class ListService(Protocol):
    """What every face offers of lists."""

    def add(self, entry: Mapping[str, Any], *, author: str, replace: bool = False) -> Document:
        """Put one entry on a list: `level`, `kind`, `value`, `reason`, and when wanted `expires`; `rule` for a mute.

        Raises InvalidTransaction naming every bad field; Refused when an active entry is about the same, unless
        `replace`, and for a mute of a certain rule.
        """
        ...

    def add_many(self, rows: Sequence[Any], *, author: str, replace: bool = False) -> Document:
        """Put many on: `{"status": 201, "entry": …}` or `{"status": 4xx, "problem": …}` for each, in order."""
        ...

    def mute(self, rule: str, customer_id: str, *, until: str, reason: str, author: str) -> Document:
        """Take one rule, floor or scoring function out for one customer until a date (366 days at most).

        Raises as `add` does.
        """
        ...

    def list(
        self, *, level: str | None = None, kind: str | None = None, state: str | None = None, q: str | None = None,
        limit: int = 50, offset: int = 0,
    ) -> Document:  # fmt: skip
        """Entries, newest first; `q` is an exact value however written."""
        ...

    def show(self, entry_id: str) -> Document:
        """One entry. Raises NotFound."""
        ...

    def remove(self, entry_id: str, *, reason: str, author: str) -> Document:
        """Take an entry out of force; it stays on record. Raises NotFound, Refused when it was removed before."""
        ...

    def match(self, transaction: str | Mapping[str, Any]) -> Document:
        """Which entries a stored transaction (its id) or a given one would match now, and what each would do."""
        ...


class LocalLists:
    """Lists of this process's own App."""

    def __init__(self, app: App) -> None:
        self._app = app

    def add(self, entry: Mapping[str, Any], *, author: str, replace: bool = False) -> Document:
        """See `ListService.add`."""
        now = self._app.clock.now()
        (kept,) = self._app.store.lists.add([self._checked(entry, author, now)], replace=replace)
        if isinstance(kept, Refused):
            raise kept
        return entry_document(kept, now)

    def add_many(self, rows: Sequence[Any], *, author: str, replace: bool = False) -> Document:
        """See `ListService.add_many`."""
        now = self._app.clock.now()
        checked = [self._tried(row, author, now) for row in rows]
        kept = iter(self._app.store.lists.add([row for row in checked if isinstance(row, ListEntry)], replace=replace))
        results = [_result(next(kept) if isinstance(row, ListEntry) else row, now) for row in checked]
        added = sum(result["status"] == 201 for result in results)
        return {"added": added, "refused": len(results) - added, "results": results}

    def mute(self, rule: str, customer_id: str, *, until: str, reason: str, author: str) -> Document:
        """See `ListService.mute`."""
        entry = {"level": Level.MUTE.value, "rule": rule, "value": customer_id, "expires": until, "reason": reason}
        return self.add(entry, author=author)

    def list(
        self, *, level: str | None = None, kind: str | None = None, state: str | None = None, q: str | None = None,
        limit: int = 50, offset: int = 0,
    ) -> Document:  # fmt: skip
        """See `ListService.list`."""
        now = self._app.clock.now()
        wanted = None if kind is None else _one_of(Kind, kind, "kind")
        found = self._app.store.lists.search(
            now=now,
            level=None if level is None else _one_of(Level, level, "level"),
            kind=wanted,
            state=_one_of(None, state, "state") if state else None,
            values=None if q is None else _readings(q, wanted),
            limit=min(limit, LIST_MAX),
            offset=offset,
        )
        return {"entries": [entry_document(entry, now) for entry in found]}

    def show(self, entry_id: str) -> Document:
        """See `ListService.show`."""
        return entry_document(self._app.store.lists.get(entry_id), self._app.clock.now())

    def remove(self, entry_id: str, *, reason: str, author: str) -> Document:
        """See `ListService.remove`."""
        now, reason = self._app.clock.now(), checked_text(reason, "reason")
        return entry_document(self._app.store.lists.remove(entry_id, reason=reason, actor=author, at=now), now)

    def match(self, transaction: str | Mapping[str, Any]) -> Document:
        """See `ListService.match`."""
        app = self._app
        if isinstance(transaction, str):
            tx = app.store.cases.transaction(transaction)
        else:
            tx = Transaction.parse(transaction, now=app.clock.now())
        outlook = app.engine.preview(tx)
        judgement = outlook.judgement
        return {
            "transaction_id": tx.transaction_id,
            "decision": judgement.outcome.value,
            "score": judgement.score,
            "matches": [
                self.show(mark.entry_id)
                | {"effect": effect(mark, outlook.lists, judgement.muted, certain=judgement.certain)}
                for mark in outlook.lists
            ],
        }

    def _tried(self, row: Any, author: str, now: datetime) -> ListEntry | FraudrayError:
        try:
            return self._checked(row, author, now)
        except FraudrayError as error:
            return error

    def _checked(self, row: Any, author: str, now: datetime) -> ListEntry:
        new = NewEntry.parse(dict(row) if isinstance(row, Mapping) else row, now=now)
        new = new.model_copy(update={"reason": checked_text(new.reason, "reason")})
        if new.rule is not None:
            self._can_be_muted(new.rule)
        return new.entry(entry_id=self._app.ids.new("lst"), author=author, now=now)

    def _can_be_muted(self, rule: str) -> None:
        """Raises InvalidTransaction for a rule that is in no policy in force, Refused for a certain one."""
        book = self._app.engine.book
        lines = {line.source.id: line for policy in book for line in policy.speaking}
        line = lines.get(rule)
        if line is None:
            close = difflib.get_close_matches(rule, lines, n=2, cutoff=0.5)
            hint = f"; did you mean {' or '.join(close)}?" if close else "; `fraudray policy show` lists them"
            message = f"is no rule, floor or scoring function of a policy in force ({', '.join(book.policies)}){hint}"
            raise InvalidTransaction([FieldProblem("rule", "rule_unknown", message)])
        if is_certain(line):
            raise Refused(f"{rule} states what is certain and cannot be muted; lift the freeze instead")


def entry_document(entry: ListEntry, now: datetime) -> Document:
    """An entry as every face shows it, with its state at `now`."""
    return entry.model_dump(mode="json", exclude_none=True) | {"state": entry.state(now)}


def _result(row: ListEntry | FraudrayError, now: datetime) -> Document:
    if isinstance(row, ListEntry):
        return {"status": 201, "entry": entry_document(row, now)}
    problem = problem_of(row)
    return {"status": problem["status"], "problem": problem}


def _one_of(kind: Any, value: str, field: str) -> Any:
    known = STATES if kind is None else tuple(kind)
    if value not in known:
        raise InvalidTransaction([FieldProblem(field, "enum", f"is one of {', '.join(known)}")])
    return value if kind is None else kind(value)


def _readings(q: str, kind: Kind | None) -> list[tuple[Kind, str]]:
    """What a value may mean: one of the given kind, or of every kind that it can be of."""
    if kind is not None:
        try:
            return [(kind, normalise(kind, q))]
        except PydanticCustomError as error:
            raise InvalidTransaction([FieldProblem("q", error.type, error.message())]) from None
    readings = []
    for each in Kind:
        try:
            readings.append((each, normalise(each, q)))
        except PydanticCustomError:
            continue  # it cannot be of this kind
    return readings
