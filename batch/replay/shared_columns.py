"""The columnar kernel of keys that many customers share; `fraudray.features.shared` is the other kernel.

The attempts of a window are a stretch of the sorted array. A fraud counts from when it is known, is old enough and
arrived, until it leaves the window: for the rows after it that is one stretch as well, so that all frauds together are
one running sum of steps up and down.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from fraudray.batch.replay.own_columns import Column, blank_columns
from fraudray.batch.replay.sorting import Flags, Ints, Scale, Sorted
from fraudray.domain.features import HOUR_US, WindowFeature
from fraudray.features.shared import KEEP_HOURS, KeyHistory, shared_windows


def shared_columns(
    keys: npt.NDArray[np.generic], at_us: Ints, received_us: Ints, row: Ints, counted: Flags, fraud: Flags,
    known_us: Ints, features: Sequence[WindowFeature], *, delay_us: int,
) -> dict[str, Column]:  # fmt: skip
    """The features of one shared key by name.

    All arrays are of one length and in any order; so are the columns given back (int64 counts, float64 rates).
    `known_us` is when a fraud became known (UTC µs); elsewhere it is not looked at.
    """
    found = blank_columns(features, len(row))
    if not features or not len(row):
        return found
    whole = Sorted.by(keys, at_us, received_us, row, counted)
    for rows in (whole.orderly, ~whole.orderly):
        part = whole.only(rows)
        if not len(part):
            continue
        frauds = (fraud & counted)[part.order]
        kernel = _at_once if rows is whole.orderly else _row_by_row
        kernel(part, frauds, known_us[part.order], features, delay_us, found)
    return found


def _at_once(
    part: Sorted, frauds: Flags, known_us: Ints, features: Sequence[WindowFeature], delay_us: int,
    found: dict[str, Column],
) -> None:  # fmt: skip
    counted, group = part.counted, part.group
    hour, last = part.at_us // HOUR_US, (part.at_us - delay_us) // HOUR_US
    oldest = part.received_us // HOUR_US - KEEP_HOURS
    hours = Scale.of(group[counted], hour[counted])
    end = np.minimum(np.cumsum(counted) - counted, hours.below(group, last + 1))
    where = np.flatnonzero(frauds)
    lasts, arrivals = Scale.of(group, last), Scale.of(group, part.received_us)
    # From which row on each fraud may count: after it arrived, once it is known, and once it is old enough.
    begins = np.maximum.reduce(
        [where + 1, lasts.below(group[where], hour[where]), arrivals.below(group[where], known_us[where])]
    )
    for span in sorted({feature.window_us for feature in features}):
        first = np.maximum(last - span // HOUR_US + 1, oldest)
        attempts = np.maximum(end - hours.below(group, first), 0)
        ends = Scale.of(group, first).below(group[where], hour[where] + 1)
        steps = np.zeros(len(part) + 1, np.int64)
        counts = begins < ends
        np.add.at(steps, begins[counts], 1)
        np.add.at(steps, ends[counts], -1)
        known = np.cumsum(steps)[:-1]
        for feature in features:
            if feature.window_us == span:
                found[feature.name][part.order] = _values(feature, attempts, known)


def _values(feature: WindowFeature, attempts: Ints, frauds: Ints) -> Column:
    match feature.aggregate:
        case "count":
            return attempts
        case "fraud_count":
            return frauds
        case _:
            return np.divide(frauds, attempts, out=np.zeros(len(attempts)), where=attempts > 0)


def _row_by_row(
    part: Sorted, frauds: Flags, known_us: Ints, features: Sequence[WindowFeature], delay_us: int,
    found: dict[str, Column],
) -> None:  # fmt: skip
    at_us, received_us, counted = part.at_us.tolist(), part.received_us.tolist(), part.counted.tolist()
    for group in part.groups():
        history = KeyHistory()
        where = np.flatnonzero(frauds[group]) + group.start
        labels = iter(sorted((int(known_us[index]), int(index)) for index in where))
        early: set[int] = set()  # known before they arrived
        label = next(labels, None)
        for index in range(group.start, group.stop):
            while label is not None and label[0] <= received_us[index]:
                if label[1] < index:
                    history.add(at_us[label[1]] // HOUR_US, 0, 1)
                else:
                    early.add(label[1])
                label = next(labels, None)
            values = shared_windows(history, features, at_us[index], received_us[index], delay_us)
            for name, value in values.items():
                found[name][part.order[index]] = value
            if counted[index]:
                history.add(at_us[index] // HOUR_US, 1, int(index in early))
