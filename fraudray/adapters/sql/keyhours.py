"""Attempts and known frauds of shared keys by hour, as rows. Keys are blind: nobody reads a device or address there."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from sqlalchemy import bindparam, select

from fraudray.adapters.sql import schema as t
from fraudray.adapters.sql.driver import Reader
from fraudray.adapters.sql.rows import Rows
from fraudray.adapters.vault import Vault
from fraudray.domain.features import Key
from fraudray.features.shared import KEEP_HOURS, Hours, KeyHistories, Step

_BLINDS_MAX = 50_000
_LATEST = (
    select(t.key_hours.c.hour, t.key_hours.c.attempts, t.key_hours.c.frauds)
    .where(t.key_hours.c.blind == bindparam("blind"))
    .order_by(t.key_hours.c.hour.desc())
    .limit(KEEP_HOURS + 24)
)


class KeyHours:
    """The histories over what is stored, and how steps of them are stored."""

    def __init__(self, reader: Reader, rows: Rows, vault: Vault) -> None:
        self._reader, self._rows = reader, rows
        self._blind = lru_cache(maxsize=_BLINDS_MAX)(vault.blind_index)
        self.histories = KeyHistories(self._load)

    def write(self, steps: Iterable[Step]) -> None:
        """Store steps when the writer's batch is flushed."""
        for step in steps:
            self._rows.add_hour(self._blind(step.key, step.value), step.hour, step.attempts, step.frauds)

    def _load(self, key: Key, value: str) -> Hours:
        found = self._reader.all(_LATEST, blind=self._blind(key, value))
        return {hour: (attempts, frauds) for hour, attempts, frauds in found}
