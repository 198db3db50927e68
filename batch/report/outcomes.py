"""The rows of the table of outcomes as arrays, and their sums by day, label and decision."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fraudray.batch.report.estimate import Draws, Floats
from fraudray.batch.report.tallies import Tallies

GENUINE, FRAUD, UNLABELLED = 0, 1, 2
LABELS = ("genuine", "fraud", "unlabelled")
DECISIONS = ("APPROVE", "REVIEW", "BLOCK")
DECIDED, EVIDENCE = "decided", "evidence"
"""As decided; and without the effect of freezes, by the evidence of each transaction."""
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """What one policy, or the plain rules, made of each row. The plain rules only flag: they have no scores."""

    name: str
    views: dict[str, Ints]
    """decided, evidence: 0 APPROVE, 1 REVIEW, 2 BLOCK."""
    score: Ints | None = None
    risk: Floats | None = None

    @property
    def blocks(self) -> bool:
        """Whether it can decide BLOCK."""
        return self.risk is not None


@dataclass(frozen=True, slots=True, eq=False)
class Outcomes:
    """Rows as arrays: which day (an index into `days`), label, count and amount; and each side's decisions."""

    days: Ints
    """Days since 1970, rising."""
    day: Ints
    label: Ints
    scenario: NDArray[Any]
    count: Floats
    amount: Floats
    sides: tuple[Side, ...]

    @classmethod
    def of(cls, tallies: Tallies) -> Outcomes:
        """The arrays of a back-test's table."""
        table = tallies.outcomes

        def ints(name: str) -> Ints:
            column: Ints = table.column(name).to_numpy().astype(np.int64)
            return column

        def side(name: str, prefix: str) -> Side:
            views = {DECIDED: ints(f"{prefix}decision"), EVIDENCE: ints(f"{prefix}evidence_decision")}
            return Side(name, views, ints(f"{prefix}score"), table.column(f"{prefix}risk").to_numpy())

        days, day = np.unique(ints("day"), return_inverse=True)
        fraud = ints("fraud")
        plain = Side("plain", {DECIDED: (ints("plain") > 0).astype(np.int64)})
        sides = (side("champion", ""), *([side("challenger", "challenger_")] if tallies.has_challenger else []), plain)
        return cls(
            days,
            day,
            np.where(fraud < 0, UNLABELLED, fraud),
            table.column("scenario").to_numpy(zero_copy_only=False),
            table.column("count").to_numpy().astype(np.float64),
            table.column("amount").to_numpy(),
            sides,
        )

    def by_day(self, group: Ints, groups: int, of: Floats | None = None) -> Floats:
        """Sums of counts, or `of` another column, by day and group: [day, group]."""
        shape = (len(self.days), groups)
        weights = self.count if of is None else of
        return sums(self.day * groups + group, weights, shape[0] * groups).reshape(shape)


def sums(place: Ints, of: Floats, places: int) -> Floats:
    """What falls on each place, added up."""
    return np.bincount(place, of, places).astype(np.float64)  # whole numbers where there are no rows


@dataclass(frozen=True, slots=True, eq=False)
class Cube:
    """Counts and amounts by label and decision: [day or draw, label, decision]."""

    counts: Floats
    amounts: Floats

    @classmethod
    def of(cls, outcomes: Outcomes, decision: Ints) -> Cube:
        """By day."""
        group = outcomes.label * 3 + decision
        shape = (len(outcomes.days), 3, 3)
        return cls(outcomes.by_day(group, 9).reshape(shape), outcomes.by_day(group, 9, outcomes.amount).reshape(shape))

    def drawn(self, draws: Draws) -> Cube:
        """By draw instead of day."""
        return Cube(draws.sums(self.counts), draws.sums(self.amounts))

    def days_with(self, label: int) -> int:
        """On how many days there is any row of this label."""
        return int((self.counts[:, label].sum(axis=1) > 0).sum())
