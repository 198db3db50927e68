"""Whether both computed the same: without that a factor between them would say nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fraudray.batch.bench.book import DAYS

MEANS_RELATIVE = 1e-9
EXACT = ("weekend", "night", *(f"customer_count_{days}d" for days in DAYS))
MEANS = tuple(f"customer_mean_{days}d" for days in DAYS)
RATES = tuple(f"terminal_fraud_rate_{days}d" for days in DAYS)
Columns = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Agreement:
    """How far two sets of columns agree. Terminals' windows are told and not judged: ours are of whole UTC hours."""

    unequal_rows: dict[str, int]
    """Rows with another flag or count, or a mean that is off by more than 1e-9 of itself, by feature."""
    mean_relative_difference_max: float
    terminal_rates: dict[str, dict[str, float]]
    """`equal_share` (0 to 1) and `mean_absolute_difference` by feature."""

    @property
    def same_work(self) -> bool:
        """Whether everything that must be equal is."""
        return not any(self.unequal_rows.values())

    def document(self) -> dict[str, Any]:
        """As it is printed."""
        return {"same_work": self.same_work} | asdict(self)


def compare(ours: Columns, book: Columns) -> Agreement:
    """Compare columns of the same rows in the same order."""
    off = {name: _relative(ours[name], book[name]) for name in MEANS}
    unequal = {name: int(np.count_nonzero(ours[name] != book[name])) for name in EXACT}
    unequal |= {name: int(np.count_nonzero(~(values <= MEANS_RELATIVE))) for name, values in off.items()}
    return Agreement(
        unequal_rows=unequal,
        mean_relative_difference_max=max(float(values.max(initial=0.0)) for values in off.values()),
        terminal_rates={name: _rates(ours[name], book[name]) for name in RATES},
    )


def _relative(ours: npt.NDArray[Any], book: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Of each row: the difference as a share of the book's value."""
    difference = np.abs(ours - book)
    share: npt.NDArray[np.float64] = np.divide(difference, np.abs(book), out=difference.copy(), where=book != 0)
    return share


def _rates(ours: npt.NDArray[Any], book: npt.NDArray[Any]) -> dict[str, float]:
    difference = np.abs(ours - book)
    return {
        "equal_share": round(float(np.mean(difference < MEANS_RELATIVE)), 6),
        "mean_absolute_difference": round(float(difference.mean()), 8),
    }
