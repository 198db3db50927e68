"""Values with 95 % intervals, by drawing whole days again.

The transactions of a day hang together (one thief, one campaign, one weekday), so that drawing single transactions
again would make intervals too narrow. Days are drawn with replacement, as many as there are, `RESAMPLES` times; all
figures use the same draws, so that differences between two policies are of the same days. An interval spans the middle
95 % of what the draws give.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 500
DAYS_MIN = 5
DEFINED_MIN = 0.95
"""Where more draws than the rest of this share have no value, there is no interval."""
Floats = NDArray[np.float64]


class Measure(TypedDict):
    """A value with its interval, as in the document of figures; `reason` says why either is missing."""

    value: float | None
    low: float | None
    high: float | None
    reason: str | None


@dataclass(frozen=True, slots=True, eq=False)
class Estimate:
    """A value (the first of `values`) and what the draws give (the others); NaN where there is none."""

    values: Floats
    missing: str
    """Why there is no value, where there is none."""
    no_interval: str | None = None

    @property
    def value(self) -> float | None:
        """The value itself."""
        return float(self.values[0]) if np.isfinite(self.values[0]) else None

    def minus(self, other: Estimate) -> Estimate:
        """The difference, draw by draw."""
        missing = self.missing if self.value is None else other.missing
        return Estimate(self.values - other.values, missing, self.no_interval or other.no_interval)

    def measure(self) -> Measure:
        """As in the document of figures."""
        if self.value is None:
            return {"value": None, "low": None, "high": None, "reason": self.missing}
        drawn = self.values[1:]
        defined = drawn[np.isfinite(drawn)]
        reason = self.no_interval
        if reason is None and len(defined) < DEFINED_MIN * len(drawn):
            reason = f"no interval: {len(drawn) - len(defined)} of {len(drawn)} draws of days have no value"
        if reason is None and np.ptp(defined) == 0:
            reason = "no interval: every draw of days gives the same value"
        if reason is not None:
            return {"value": self.value, "low": None, "high": None, "reason": reason}
        low, high = np.quantile(defined, (0.025, 0.975))
        return {"value": self.value, "low": float(low), "high": float(high), "reason": None}


@dataclass(frozen=True, slots=True, eq=False)
class Draws:
    """How often each day counts: [draw, day]. In the first row every day counts once."""

    weights: Floats
    reason: str | None
    """Why there are no draws, where there are none."""

    @classmethod
    def of(cls, days: int, labelled_days: int, seed: int) -> Draws:
        """Draws of so many days. Too few labelled ones, and there is the first row only."""
        whole = np.ones((1, days))
        if labelled_days < DAYS_MIN:
            return cls(whole, f"no interval: {labelled_days} days with labels; {DAYS_MIN} at least")
        drawn = np.random.default_rng(seed).multinomial(days, np.full(days, 1 / days), size=RESAMPLES)
        return cls(np.concatenate([whole, drawn.astype(np.float64)]), None)

    def sums(self, per_day: Floats) -> Floats:
        """Sums over days for each draw: [day, ...] to [draw, ...]."""
        flat = self.weights @ per_day.reshape(len(per_day), prod(per_day.shape[1:]))
        summed: Floats = flat.reshape(len(self.weights), *per_day.shape[1:])
        return summed

    def estimate(self, values: Floats, missing: str, *, days: int, of: str) -> Estimate:
        """`days`: on how many there is any of what the value is `of`; an interval over fewer than five says nothing."""
        no_interval = self.reason
        if no_interval is None and days < DAYS_MIN:
            no_interval = f"no interval: {of} on {days} days only; {DAYS_MIN} at least"
        return Estimate(values, missing, no_interval)


def ratio(part: Floats, whole: Floats) -> Floats:
    """part / whole, NaN where there is nothing to divide by."""
    shares: Floats = np.divide(part, whole, out=np.full(np.shape(part), np.nan), where=whole > 0)
    return shares
