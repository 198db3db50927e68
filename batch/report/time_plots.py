"""Plots over time: detection, false alarms, workload, and card precision by day."""

from __future__ import annotations

from collections.abc import Mapping
from math import nan
from typing import Any

from fraudray.batch.report.blocks import Plot
from fraudray.batch.report.drawing import GREEN, LOOKS, ORANGE, RED, Look, legend, percents, plot, thousands, ticks
from fraudray.domain import figure_words as words

Figures = Mapping[str, Any]
MARKED_MAX = 45
"""Beyond so many points a line has no marks."""


def rate(figures: Figures, name: str, title: str, y: str) -> Plot:
    """A rate by period, one line for each side; gaps where it has no value."""
    unit, rows = figures["over_time"]["unit"], figures["over_time"]["rows"]
    sides = list(figures["sides"])

    def draw(axes: Any) -> None:
        for side in sides:
            look = LOOKS[side]
            values = [nan if row[side][name] is None else row[side][name] for row in rows]
            axes.plot(
                range(len(rows)), values, color=look.colour, linestyle=look.line, marker=_mark(look, len(rows)),
                markersize=3, label=look.name,
            )  # fmt: skip
        axes.set_ylim(bottom=0)
        axes.set(xlabel=f"{unit.capitalize()} from (UTC)", ylabel=y)
        ticks(axes, [row["from"] for row in rows])
        percents(axes, "y")
        axes.grid(axis="y")
        legend(axes)

    parts = []
    for side in sides:
        values = [row[side][name] for row in rows if row[side][name] is not None]
        if values:
            parts.append(f"{LOOKS[side].name}: {words.percent(min(values))} to {words.percent(max(values))}")
    return plot(f"time-{name}", f"{title} by {unit}", "; ".join(parts) or "No values", draw, height=2.3)


def _mark(look: Look, points: int) -> str:
    return look.mark if points <= MARKED_MAX else ""


def alerts(figures: Figures) -> Plot:
    """The champion's alerts by period."""
    unit, rows = figures["over_time"]["unit"], figures["over_time"]["rows"]

    def draw(axes: Any) -> None:
        reviews = [row["champion"]["reviews"] for row in rows]
        blocks = [row["champion"]["blocks"] for row in rows]
        axes.bar(range(len(rows)), reviews, color=ORANGE, label="REVIEW", width=0.85)
        axes.bar(range(len(rows)), blocks, bottom=reviews, color=RED, label="BLOCK", width=0.85)
        axes.plot(
            range(len(rows)), [row["fraud"] for row in rows], "D", color=GREEN, markersize=3.5, label="labelled frauds"
        )
        axes.set(xlabel=f"{unit.capitalize()} from (UTC)", ylabel=f"Transactions a {unit}")
        ticks(axes, [row["from"] for row in rows])
        thousands(axes, "y")
        axes.grid(axis="y")
        legend(axes)

    reviews = sum(row["champion"]["reviews"] for row in rows)
    blocks = sum(row["champion"]["blocks"] for row in rows)
    text = f"{words.number(reviews)} reviews and {words.number(blocks)} blocks in {len(rows)} {unit}s."
    return plot("time-alerts", f"Champion: alerts by {unit}", text, draw, height=2.3)


def card_precision(figures: Figures) -> Plot:
    """Card precision by day, and the most that was possible."""
    k = figures["k"]

    def draw(axes: Any) -> None:
        best: dict[str, float] = {}
        for found in figures["cards"].values():
            best |= {row["day"]: row["best"] for row in found["days"]}
        days = sorted(best)
        place = {day: index for index, day in enumerate(days)}
        axes.step(range(len(days)), [best[day] for day in days], where="mid", color=GREEN, label="perfect ranking")
        for side, found in figures["cards"].items():
            look = LOOKS[side]
            axes.plot(
                [place[row["day"]] for row in found["days"]], [row["precision"] for row in found["days"]],
                color=look.colour, linestyle=look.line, marker=_mark(look, len(days)), markersize=3, label=look.name,
            )  # fmt: skip
        axes.set_ylim(bottom=0)
        axes.set(xlabel="Day (UTC)", ylabel=f"Victims among the first {k}, %")
        ticks(axes, days)
        percents(axes, "y")
        axes.grid(axis="y")
        legend(axes)

    text = " ".join(
        f"{LOOKS[side].name}: {words.share(found['measures']['card_precision'])} on average."
        for side, found in figures["cards"].items()
    )
    return plot("cards", f"Card precision@{k} by day", text, draw)
