"""Detection and false alarms from period to period, as decided."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from fraudray.batch.report.outcomes import FRAUD, GENUINE, UNLABELLED, Cube, Ints
from fraudray.batch.report.times import day_text, starts, unit_of


def over_time(days: Ints, cubes: Mapping[str, Cube]) -> dict[str, Any]:
    """`unit` and, for each period with transactions, its confusion by side."""
    unit = unit_of(days)
    first, place = np.unique(starts(days, unit), return_inverse=True)
    counts = {side: _grouped(cube, place, len(first)) for side, cube in cubes.items()}
    rows = []
    for index, day in enumerate(first):
        one = next(iter(counts.values()))[index].sum(axis=1)
        row: dict[str, Any] = {
            "from": day_text(int(day)),
            "days": int((place == index).sum()),
            "fraud": int(one[FRAUD]),
            "genuine": int(one[GENUINE]),
            "unlabelled": int(one[UNLABELLED]),
        }
        rows.append(row | {side: _confusion(by_period[index]) for side, by_period in counts.items()})
    return {"unit": unit, "rows": rows}


def _grouped(cube: Cube, place: Ints, periods: int) -> Any:
    summed = np.zeros((periods, 3, 3))
    np.add.at(summed, place, cube.counts)
    return summed


def _confusion(counts: Any) -> dict[str, Any]:
    fraud, genuine = counts[FRAUD], counts[GENUINE]
    caught, alarms = fraud[1] + fraud[2], genuine[1] + genuine[2]
    return {
        "true_positives": int(caught),
        "false_negatives": int(fraud[0]),
        "false_positives": int(alarms),
        "true_negatives": int(genuine[0]),
        "reviews": int(counts[:, 1].sum()),
        "blocks": int(counts[:, 2].sum()),
        "recall": share(caught, fraud.sum()),
        "fpr": share(alarms, genuine.sum()),
        "precision": share(caught, caught + alarms),
    }


def share(part: float, whole: float) -> float | None:
    """part / whole; None where there is nothing to divide by."""
    return float(part / whole) if whole > 0 else None
