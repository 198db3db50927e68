"""Time and ids, passed in so that a run can be repeated exactly."""

from __future__ import annotations

import os
import threading
import time
from datetime import UTC, datetime
from typing import Protocol

from fraudray.domain.cards import mask, never_masked


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """The moment, in UTC."""
        ...


class Ids(Protocol):
    """Gives ids never given before."""

    def new(self, prefix: str) -> str:
        """`<prefix>_<unique part>`."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """See `Clock.now`."""
        return datetime.now(UTC)


class RandomIds:
    """Ids that sort in the order in which they were given: microseconds, strictly rising within this process, and 64
    random bits that are its own. No text that quotes one masks it as a card number."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last_us = 0
        self._process = never_masked(lambda: os.urandom(8).hex())

    def new(self, prefix: str) -> str:
        """See `Ids.new`."""
        with self._lock:
            self._last_us = max(self._last_us + 1, time.time_ns() // 1000)
            while mask(unique := f"{self._last_us:014x}{self._process}") != unique:
                self._last_us += 1
            return f"{prefix}_{unique}"
