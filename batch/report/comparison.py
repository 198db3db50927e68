"""Two policies on the same rows: which decisions change, and by how much each measure does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from fraudray.batch.report.estimate import Estimate
from fraudray.batch.report.outcomes import DECISIONS, LABELS, Outcomes, Side, sums


def deltas(of: Mapping[str, Estimate], against: Mapping[str, Estimate]) -> dict[str, Any]:
    """Each measure of the one less that of the other, on the same draws of days."""
    return {name: one.minus(against[name]).measure() for name, one in of.items() if name in against}


def change_matrix(outcomes: Outcomes, champion: Side, challenger: Side, view: str) -> dict[str, Any]:
    """Rows by label, the champion's decision and the challenger's."""
    group = (outcomes.label * 3 + champion.views[view]) * 3 + challenger.views[view]
    counts = sums(group, outcomes.count, 27).reshape(3, 3, 3)
    amounts = sums(group, outcomes.amount, 27).reshape(3, 3, 3)
    changed = ~np.eye(3, dtype=bool)
    return {
        "counts": _named(counts, int),
        "amounts": _named(amounts, float),
        "changed": {label: int(counts[i][changed].sum()) for i, label in enumerate(LABELS)},
    }


def _named(cells: Any, kind: type) -> dict[str, Any]:
    return {
        label: {was: {now: kind(cells[i, j, k]) for k, now in enumerate(DECISIONS)} for j, was in enumerate(DECISIONS)}
        for i, label in enumerate(LABELS)
    }
