"""Sides beside one another: money, with and without freezes, differences with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fraudray.batch.report.blocks import Plot
from fraudray.batch.report.drawing import (
    BLUE,
    GREEN,
    GREY,
    INK,
    LOOKS,
    ORANGE,
    RED,
    legend,
    percents,
    plot,
    rows,
    thousands,
)
from fraudray.batch.report.outcomes import DECIDED, EVIDENCE
from fraudray.domain import figure_words as words

Figures = Mapping[str, Any]


def money(figures: Figures, currency: str) -> Plot:
    """Fraud money by what became of it, and genuine money stopped by mistake."""
    sides = list(figures["sides"])
    amounts = [figures["sides"][side][DECIDED]["amounts"] for side in sides]
    parts = (
        ("fraud", "BLOCK", "fraud blocked", GREEN), ("fraud", "REVIEW", "fraud held for review", BLUE),
        ("fraud", "APPROVE", "fraud missed", GREY),
    )  # fmt: skip

    def draw(axes: Any) -> None:
        left, right = axes
        base = [0.0] * len(sides)
        for kind, decision, says, colour in parts:
            widths = [one[kind][decision] for one in amounts]
            left.barh(range(len(sides)), widths, left=base, color=colour, label=says, height=0.6)
            base = [before + width for before, width in zip(base, widths, strict=True)]
        base = [0.0] * len(sides)
        for decision, says, colour in (("BLOCK", "genuine blocked", RED), ("REVIEW", "genuine held", ORANGE)):
            widths = [one["genuine"][decision] for one in amounts]
            right.barh(range(len(sides)), widths, left=base, color=colour, label=says, height=0.6)
            base = [before + width for before, width in zip(base, widths, strict=True)]
        for panel in axes:
            rows(panel, [LOOKS[side].name for side in sides], named=panel is left)
            panel.set_xlabel(f"Amount, {currency}")
            thousands(panel, "x")
            legend(panel, 2)

    text = " ".join(
        f"{LOOKS[side].name}: {words.money(one['fraud']['APPROVE'])} {currency} of fraud missed, "
        f"{words.money(one['genuine']['BLOCK'])} {currency} of genuine payments blocked."
        for side, one in zip(sides, amounts, strict=True)
    )
    return plot("money", "Where the money went", text, draw, height=1.2 + 0.3 * len(sides), panels=2)


def freezes(figures: Figures) -> Plot:
    """Detection and false positives with and without the effect of freezes."""
    sides = [side for side, views in figures["sides"].items() if EVIDENCE in views]
    names = [f"{LOOKS[side].name}, {says}" for side in sides for says in ("with freezes", "without")]

    def measures(name: str) -> list[Mapping[str, Any]]:
        return [figures["sides"][side][view]["measures"][name] for side in sides for view in (DECIDED, EVIDENCE)]

    def draw(axes: Any) -> None:
        for panel, name, says in zip(
            axes, ("recall", "fpr"), ("Detected, % of frauds", "False positives, % of genuine"), strict=True
        ):
            dots(panel, measures(name), [BLUE, ORANGE] * len(sides))
            rows(panel, names, named=panel is axes[0])
            panel.set_xlabel(says)
            percents(panel, "x")

    text = "; ".join(
        f"{name}: {words.share(recall)} of frauds at {words.share(fpr)}"
        for name, recall, fpr in zip(names, measures("recall"), measures("fpr"), strict=True)
    )
    return plot("freezes", "With and without freezes", text + ".", draw, height=0.9 + 0.22 * len(names), panels=2)


def differences(found: Mapping[str, Any], names: Mapping[str, str]) -> Plot:
    """Differences of shares, challenger less champion."""
    kept = [(says, found[name]) for name, says in names.items() if name in found]

    def draw(axes: Any) -> None:
        axes.axvline(0, color=INK, linewidth=0.8)
        dots(axes, [measure for _, measure in kept], [BLUE] * len(kept))
        rows(axes, [says for says, _ in kept])
        axes.set_xlabel("Challenger less champion, percentage points")
        percents(axes, "x")

    text = "; ".join(f"{says}: {words.points(measure)} points" for says, measure in kept)
    return plot("differences", "Challenger less champion", text + ".", draw, height=0.8 + 0.24 * len(kept))


def dots(axes: Any, measures: Sequence[Mapping[str, Any]], colours: Sequence[str]) -> None:
    """One dot a row, with its interval as a line."""
    for place, (measure, colour) in enumerate(zip(measures, colours, strict=True)):
        if measure["value"] is None:
            axes.text(0, place, " no value", va="center", fontsize=6.5)
            continue
        if measure["low"] is not None:
            axes.plot(
                [measure["low"], measure["high"]], [place, place], color=colour, linewidth=2, solid_capstyle="butt"
            )
        axes.plot(measure["value"], place, "o", color=colour, markersize=5)
