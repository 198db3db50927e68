"""The incremental kernel of keys that many customers share: attempts and known frauds of a terminal, merchant, device
or network address, counted by UTC hour.

An hour is the grain, so that a busy merchant costs no more than a quiet one: 90 days are 2,160 pairs of numbers.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from fraudray.domain.features import DAY_US, DELAY_MAX_DAYS, HOUR_US, SHARED_KEYS, WINDOW_MAX_US, Key, WindowFeature
from fraudray.domain.transaction import Transaction

KEEP_HOURS = (WINDOW_MAX_US + (DELAY_MAX_DAYS + 1) * DAY_US) // HOUR_US
"""Hours are kept for so long before the newest arrival."""
KEYS_MAX = 20_000
Hours = dict[int, tuple[int, int]]
"""Hour since 1970 → attempts, and how many of them are known to be fraud."""


@dataclass(frozen=True, slots=True)
class Step:
    """What one event changes: so many attempts and frauds more in one hour of one key. Steps add up in any order."""

    key: Key
    value: str
    hour: int
    attempts: int
    frauds: int


@dataclass(slots=True)
class KeyHistory:
    """The hours of one key."""

    hours: Hours = field(default_factory=dict)
    _first: int | None = None

    def add(self, hour: int, attempts: int, frauds: int) -> None:
        """Count."""
        before, known = self.hours.get(hour, (0, 0))
        self.hours[hour] = (before + attempts, known + frauds)
        if self._first is not None and hour < self._first:
            self._first = hour

    def forget_before(self, hour: int) -> None:
        """Drop hours that no window can reach any more."""
        if self._first is None or self._first < hour:
            self.hours = {at: counts for at, counts in self.hours.items() if at >= hour}
            self._first = min(self.hours, default=None)

    def tally(self, first: int, last: int) -> tuple[int, int]:
        """Attempts and frauds of the hours `first` to `last`, both included."""
        attempts = frauds = 0
        for hour, (more, known) in self.hours.items():
            if first <= hour <= last:
                attempts += more
                frauds += known
        return attempts, frauds


def key_value(tx: Transaction, key: Key) -> str | None:
    """What a transaction names under a shared key."""
    match key:
        case "terminal":
            return tx.terminal_id
        case "merchant":
            return tx.merchant
        case "device":
            return tx.device_key
        case _:
            return tx.ip_address


def steps_of(tx: Transaction, at_us: int, *, attempts: int, frauds: int) -> list[Step]:
    """What an attempt, or what became known of it, changes under each of its keys."""
    hour = at_us // HOUR_US
    named = ((key, key_value(tx, key)) for key in SHARED_KEYS)
    return [Step(key, value, hour, attempts, frauds) for key, value in named if value is not None]


def window_hours(feature: WindowFeature, at_us: int, received_us: int, delay_us: int) -> tuple[int, int]:
    """The first and last hour that count: the window ends the feedback delay ago, and reaches no dropped hour."""
    last = (at_us - delay_us) // HOUR_US
    first = last - feature.window_us // HOUR_US + 1
    return max(first, received_us // HOUR_US - KEEP_HOURS), last


def shared_windows(
    history: KeyHistory, features: Iterable[WindowFeature], at_us: int, received_us: int, delay_us: int
) -> dict[str, float | int]:
    """The features of one shared key by name. Without attempts a fraud rate is 0."""
    tallies: dict[tuple[int, int], tuple[int, int]] = {}
    found: dict[str, float | int] = {}
    for feature in features:
        span = window_hours(feature, at_us, received_us, delay_us)
        if span not in tallies:
            tallies[span] = history.tally(*span)
        found[feature.name] = shared_value(feature, *tallies[span])
    return found


def shared_value(feature: WindowFeature, attempts: int, frauds: int) -> float | int:
    """An aggregate from its counts."""
    match feature.aggregate:
        case "count":
            return attempts
        case "fraud_count":
            return frauds
        case _:
            return frauds / attempts if attempts else 0.0


class KeyHistories:
    """The histories of all shared keys, in a bounded cache over what `load` reads. Safe to share between threads."""

    def __init__(self, load: Callable[[Key, str], Mapping[int, tuple[int, int]]] | None = None) -> None:
        """Without `load` everything is kept, and nothing is there at first."""
        self._load = load
        self._kept: OrderedDict[tuple[Key, str], KeyHistory] = OrderedDict()
        self._lock = threading.Lock()

    def windows(
        self, key: Key, value: str, features: Iterable[WindowFeature], at_us: int, received_us: int, delay_us: int
    ) -> dict[str, float | int]:
        """See `shared_windows`."""
        with self._lock:
            return shared_windows(self._of(key, value), features, at_us, received_us, delay_us)

    def apply(self, steps: Iterable[Step], received_us: int) -> None:
        """Count what happened."""
        oldest = received_us // HOUR_US - KEEP_HOURS
        with self._lock:
            for step in steps:
                history = self._of(step.key, step.value)
                history.add(step.hour, step.attempts, step.frauds)
                history.forget_before(oldest)

    def forget(self, steps: Iterable[Step]) -> None:
        """A write failed: read these keys anew."""
        with self._lock:
            for step in steps:
                self._kept.pop((step.key, step.value), None)

    def _of(self, key: Key, value: str) -> KeyHistory:
        history = self._kept.get((key, value))
        if history is None:
            history = self._kept[key, value] = KeyHistory(dict(self._load(key, value)) if self._load else {})
            while self._load is not None and len(self._kept) > KEYS_MAX:
                self._kept.popitem(last=False)
        elif self._load is not None:
            self._kept.move_to_end((key, value))
        return history
