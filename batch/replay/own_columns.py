"""The columnar kernel of one customer's own windows; `fraudray.features.track` is the other kernel.

Groups whose events arrived in order are done for all rows at once: a window is a stretch of the sorted array, its count
a difference of positions, its sum one of running totals. In the few other groups (late events, wrong clocks) the
incremental kernel itself goes row by row.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from fraudray.batch.replay.sorting import Flags, Ints, Scale, Sorted
from fraudray.domain.features import WindowFeature
from fraudray.features.track import KEEP_US, TRACK_MAX, Track, own_windows

Column = npt.NDArray[np.int64] | npt.NDArray[np.float64]
_ALONE = "customer"


def own_columns(
    customers: npt.NDArray[np.generic], at_us: Ints, received_us: Ints, row: Ints, counted: Flags, minor: Ints,
    features: Sequence[WindowFeature], *, scale: int, instruments: npt.NDArray[np.generic] | None = None,
) -> dict[str, Column]:  # fmt: skip
    """The features of the key `customer` or, with `instruments` (dense integers), of `instrument`, by name.

    All arrays are of one length and in any order; so are the columns given back (int64 counts, float64 else). `minor`
    is in minor units of the base currency, of which `scale` make one unit.
    """
    found = blank_columns(features, len(row))
    if not features or not len(row):
        return found
    whole = Sorted.by(customers, at_us, received_us, row, counted)
    for rows in (whole.orderly, ~whole.orderly):
        part = whole.only(rows)
        if not len(part):
            continue
        kernel = _at_once if rows is whole.orderly else _row_by_row
        kernel(part, minor, instruments, features, scale, found)
    return found


def blank_columns(features: Sequence[WindowFeature], rows: int) -> dict[str, Column]:
    """A column of zeros for each feature, by name."""
    return {
        feature.name: np.zeros(rows, np.int64) if feature.kind == "int" else np.zeros(rows, np.float64)
        for feature in features
    }


def _at_once(
    part: Sorted, minor: Ints, instruments: npt.NDArray[np.generic] | None, features: Sequence[WindowFeature],
    scale: int, found: dict[str, Column],
) -> None:  # fmt: skip
    # How many attempts of the customer came before: only so many of the last are kept.
    before: Ints = np.cumsum(part.counted) - part.counted
    if instruments is None:
        _stretches(part, before, minor[part.order], features, scale, found)
        return
    key = part.group * (int(instruments.max()) + 1) + instruments[part.order].astype(np.int64)
    group = np.unique(key, return_inverse=True)[1].astype(np.int64)
    order = np.argsort(group, kind="stable")
    within = Sorted(part.order[order], group[order], part.at_us[order], part.received_us[order], part.counted[order])
    _stretches(within, before[order], minor[within.order], features, scale, found)


def _stretches(
    part: Sorted, before: Ints, minor: Ints, features: Sequence[WindowFeature], scale: int, found: dict[str, Column]
) -> None:
    counted = part.counted
    group, kept = part.group[counted], before[counted]
    times, places = Scale.of(group, part.at_us[counted]), Scale.of(group, kept)
    totals = np.concatenate(([0], np.cumsum(minor[counted])))
    end: Ints = np.cumsum(counted) - counted  # attempts of all groups so far, without this one
    own = np.where(counted, minor, 0)
    last_kept = places.below(part.group, before - TRACK_MAX)
    for span_us in sorted({feature.window_us for feature in features}):
        since = np.maximum(part.at_us - span_us + 1, part.received_us - KEEP_US)
        start = np.minimum(np.maximum(times.below(part.group, since), last_kept), end)
        count = end - start + counted
        total = totals[end] - totals[start] + own
        for feature in features:
            if feature.window_us == span_us:
                found[feature.name][part.order] = _values(feature, count, total, scale)


def _values(feature: WindowFeature, count: Ints, total: Ints, scale: int) -> Column:
    match feature.aggregate:
        case "count":
            return count
        case "sum":
            return total / scale
        case _:
            return np.divide(total, count, out=np.zeros(len(count)), where=count > 0) / scale


def _row_by_row(
    part: Sorted, minor: Ints, instruments: npt.NDArray[np.generic] | None, features: Sequence[WindowFeature],
    scale: int, found: dict[str, Column],
) -> None:  # fmt: skip
    names = None if instruments is None else instruments[part.order].tolist()
    amounts = minor[part.order].tolist()
    at_us, received_us, counted = part.at_us.tolist(), part.received_us.tolist(), part.counted.tolist()
    for group in part.groups():
        track = Track()
        for index in range(group.start, group.stop):
            key = _ALONE if names is None else str(names[index])
            values = own_windows(
                track, features, at_us[index], received_us[index], instrument_key=None if names is None else key,
                this_minor=amounts[index] if counted[index] else None, scale=scale,
            )  # fmt: skip
            for name, value in values.items():
                found[name][part.order[index]] = value
            if counted[index]:
                track.add(at_us[index], amounts[index], key, received_us[index])
