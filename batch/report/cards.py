"""Card precision@k: of the k customers a day whom a policy finds most at risk, how many are victims of fraud that day.

As in Le Borgne et al., Reproducible Machine Learning for Credit Card Fraud Detection (2022): customers already known to
be compromised are left out. Where several customers share the risk at the edge of the k, frauds among them count by
expectation, as if the order within were drawn. On a day with fewer than k customers all are looked at (the book
divides by k nevertheless; the two differ on such days only).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow.compute as pc  # type: ignore[import-untyped, unused-ignore]

from fraudray.batch.report.estimate import Draws, Estimate, Floats, ratio
from fraudray.batch.report.outcomes import Ints, sums
from fraudray.batch.report.tallies import Tallies
from fraudray.batch.report.times import day_text

NO_CARDS = "no customer was counted by day"


@dataclass(frozen=True, slots=True, eq=False)
class CardDays:
    """Card precision of each day, aligned to the days of a back-test; NaN on days without customers."""

    precision: Floats
    best: Floats
    """What a perfect ranking would reach: it is below 1 where a day has fewer victims than k."""
    customers: Ints
    frauds: Ints

    @classmethod
    def of(cls, tallies: Tallies, side: str, days: Ints, k: int) -> CardDays:
        """Of one policy's customers by day and risk."""
        table = tallies.card_days
        table = table.filter(pc.and_(pc.equal(table["side"], side), pc.equal(table["known"], 0)))
        table = table.filter(pc.is_in(table["day"], value_set=_days(days, table["day"].type)))
        merged = table.group_by(["day", "risk"]).aggregate([("customers", "sum"), ("fraud_customers", "sum")])
        merged = merged.sort_by([("day", "ascending"), ("risk", "descending")])
        day = np.searchsorted(days, merged["day"].to_numpy())
        customers = merged["customers_sum"].to_numpy().astype(np.float64)
        frauds = merged["fraud_customers_sum"].to_numpy().astype(np.float64)
        return cls._ranked(day, customers, frauds, len(days), k)

    @classmethod
    def _ranked(cls, day: Ints, customers: Floats, frauds: Floats, days: int, k: int) -> CardDays:
        """Groups of customers of equal risk, by day and falling risk."""
        total = sums(day, customers, days)
        before = customers.cumsum() - customers - (total.cumsum() - total)[day]
        looked_at = np.clip(k - before, 0.0, customers)
        found = frauds * np.divide(looked_at, customers, out=np.zeros_like(customers), where=customers > 0)
        places = np.minimum(total, k)
        victims = sums(day, frauds, days)
        return cls(
            ratio(sums(day, found, days), places),
            ratio(np.minimum(victims, places), places),
            total.astype(np.int64),
            victims.astype(np.int64),
        )

    def mean(self, draws: Draws) -> dict[str, Estimate]:
        """Means over the days that have customers."""
        there = np.isfinite(self.precision)
        found = {}
        for name, values in (("card_precision", self.precision), ("card_precision_best", self.best)):
            found_in = draws.weights @ np.where(there, values, 0.0)
            means = ratio(found_in, draws.weights @ there.astype(np.float64))
            found[name] = draws.estimate(means, NO_CARDS, days=int(there.sum()), of="customers")
        return found

    def rows(self, days: Ints) -> list[dict[str, Any]]:
        """Day by day, those with customers."""
        return [
            {
                "day": day_text(int(days[place])),
                "precision": float(self.precision[place]),
                "best": float(self.best[place]),
                "customers": int(self.customers[place]),
                "fraud_customers": int(self.frauds[place]),
            }
            for place in np.flatnonzero(np.isfinite(self.precision))
        ]


def _days(days: Ints, kind: Any) -> Any:
    import pyarrow as pa  # type: ignore[import-untyped, unused-ignore]

    return pa.array(days, kind)
