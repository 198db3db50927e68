"""Plots of a period as SVG (matplotlib), with labelled axes in the colour-blind-safe palette of Okabe and Ito."""

from __future__ import annotations

import io
import re
import threading
from collections.abc import Mapping, Sequence
from math import nan
from typing import TYPE_CHECKING, Any

from fraudray.reports.fonts import needs

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = {"APPROVE": "#009E73", "REVIEW": "#E69F00", "BLOCK": "#D55E00"}
_BLUE = "#0072B2"
_TICKS_MAX = 16
_one_at_a_time = threading.Lock()  # matplotlib keeps its fonts and parsers for the whole process
Outcomes = Mapping[str, float]
Shares = Mapping[str, float | None]


def have_plots() -> bool:
    """Whether matplotlib is installed (the `reports` extra)."""
    from importlib.util import find_spec

    return find_spec("matplotlib") is not None


def stacked(labels: Sequence[str], rows: Sequence[Outcomes], *, y: str, x: str) -> str:
    """One bar for each label, stacked by outcome."""

    def draw(axes: Axes) -> None:
        base = [0.0] * len(rows)
        for outcome, colour in COLOURS.items():
            heights = [row[outcome] for row in rows]
            axes.bar(range(len(rows)), heights, bottom=base, color=colour, label=outcome, width=0.85)
            base = [below + height for below, height in zip(base, heights, strict=True)]
        _label_x(axes, labels)
        _outcome_legend(axes)

    return _svg(draw, x=x, y=y, whole=True)


def lines(labels: Sequence[str], rows: Sequence[Shares], *, outcomes: Sequence[str], y: str, x: str) -> str:
    """One line for each outcome, broken where there is no value."""

    def draw(axes: Axes) -> None:
        for outcome, mark in zip(outcomes, ("o", "s", "^"), strict=False):
            values = [nan if (value := row[outcome]) is None else value for row in rows]
            axes.plot(range(len(rows)), values, color=COLOURS[outcome], label=outcome, marker=mark, markersize=3)
        axes.set_ylim(bottom=0)
        _label_x(axes, labels)
        _outcome_legend(axes)

    return _svg(draw, x=x, y=y)


def columns(labels: Sequence[str], values: Sequence[float], *, y: str, x: str) -> str:
    """One bar for each label."""

    def draw(axes: Axes) -> None:
        axes.bar(range(len(values)), values, color=_BLUE, width=0.85)
        _label_x(axes, labels)

    return _svg(draw, x=x, y=y, whole=all(isinstance(value, int) for value in values))


def ranking(labels: Sequence[str], rows: Sequence[Outcomes], *, x: str) -> str:
    """Horizontal bars, the first on top, stacked by outcome."""

    def draw(axes: Axes) -> None:
        base = [0.0] * len(rows)
        for outcome, colour in COLOURS.items():
            widths = [row[outcome] for row in rows]
            axes.barh(range(len(rows)), widths, left=base, color=colour, label=outcome)
            base = [before + width for before, width in zip(base, widths, strict=True)]
        shown = [label if len(label) <= 36 else label[:35] + "…" for label in labels]
        axes.set_yticks(range(len(rows)), shown, parse_math=False)
        axes.invert_yaxis()
        _outcome_legend(axes)

    return _svg(draw, x=x, height=0.9 + 0.22 * max(4, len(rows)), whole=True)


def _label_x(axes: Axes, labels: Sequence[str]) -> None:
    step = -(-len(labels) // _TICKS_MAX) or 1
    ticks = range(0, len(labels), step)
    axes.set_xticks(ticks, [labels[tick] for tick in ticks], parse_math=False)
    if len(labels) > 10:
        axes.tick_params("x", rotation=35, rotation_mode="xtick")


def _outcome_legend(axes: Axes) -> None:
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=3, frameon=False, fontsize=8)


def _svg(draw: Any, *, x: str, y: str = "", height: float = 2.6, whole: bool = False) -> str:
    """The plot as an `<svg>` element to put into a page; ticks are `whole` numbers where things are counted.

    Raises SettingsError without the `reports` extra.
    """
    try:
        from matplotlib.figure import Figure
        from matplotlib.ticker import EngFormatter, MaxNLocator
    except ModuleNotFoundError as error:
        raise needs(error.name) from None
    with _one_at_a_time:
        figure = Figure(figsize=(7.2, height), layout="constrained")
        axes = figure.subplots()
        draw(axes)
        axes.set_xlabel(x, fontsize=8)
        value_axis = axes.yaxis if y else axes.xaxis
        if y:
            axes.set_ylabel(y, fontsize=8)
        value_axis.set_major_locator(MaxNLocator(nbins=6, min_n_ticks=1 if whole else 3, integer=whole))
        value_axis.set_major_formatter(EngFormatter(sep=""))
        axes.grid(axis="y" if y else "x", linewidth=0.4, alpha=0.6)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=7.5)
        written = io.StringIO()
        figure.savefig(written, format="svg", metadata={"Date": None, "Creator": None})
    svg = written.getvalue()
    return re.sub(r"\s*<metadata>.*?</metadata>", "", svg[svg.index("<svg") :], flags=re.DOTALL)
