"""List entries on SQL. Rows are added and marked as removed, never changed otherwise; all that are not removed are in
memory, under the values themselves, so that a look-up asks no database.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, bindparam, func, or_, select, update

from fraudray.adapters.sql import schema as t
from fraudray.adapters.sql.driver import Inserts, failing
from fraudray.adapters.sql.rows import Rows
from fraudray.adapters.sql.writer import Writer
from fraudray.adapters.vault import Vault
from fraudray.domain.errors import NotFound, Refused, StoreFailed
from fraudray.domain.list_values import Kind
from fraudray.domain.listing import Lists, Mark, Placed
from fraudray.domain.lists import Level, ListEntry, State
from fraudray.ports.ledger import AuditNote
from fraudray.ports.lists import already_listed, replaced_by

_L = t.list_entries.c
_ACTIVE = (
    select(_L.entry_id)
    .where(
        _L.blind == bindparam("blind"),
        _L.level == bindparam("level"),
        _L.removed_us.is_(None),
        func.coalesce(_L.rule_id, "") == bindparam("rule"),
        or_(_L.expires_us.is_(None), _L.expires_us > bindparam("now_us")),
    )
    .limit(1)
)
# Rows only come in, or are marked as removed once: these three change with every change.
_VERSION = select(func.count(), func.max(_L.created_us), func.count(_L.removed_us))
Version = tuple[Any, ...]


class SqlListBook:
    """Implements `fraudray.ports.lists.ListBook`."""

    def __init__(self, engine: Engine, writer: Writer, rows: Rows, inserts: Inserts, vault: Vault) -> None:
        self._engine, self._writer, self._rows, self._inserts, self._vault = engine, writer, rows, inserts, vault
        self._lists: Lists | None = None
        self._version: Version | None = None
        self._lock = threading.Lock()

    def current(self) -> Lists:
        """See `ListBook.current`."""
        lists = self._lists
        return self.refresh() if lists is None else lists

    def refresh(self) -> Lists:
        """See `ListBook.refresh`."""
        with self._lock, failing(), self._engine.connect() as connection:
            version = tuple(connection.execute(_VERSION).one())
            if self._lists is None or version != self._version:
                self._lists, self._version = Lists(self._placed(connection)), version
            return self._lists

    def add(self, entries: Sequence[ListEntry], *, replace: bool = False) -> list[ListEntry | Refused]:
        """See `ListBook.add`."""

        def write(connection: Connection) -> tuple[list[ListEntry | Refused], list[Placed]]:
            gone: list[Placed] = []
            return [self._add(connection, entry, replace, gone) for entry in entries], gone

        results, gone = self._writer.submit(write).result()
        self._change([entry for entry in results if isinstance(entry, ListEntry)], gone)
        return results  # type: ignore[no-any-return]

    def get(self, entry_id: str) -> ListEntry:
        """See `ListBook.get`."""
        with failing(), self._engine.connect() as connection:
            return self._get(connection, entry_id)

    def search(
        self, *, now: datetime, level: Level | None = None, kind: Kind | None = None, state: State | None = None,
        values: Sequence[tuple[Kind, str]] | None = None, limit: int = 50, offset: int = 0,
    ) -> list[ListEntry]:  # fmt: skip
        """See `ListBook.search`."""
        statement = select(t.list_entries).order_by(_L.created_us.desc(), _L.entry_id).limit(limit).offset(offset)
        if level is not None:
            statement = statement.where(_L.level == level.value)
        if kind is not None:
            statement = statement.where(_L.kind == kind.value)
        if values is not None:
            statement = statement.where(_L.blind.in_([self._blind(*value) for value in values]))
        now_us = t.to_us(now)
        match state:
            case "active":
                alive = or_(_L.expires_us.is_(None), _L.expires_us > now_us)
                statement = statement.where(_L.removed_us.is_(None), alive)
            case "expired":
                statement = statement.where(_L.removed_us.is_(None), _L.expires_us <= now_us)
            case "removed":
                statement = statement.where(_L.removed_us.is_not(None))
        with failing(), self._engine.connect() as connection:
            return [self._entry(row) for row in connection.execute(statement)]

    def remove(self, entry_id: str, *, reason: str, actor: str, at: datetime) -> ListEntry:
        """See `ListBook.remove`."""

        def write(connection: Connection) -> ListEntry:
            entry = self._get(connection, entry_id)
            if entry.removed_at is not None:
                raise Refused(f"list entry {entry_id} was removed before")
            self._mark_removed(connection, entry, reason=reason, actor=actor, at=at)
            return entry

        entry: ListEntry = self._writer.submit(write).result()
        self._change([], [(entry.value, Mark.of(entry))])
        return entry.model_copy(update={"removed_at": at, "removed_by": actor, "removal_reason": reason})

    def _change(self, added: Sequence[ListEntry], removed: Sequence[Placed]) -> None:
        """Bring the snapshot up to what was just written; one not read yet will hold it when it is."""
        with self._lock:
            if self._lists is not None and (added or removed):
                self._lists = self._lists.changed(added=[(e.value, Mark.of(e)) for e in added], removed=removed)
                self._version = None

    def _add(self, connection: Connection, entry: ListEntry, replace: bool, gone: list[Placed]) -> ListEntry | Refused:
        at_us, blind = t.to_us(entry.created_at), self._blind(entry.kind, entry.value)
        about = {"blind": blind, "level": entry.level.value, "rule": entry.rule or ""}
        same = self._inserts.first(connection, _ACTIVE, **about, now_us=at_us)
        if same is not None:
            if not replace:
                return already_listed(entry, same[0])
            earlier = self._get(connection, same[0])
            self._mark_removed(
                connection, earlier, reason=replaced_by(entry), actor=entry.author, at=entry.created_at
            )  # fmt: skip
            gone.append((earlier.value, Mark.of(earlier)))
        expires_us = None if entry.expires_at is None else t.to_us(entry.expires_at)
        row = {
            "entry_id": entry.entry_id,
            "level": entry.level.value,
            "kind": entry.kind.value,
            "blind": blind,
            "value_sealed": self._seal(entry.value, entry.entry_id),
            "rule_id": entry.rule,
            "reason_sealed": self._seal(entry.reason, entry.entry_id),
            "author": entry.author,
            "created_us": at_us,
            "expires_us": expires_us,
        }
        self._inserts.insert(connection, t.list_entries, [row])
        body = _public(entry) | {"expires": entry.expires_at.isoformat() if entry.expires_at else None}
        self._rows.note(at_us, AuditNote("list_entry_added", entry.entry_id, entry.author, body))
        return entry

    def _mark_removed(self, connection: Connection, entry: ListEntry, *, reason: str, actor: str, at: datetime) -> None:
        connection.execute(
            update(t.list_entries)
            .where(_L.entry_id == entry.entry_id)
            .values(removed_us=t.to_us(at), removed_by=actor, removal_sealed=self._seal(reason, entry.entry_id))
        )
        self._rows.note(t.to_us(at), AuditNote("list_entry_removed", entry.entry_id, actor, _public(entry)))

    def _get(self, connection: Connection, entry_id: str) -> ListEntry:
        row = connection.execute(select(t.list_entries).where(_L.entry_id == entry_id)).first()
        if row is None:
            raise NotFound("list entry", entry_id)
        return self._entry(row)

    def _placed(self, connection: Connection) -> list[Placed]:
        columns = select(_L.entry_id, _L.level, _L.kind, _L.rule_id, _L.expires_us, _L.value_sealed)
        rows = connection.execute(columns.where(_L.removed_us.is_(None)).order_by(_L.created_us, _L.entry_id))
        return [
            (self._open(sealed, entry_id), Mark(entry_id, Level(level), Kind(kind), rule, expires_us))
            for entry_id, level, kind, rule, expires_us, sealed in rows
        ]

    def _entry(self, row: Row[Any]) -> ListEntry:
        removal = row.removal_sealed
        return ListEntry(
            entry_id=row.entry_id,
            level=Level(row.level),
            kind=Kind(row.kind),
            value=self._open(row.value_sealed, row.entry_id),
            rule=row.rule_id,
            reason=self._open(row.reason_sealed, row.entry_id),
            author=row.author,
            created_at=t.from_us(row.created_us),
            expires_at=None if row.expires_us is None else t.from_us(row.expires_us),
            removed_at=None if row.removed_us is None else t.from_us(row.removed_us),
            removed_by=row.removed_by,
            removal_reason=None if removal is None else self._open(removal, row.entry_id),
        )

    def _blind(self, kind: Kind, value: str) -> bytes:
        return self._vault.blind_index(f"list/{kind.value}", value)

    def _seal(self, text: str, entry_id: str) -> bytes:
        return self._vault.house.seal(text.encode(), entry_id)

    def _open(self, sealed: bytes, entry_id: str) -> str:
        try:
            return self._vault.house.open(bytes(sealed), entry_id).decode()
        except ValueError as error:
            raise StoreFailed(f"list entry {error}; nothing is decided while lists cannot be read") from None


def _public(entry: ListEntry) -> dict[str, Any]:
    """What the audit trail says of an entry: nothing personal."""
    return {"level": entry.level.value, "kind": entry.kind.value} | ({"rule": entry.rule} if entry.rule else {})
