"""What others than the report show of a back-test: its figures in one bounded document, the same values.

Its keys are those of `fraudray.batch.report.document`, but for what only the report has (`LEFT_OUT`, and more points of
curves than a screen shows), and besides them what the back-test ran on (`Run`, without the places of files).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

CURVE_POINTS_MAX = 400
RULES_MAX = 100
SCENARIOS_MAX = 40
LEFT_OUT = ("seed", "segments", "overlaps", "changes", "investigation")
"""Single transactions, and tables that are long."""
_CURVE = ("threshold", "recall", "fpr", "precision")


def served(run_id: str, run: Mapping[str, Any], figures: Mapping[str, Any]) -> dict[str, Any]:
    """The document of a back-test: `run_id`, `run`, and the figures."""
    found = {name: value for name, value in figures.items() if name not in LEFT_OUT}
    history = {name: value for name, value in run.get("history", {}).items() if name != "sources"}
    return {
        "run_id": run_id,
        "run": {name: value for name, value in run.items() if name != "settings"} | {"history": history},
        **found,
        "sweep": {side: _sweep(sweep) for side, sweep in figures["sweep"].items()},
        "cards": {side: {"measures": cards["measures"]} for side, cards in figures["cards"].items()},
        "scenarios": figures["scenarios"][:SCENARIOS_MAX],
        "rules": figures["rules"][:RULES_MAX],
    }


def _sweep(sweep: Mapping[str, Any]) -> dict[str, Any]:
    curve = [{name: point[name] for name in _CURVE} for point in sweep["by_risk"]]
    return {"by_score": sweep["by_score"], "by_risk": thinned(curve, CURVE_POINTS_MAX)}


def thinned(points: Sequence[Any], most: int) -> list[Any]:
    """So many of them at most, evenly, the first and the last among them."""
    if len(points) <= most:
        return list(points)
    last = len(points) - 1
    return [points[round(place * last / (most - 1))] for place in range(most)]
