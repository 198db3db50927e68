"""Rows of a history in the order that the columnar kernel works in: by key, and within a key as they arrived."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Sorted:
    """Arrays of one length, sorted by `group`, then arrival. `order[i]` is where row i came from.

    `group` is a dense number from 0 per key, `at_us` and `received_us` are event time and arrival (UTC µs), `counted`
    says which rows are attempts.
    """

    order: Ints
    group: Ints
    at_us: Ints
    received_us: Ints
    counted: Flags

    @classmethod
    def by(cls, keys: npt.NDArray[np.generic], at_us: Ints, received_us: Ints, row: Ints, counted: Flags) -> Sorted:
        """Sort. `row` is the number of the row in the history, which settles ties of arrival."""
        group = np.unique(keys, return_inverse=True)[1].astype(np.int64)
        order = np.lexsort((row, received_us, group))
        return cls(order, group[order], at_us[order], received_us[order], counted[order])

    def __len__(self) -> int:
        return len(self.group)

    @cached_property
    def orderly(self) -> Flags:
        """Which rows are in a group whose events arrived in the order in which they happened."""
        late = np.zeros(len(self), np.bool_)
        if len(self) > 1:
            late[1:] = (np.diff(self.at_us) < 0) & (np.diff(self.group) == 0)
        disorderly = np.zeros(int(self.group[-1]) + 1 if len(self) else 0, np.bool_)
        disorderly[self.group[late]] = True
        return ~disorderly[self.group]

    def only(self, rows: Flags) -> Sorted:
        """Some of the groups, whole."""
        return Sorted(self.order[rows], self.group[rows], self.at_us[rows], self.received_us[rows], self.counted[rows])

    def groups(self) -> Iterator[slice]:
        """Where each group lies."""
        ends = np.flatnonzero(np.diff(self.group)) + 1
        starts = [0, *ends.tolist()]
        yield from (slice(start, end) for start, end in zip(starts, [*ends.tolist(), len(self)], strict=True) if end)


@dataclass(frozen=True)
class Scale:
    """Moments or hours of all groups on one rising scale: a group's values lie beyond those of the groups before it.

    Values become ranks among those there are, so that groups and microseconds together fit 64 bits.
    """

    values: Ints  # sorted, each once
    positions: Ints  # group * width + rank, of the rows that the scale was made from

    @classmethod
    def of(cls, group: Ints, value: Ints) -> Scale:
        """A scale of rows whose value does not fall within a group."""
        values = np.unique(value)
        return cls(values, group * (len(values) + 1) + np.searchsorted(values, value))

    def below(self, group: Ints, bound: Ints) -> Ints:
        """How many rows of the scale lie before `bound` in its group, rows of all groups before it included."""
        return np.searchsorted(self.positions, self._place(group, bound), side="left")

    def _place(self, group: Ints, bound: Ints) -> Ints:
        return group * (len(self.values) + 1) + np.searchsorted(self.values, bound, side="left")
