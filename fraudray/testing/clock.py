"""A clock and ids that stand still or move as told, for repeatable runs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class FixedClock:
    """Tells the same moment until it is moved."""

    def __init__(self, moment: datetime | None = None) -> None:
        self.moment = moment or datetime(2026, 3, 2, 15, 30, tzinfo=UTC)

    def now(self) -> datetime:
        """See `Clock.now`."""
        return self.moment

    def advance(self, **duration: float) -> None:
        """Move on by a `timedelta(**duration)`."""
        self.moment += timedelta(**duration)


class CountingIds:
    """Ids that count: dec_1, dec_2, …"""

    def __init__(self) -> None:
        self._last = 0

    def new(self, prefix: str) -> str:
        """See `Ids.new`."""
        self._last += 1
        return f"{prefix}_{self._last}"
