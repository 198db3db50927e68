"""Local times to UTC, many at once, with a zone's own rules: which local times did not exist, and which came twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal
from zoneinfo import ZoneInfo

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - the local times below have no zone yet
US_MIN, US_MAX = -62_135_596_800_000_000, 253_402_300_799_999_999
"""µs since 1970 of the years 1 and 9999."""
_BUCKET_US = 15 * 60 * 1_000_000
_EDGE_US = 2 * 86_400_000_000

FINE, MISSING, TWICE = 0, 1, 2


def to_utc(
    local_us: NDArray[np.int64], zone: str, ambiguous: Literal["earlier", "later"] | None
) -> tuple[NDArray[np.int64], NDArray[np.int8]]:
    """UTC times (µs) of local times (µs as if in UTC), and for each FINE, MISSING (the clocks skipped it) or TWICE (the
    clocks went back over it, and `ambiguous` does not say which is meant)."""
    states = np.zeros(len(local_us), dtype=np.int8)
    if zone == "UTC" or not len(local_us):
        return local_us, states
    rules = ZoneInfo(zone)
    inside = np.clip(local_us, US_MIN + _EDGE_US, US_MAX - _EDGE_US)
    buckets, where = np.unique(inside // _BUCKET_US, return_inverse=True)
    offsets = np.zeros(len(buckets), dtype=np.int64)
    kinds = np.zeros(len(buckets), dtype=np.int8)
    mixed = np.zeros(len(buckets), dtype=bool)
    for index, bucket in enumerate(buckets.tolist()):
        first = _offset(bucket * _BUCKET_US, rules, ambiguous)
        mixed[index] = first != _offset((bucket + 1) * _BUCKET_US - 1, rules, ambiguous)
        offsets[index], kinds[index] = first
    shift, states = offsets[where], kinds[where]
    for index in np.flatnonzero(mixed[where]).tolist():  # the rules change within a quarter of an hour
        shift[index], states[index] = _offset(int(inside[index]), rules, ambiguous)
    return local_us - shift, states


def _offset(local_us: int, rules: ZoneInfo, ambiguous: Literal["earlier", "later"] | None) -> tuple[int, int]:
    """A local time's distance from UTC in µs, and its state."""
    local = (EPOCH + timedelta(microseconds=local_us)).replace(tzinfo=rules)
    first, second = local.utcoffset(), local.replace(fold=1).utcoffset()
    assert first is not None  # noqa: S101 - a ZoneInfo always has one
    assert second is not None  # noqa: S101
    state = FINE
    if first != second:
        there = local.astimezone(UTC).astimezone(rules).replace(tzinfo=None) == local.replace(tzinfo=None)
        state = (FINE if ambiguous else TWICE) if there else MISSING
    chosen = second if ambiguous == "later" else first
    return chosen // timedelta(microseconds=1), state
