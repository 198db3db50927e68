"""With how many customers each device was seen lately, in columns; the engine's ledgers say the same online."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fraudray.batch.replay.sorting import Ints, Sorted
from fraudray.ports.ledger import SIGHTED_MAX


def sharing_column(
    devices: npt.NDArray[np.generic], customers: npt.NDArray[np.generic], at_us: Ints, received_us: Ints, row: Ints,
    *, within_us: int,
) -> Ints:  # fmt: skip
    """How many customers used a row's device within `within_us` before it, this one included (int64, one a row).

    All arrays are of one length and in any order. Most devices have one customer; only the others are gone through.
    """
    counts = np.ones(len(row), np.int64)
    if not len(row):
        return counts
    whole = Sorted.by(devices, at_us, received_us, row, np.ones(len(row), np.bool_))
    owners = np.unique(customers, return_inverse=True)[1][whole.order]
    several = np.zeros(int(whole.group[-1]) + 1, np.bool_)
    several[whole.group[1:][(np.diff(whole.group) == 0) & (np.diff(owners) != 0)]] = True
    rows = several[whole.group]
    part, names = whole.only(rows), owners[rows].tolist()
    times = part.at_us.tolist()
    for group in part.groups():
        last: dict[int, int] = {}
        for index in range(group.start, group.stop):
            name, at = names[index], times[index]
            lately = sorted(last.items(), key=lambda seen: -seen[1])[:SIGHTED_MAX]
            others = sum(seen >= at - within_us for other, seen in lately if other != name)
            counts[part.order[index]] = others + 1
            last[name] = max(at, last.get(name, at))
    return counts
