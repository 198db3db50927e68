"""List entries in memory: the engine's lists without a database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from fraudray.domain.errors import NotFound, Refused
from fraudray.domain.list_values import Kind
from fraudray.domain.listing import Lists, Mark
from fraudray.domain.lists import Level, ListEntry, State
from fraudray.ports.lists import already_listed, replaced_by


class MemoryListBook:
    """Implements `fraudray.ports.lists.ListBook`; everything ends with the process."""

    def __init__(self) -> None:
        self._entries: dict[str, ListEntry] = {}
        self._lists = Lists()

    def current(self) -> Lists:
        """See `ListBook.current`."""
        return self._lists

    def refresh(self) -> Lists:
        """See `ListBook.refresh`; there is no other process."""
        return self._lists

    def add(self, entries: Sequence[ListEntry], *, replace: bool = False) -> list[ListEntry | Refused]:
        """See `ListBook.add`."""
        return [self._add(entry, replace) for entry in entries]

    def _add(self, entry: ListEntry, replace: bool) -> ListEntry | Refused:
        same = (entry.level, entry.kind, entry.value, entry.rule)
        for other in self._entries.values():
            if (other.level, other.kind, other.value, other.rule) == same and other.state(entry.created_at) == "active":
                if not replace:
                    return already_listed(entry, other.entry_id)
                self.remove(other.entry_id, reason=replaced_by(entry), actor=entry.author, at=entry.created_at)
                break
        self._entries[entry.entry_id] = entry
        self._lists = self._lists.changed(added=[(entry.value, Mark.of(entry))])
        return entry

    def get(self, entry_id: str) -> ListEntry:
        """See `ListBook.get`."""
        entry = self._entries.get(entry_id)
        if entry is None:
            raise NotFound("list entry", entry_id)
        return entry

    def search(
        self, *, now: datetime, level: Level | None = None, kind: Kind | None = None, state: State | None = None,
        values: Sequence[tuple[Kind, str]] | None = None, limit: int = 50, offset: int = 0,
    ) -> list[ListEntry]:  # fmt: skip
        """See `ListBook.search`."""
        found = [
            entry
            for entry in self._entries.values()
            if level in (None, entry.level)
            and kind in (None, entry.kind)
            and state in (None, entry.state(now))
            and (values is None or (entry.kind, entry.value) in values)
        ]
        found.sort(key=lambda entry: entry.entry_id)
        found.sort(key=lambda entry: entry.created_at, reverse=True)
        return found[offset : offset + limit]

    def remove(self, entry_id: str, *, reason: str, actor: str, at: datetime) -> ListEntry:
        """See `ListBook.remove`."""
        entry = self.get(entry_id)
        if entry.removed_at is not None:
            raise Refused(f"list entry {entry_id} was removed before")
        gone = entry.model_copy(update={"removed_at": at, "removed_by": actor, "removal_reason": reason})
        self._entries[entry_id] = gone
        self._lists = self._lists.changed(removed=[(entry.value, Mark.of(entry))])
        return gone
