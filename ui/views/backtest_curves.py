"""The curves of back-tests: ROC, precision against detection, and what each threshold gives; of one policy or more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fraudray.domain import figure_words as words
from fraudray.ui.views.charts import Chart, Key, Line, Mark, Scale, Table, spread

Document = Mapping[str, Any]
Pairs = list[tuple[float, float | None]]
ROC_ZOOM = 0.1
TABLE_ROWS_MAX = 40
SHAPES = ("disc", "triangle", "square")
"""How the marks of each side are told apart without colour."""


@dataclass(frozen=True, slots=True)
class Side:
    """One policy's figures: what it is called, how it is drawn (`a` or `b`), and where its figures are."""

    name: str
    look: str
    figures: Document
    side: str

    def measures(self, view: str = "decided") -> Document:
        """Its measures, as decided or without the effect of freezes (`evidence`)."""
        found: Document = self.figures["sides"][self.side][view]["measures"]
        return found

    @property
    def curve(self) -> Sequence[Document]:
        """Its points by risk, the highest threshold first."""
        found: Sequence[Document] = self.figures.get("sweep", {}).get(self.side, {}).get("by_risk", [])
        return found


def roc(sides: Sequence[Side], *, zoomed: bool) -> Chart:
    """Detection against false positives; `zoomed` to where banks work."""
    limit = ROC_ZOOM if zoomed else 1.0
    scale = Scale(0, limit, 0, 1)
    lines = [
        scale.line(side.name, side.look, _until([(0.0, 0.0), *_pairs(side.curve, "fpr", "recall")], limit))
        for side in sides
    ]
    if not zoomed:
        lines.append(scale.line("Chance", "chance", [(0, 0), (1, 1)]))
    parts = [
        f"{side.name}: area {words.unit_value(side.figures['ranking'][side.side]['measures']['auc_roc'])}"
        for side in sides
    ]
    return Chart(
        title="ROC up to 10 % false positives" if zoomed else "ROC: detection against false positives",
        text="; ".join(parts) + ". The marks are the policies’ own thresholds.",
        x_label="False positives, % of genuine payments",
        y_label="Detected, % of frauds",
        x_ticks=scale.x_ticks(share_tick),
        y_ticks=scale.y_ticks(share_tick),
        table=_curve_table(sides, "fpr", "recall"),
        lines=tuple(lines),
        marks=_own_marks(sides, scale, "fpr", "recall", limit),
        keys=line_keys(lines),
    )


def precision_recall(sides: Sequence[Side]) -> Chart:
    """Precision against detection."""
    scale = Scale(0, 1, 0, 1)
    lines = [scale.line(side.name, side.look, _pairs(side.curve, "recall", "precision")) for side in sides]
    parts = [
        f"{side.name}: average precision "
        f"{words.unit_value(side.figures['ranking'][side.side]['measures']['average_precision'])}"
        for side in sides
    ]
    return Chart(
        title="Precision against detection",
        text="; ".join(parts) + ".",
        x_label="Detected, % of frauds",
        y_label="Precision, % of flagged",
        x_ticks=scale.x_ticks(share_tick),
        y_ticks=scale.y_ticks(share_tick),
        table=_curve_table(sides, "recall", "precision"),
        lines=tuple(lines),
        marks=_own_marks(sides, scale, "recall", "precision", 1.0),
        keys=line_keys(lines),
    )


def sweep(side: Side) -> Chart:
    """What flagging from each score up would give; the reader's thresholds move in it."""
    points = side.figures["sweep"][side.side]["by_score"]
    scale = Scale(0, 100, 0, 1)
    named = (
        ("recall", "Detected, of frauds", "a"),
        ("precision", "Precision", "precision"),
        ("fpr", "False positives, of genuine", "b"),
        ("alert_rate", "Alert rate, of all", "plain"),
    )
    lines = [scale.line(says, look, _pairs(points, "threshold", name)) for name, says, look in named]
    return Chart(
        title="What flagging from each score up gives",
        text="The two upright lines are the thresholds that you choose.",
        x_label="Flag from this score up",
        y_label="Share",
        x_ticks=scale.x_ticks(lambda value: f"{value:g}"),
        y_ticks=scale.y_ticks(share_tick),
        lines=tuple(lines),
        keys=line_keys(lines),
        movable=True,
        table=Table(
            ("From score", *(says for _, says, _ in named), "Alerts a day"),
            tuple(
                (
                    f"{point['threshold']:g}",
                    *(words.percent(point[name]) for name, _, _ in named),
                    words.money(point["alerts_per_day"]),
                )
                for point in points
                if point["threshold"] % 5 == 0
            ),
        ),
    )


def line_keys(lines: Sequence[Line]) -> tuple[Key, ...]:
    """The legend of lines."""
    return tuple(Key(line.name, line.look, "line") for line in lines)


def share_tick(value: float) -> str:
    """A share as it is written at an axis."""
    return f"{100 * value:g} %"


def _pairs(points: Sequence[Document], x: str, y: str) -> Pairs:
    return [(point[x], point[y]) for point in points if point[x] is not None and point[y] is not None]


def _until(points: Pairs, limit: float) -> Pairs:
    """The points up to a limit of x, and the place where the line crosses it."""
    inside = [point for point in points if point[0] <= limit]
    beyond = points[len(inside) : len(inside) + 1]  # false positives only grow along the curve
    for (before, was), (x, y) in zip(inside[-1:], beyond, strict=False):
        if was is not None and y is not None:
            inside.append((limit, was + (y - was) * (limit - before) / (x - before)))
    return inside


def _own_marks(sides: Sequence[Side], scale: Scale, x: str, y: str, limit: float) -> tuple[Mark, ...]:
    """Each policy's own decisions by the evidence: REVIEW or BLOCK, and BLOCK alone."""
    found = []
    for index, side in enumerate(sides):
        measures = side.measures("evidence")
        for suffix, says in (("", "review or block"), ("_block", "block")):
            across, up = measures[f"{x}{suffix}"]["value"], measures[f"{y}{suffix}"]["value"]
            if across is not None and up is not None and across <= limit:
                text = f"{side.name}, {says}: {words.percent(up)} at {words.percent(across)}"
                found.append(Mark(scale.x(across), scale.y(up), side.look, SHAPES[index], text))
    return tuple(found)


def _curve_table(sides: Sequence[Side], x: str, y: str) -> Table:
    """Some points of the curves."""
    rows = []
    for side in sides:
        pairs = _pairs(side.curve, x, y)
        shown = [pairs[place] for place in spread(pairs, TABLE_ROWS_MAX // len(sides))]
        rows += [(side.name, words.percent(across), words.percent(up)) for across, up in shown]
    names = {"fpr": "False positives", "recall": "Detected", "precision": "Precision"}
    return Table(("Policy", names[x], names[y]), tuple(rows))
