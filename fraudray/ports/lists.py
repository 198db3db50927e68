"""Where list entries are kept."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from fraudray.domain.errors import Refused
from fraudray.domain.list_values import Kind
from fraudray.domain.listing import Lists
from fraudray.domain.lists import Level, ListEntry, State


class ListBook(Protocol):
    """Entries, with all of those that are not removed in memory. Every method may be called from any thread."""

    def current(self) -> Lists:
        """The snapshot that the next decision looks into; read when first asked for. Raises StoreFailed."""
        ...

    def refresh(self) -> Lists:
        """`current` after what another process may have changed; costs one small question when nothing was."""
        ...

    def add(self, entries: Sequence[ListEntry], *, replace: bool = False) -> list[ListEntry | Refused]:
        """Keep entries; each gives itself or, where an active one is about the same, what refuses it.

        With `replace` the earlier entry is removed instead. The next look-up sees all of it.
        """
        ...

    def get(self, entry_id: str) -> ListEntry:
        """One entry, removed or not. Raises NotFound."""
        ...

    def search(
        self, *, now: datetime, level: Level | None = None, kind: Kind | None = None, state: State | None = None,
        values: Sequence[tuple[Kind, str]] | None = None, limit: int = 50, offset: int = 0,
    ) -> list[ListEntry]:  # fmt: skip
        """Entries, newest first; `values` are exact, in the form in which they are compared."""
        ...

    def remove(self, entry_id: str, *, reason: str, actor: str, at: datetime) -> ListEntry:
        """Take an entry out of force; it stays on record. Raises NotFound, Refused when it was removed before."""
        ...


def already_listed(entry: ListEntry, existing_id: str) -> Refused:
    """What refuses an entry about the same as an active one."""
    what = f"mute of rule {entry.rule} for" if entry.rule else f"{entry.level.value} entry about"
    return Refused(f"{existing_id} is an active {what} the same {entry.kind.value}; remove it, or say replace")


def replaced_by(entry: ListEntry) -> str:
    """The reason on record of an entry that another one replaced."""
    return f"replaced by {entry.entry_id}"
