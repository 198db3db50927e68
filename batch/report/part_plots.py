"""Horizontal bars: by scenario, segment and rule; and which rules speak together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fraudray.batch.report.blocks import Plot
from fraudray.batch.report.drawing import BLUE, INK, LOOKS, RED, label, legend, percents, plot, rows
from fraudray.batch.report.outcomes import DECIDED
from fraudray.domain import figure_words as words

SCENARIOS_MAX = 15
BARS_MAX = 24
RULES_MAX = 20
HEAT_MAX = 12
Rows = Sequence[Mapping[str, Any]]


def scenario_name(row: Mapping[str, Any]) -> str:
    """What a kind of fraud is called."""
    if row["others"]:
        return "all others"
    return "not named" if row["scenario"] is None else str(row["scenario"])


def scenarios(found: Rows, sides: Sequence[str]) -> Plot:
    """Detection by kind of fraud, with intervals."""
    kept = found[:SCENARIOS_MAX]

    def draw(axes: Any) -> None:
        thick = 0.8 / len(sides)
        for index, side in enumerate(sides):
            look = LOOKS[side]
            measures = [row[side][DECIDED]["recall"] for row in kept]
            places = [place - 0.4 + thick * (index + 0.5) for place in range(len(kept))]
            values = [measure["value"] or 0 for measure in measures]
            axes.barh(places, values, height=thick * 0.9, color=look.colour, label=look.name)
            for place, measure in zip(places, measures, strict=True):
                if measure["low"] is not None:
                    axes.plot([measure["low"], measure["high"]], [place, place], color=INK, linewidth=0.9)
        rows(axes, [f"{label(scenario_name(row), 26)} ({words.number(row['count'])})" for row in kept])
        axes.set(xlim=(0, 1), xlabel="Detected, % of these frauds")
        percents(axes, "x")
        legend(axes)

    text = "; ".join(
        f"{scenario_name(row)}: {words.percent(row['champion'][DECIDED]['recall']['value'])}" for row in kept
    )
    height = 0.9 + len(kept) * (0.12 + 0.11 * len(sides))
    return plot("scenarios", "Detection by kind of fraud", f"Champion: {text}.", draw, height=max(1.6, height))


def two_shares(
    key: str, title: str, text: str, names: Sequence[str | None], fraud: Sequence[float | None],
    genuine: Sequence[float | None], *, labels: tuple[str, str], whole: bool = False,
) -> Plot:  # fmt: skip
    """Two panels of bars, frauds left and genuine right. `whole`: the left axis reaches to 100 %."""

    def draw(axes: Any) -> None:
        left, right = axes
        for panel, values, colour, says in ((left, fraud, BLUE, labels[0]), (right, genuine, RED, labels[1])):
            panel.barh(range(len(names)), [value or 0 for value in values], color=colour, height=0.75)
            for place, value in enumerate(values):
                if value is None:
                    panel.text(0, place, " no such rows", va="center", fontsize=6.5)
            panel.set_xlabel(says)
            rows(panel, names, named=panel is left)
            percents(panel, "x")
            if not any(values):
                panel.set_xlim(0, 1)
        if whole:
            left.set_xlim(0, 1)

    return plot(key, title, text, draw, height=0.8 + 0.19 * max(3, len(names)), panels=2)


def segment(found: Mapping[str, Any], index: int) -> Plot:
    """Detection and false positives by the values of one segment."""
    kept = found["values"][:BARS_MAX]
    rates = [(row["recall"], row["value"]) for row in kept if row["recall"] is not None]
    worst = min(rates, key=lambda one: one[0], default=None)
    text = "No frauds in any of them." if worst is None else (
        f"Least detected: {label(worst[1])} with {words.percent(worst[0])} of its frauds."
    )  # fmt: skip
    return two_shares(
        f"segment-{index}", f"By {label(found['segment'])}", text, [row["value"] for row in kept],
        [row["recall"] for row in kept], [row["fpr"] for row in kept],
        labels=("Detected, % of frauds", "False positives, % of genuine"), whole=True,
    )  # fmt: skip


def rule_bars(found: Rows) -> Plot:
    """What rests on each rule."""
    kept = found[:RULES_MAX]
    text = "Most rests on " + ", ".join(
        f"{label(row['code'])} ({words.percent(row['lowered_fraud_share'])} of frauds)" for row in kept[:3]
    )
    return two_shares(
        "rules", "What would get a lower decision without the rule", text + ".", [row["code"] for row in kept],
        [row["lowered_fraud_share"] for row in kept], [row["lowered_genuine_share"] for row in kept],
        labels=("% of all frauds", "% of all genuine transactions"),
    )  # fmt: skip


def overlap(pairs: Rows, found: Rows) -> Plot:
    """Which rules speak for the same frauds."""
    codes = list(dict.fromkeys(row["code"] for row in sorted(found, key=lambda row: -row["fired"]["fraud"])))[:HEAT_MAX]
    place = {code: index for index, code in enumerate(codes)}
    cells = {
        (max(place[a], place[b]), min(place[a], place[b])): pair["shared"]
        for pair in pairs
        if (a := pair["code_a"]) in place and (b := pair["code_b"]) in place and pair["shared"] is not None
    }

    def draw(axes: Any) -> None:
        for (row, column), value in cells.items():
            axes.bar(column, 0.96, bottom=row - 0.48, width=0.96, color=BLUE, alpha=min(1.0, 0.06 + 0.7 * value))
            axes.text(column, row, f"{100 * value:.0f}", ha="center", va="center", fontsize=7)
        rows(axes, codes)
        axes.grid(visible=False)
        axes.set_xlim(-0.6, len(codes) - 0.4)
        axes.set_xticks(
            range(len(codes)), [label(code, 22) for code in codes], rotation=40, ha="right", parse_math=False
        )
        axes.set_xlabel("% of the frauds of either rule that both speak for")

    most = max(cells.items(), key=lambda one: one[1], default=None)
    text = "No two rules speak together." if most is None else (
        f"{label(codes[most[0][0]])} and {label(codes[most[0][1]])} overlap most: {words.percent(most[1])}."
    )  # fmt: skip
    return plot("overlap", "Rules that speak for the same frauds", text, draw, height=1.5 + 0.24 * max(3, len(codes)))
