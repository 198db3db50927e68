"""Rows of a history in the order that the columnar kernel works in: by key, and within a key as they arrived."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
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
        order = np.lexsort((row, received_us, keys))
        key = keys[order]
        group = np.zeros(len(key), np.int64)
        np.cumsum(key[1:] != key[:-1], out=group[1:])
        return cls(order, group, at_us[order], received_us[order], counted[order])

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
        if rows.all():
            return self
        return Sorted(self.order[rows], self.group[rows], self.at_us[rows], self.received_us[rows], self.counted[rows])

    def groups(self) -> Iterator[slice]:
        """Where each group lies."""
        ends = np.flatnonzero(np.diff(self.group)) + 1
        starts = [0, *ends.tolist()]
        yield from (slice(start, end) for start, end in zip(starts, [*ends.tolist(), len(self)], strict=True) if end)


@dataclass(frozen=True)
class Scale:
    """Moments or hours of all groups on one rising scale: a group's values lie beyond those of the groups before it.

    A value is its distance from the first there is. Where groups times distances do not fit 64 bits (one clock that is
    years off is enough), it is its rank instead, which takes longer to find.
    """

    positions: Ints  # group * width + distance or rank, of the rows that the scale was made from
    groups: int
    width: int
    first: int
    ranked: Ints | None  # sorted

    @classmethod
    def of(cls, group: Ints, value: Ints) -> Scale:
        """A scale of rows whose value does not fall within a group."""
        if not len(group):
            return cls(group, 0, 1, 0, None)
        groups, first = int(group[-1]) + 1, int(value.min())
        width = int(value.max()) - first + 2
        ranked = None if (groups + 1) * width < 2**63 else np.sort(value)
        if ranked is not None:
            width = len(value) + 1
        blank = cls(group, groups, width, first, ranked)
        return replace(blank, positions=blank._place(group, value))

    def below(self, group: Ints, bound: Ints) -> Ints:
        """How many rows of the scale lie before `bound` in its group, rows of all groups before it included."""
        return np.searchsorted(self.positions, self._place(group, bound), side="left")

    def _place(self, group: Ints, bound: Ints) -> Ints:
        if self.ranked is None:
            within = np.clip(bound - self.first, 0, self.width - 1)
        else:
            within = np.searchsorted(self.ranked, bound, side="left")
        return np.minimum(group, self.groups) * self.width + within
