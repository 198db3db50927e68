"""Which transaction ids were surely never decided: a Bloom filter over those that were (Bloom, CACM 13(7), 1970).

Nearly every transaction is new, and asking SQLite beside a busy writer costs more than the rest of the storage path,
since each commit invalidates the reader's pages. A filter of 32 MiB answers "never" for certain; at 16 million ids it
wrongly says "perhaps" to 0.2 % of new ones, which then ask the database.
"""

from __future__ import annotations

import threading

from sqlalchemy import Engine, select
from sqlalchemy.exc import SQLAlchemyError

from fraudray.adapters.sql import schema as t

_BITS = 28
_MASK = (1 << _BITS) - 1
_PROBES = range(4)


class SeenIds:
    """Fills itself from the database in the background; until then every id is "perhaps"."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._bits = bytearray(1 << (_BITS - 3))
        self._filled = False
        self._thread = threading.Thread(target=self._fill, name="fraudray-seen-ids", daemon=True)
        self._thread.start()

    def add(self, transaction_id: str) -> None:
        """Remember an id before it is written."""
        bits = self._bits
        for position in self._positions(transaction_id):
            bits[position >> 3] |= 1 << (position & 7)

    def never(self, transaction_id: str) -> bool:
        """True only when the id was surely never added nor stored."""
        if not self._filled:
            return False
        bits = self._bits
        return any(not bits[position >> 3] & 1 << (position & 7) for position in self._positions(transaction_id))

    def close(self) -> None:
        """Wait until the background reading has ended."""
        self._thread.join()

    @staticmethod
    def _positions(transaction_id: str) -> list[int]:
        digest = hash(transaction_id)  # keyed anew in every process, like the filter itself
        step = digest >> 32 | 1
        return [digest + probe * step & _MASK for probe in _PROBES]

    def _fill(self) -> None:
        try:
            with self._engine.connect() as connection:
                rows = connection.execution_options(yield_per=10_000).execute(select(t.decisions.c.transaction_id))
                for transaction_id in rows.scalars():
                    self.add(transaction_id)
        except SQLAlchemyError:
            return  # every id stays "perhaps": slower, and as right
        self._filled = True
