"""Drawings as SVG inside the page: text stays text in the reader's fonts, and colours follow the page's light or dark.

matplotlib draws in fixed colours; these are replaced by the page's variables (report.html), and every id gets the
drawing's own prefix, so that many drawings fit in one page.
"""

from __future__ import annotations

import io
import re
import threading
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from fraudray.batch.report.blocks import Plot
from fraudray.domain.errors import SettingsError
from fraudray.reports.page import shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, GRID = "#101112", "#c0c1c2"
BLUE, ORANGE, GREEN, RED, GREY = "#0072b2", "#e69f00", "#009e73", "#d55e00", "#7f8081"
"""The palette of Okabe and Ito, which people with any kind of colour vision tell apart."""
_VARIABLES = {
    INK: "var(--ink)", GRID: "var(--grid)", BLUE: "var(--blue)", ORANGE: "var(--orange)", GREEN: "var(--green)",
    RED: "var(--red)", GREY: "var(--grey)",
}  # fmt: skip
_SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none", "svg.hashsalt": "fraudray", "text.parse_math": False, "text.color": INK,
    "axes.labelcolor": INK, "axes.edgecolor": INK, "xtick.color": INK, "ytick.color": INK,
    "font.family": ["DejaVu Sans"], "font.size": 8.0, "axes.labelsize": 8.0, "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5, "legend.fontsize": 7.5, "lines.linewidth": 1.4, "grid.color": GRID, "grid.linewidth": 0.4,
    "figure.facecolor": "none", "axes.facecolor": "none", "savefig.facecolor": "none",
}  # fmt: skip
LABEL_MAX = 34
TICKS_MAX = 12
_NOT_XML = re.compile("[\ud800-\udfff\ufffe\uffff]")
_one_at_a_time = threading.Lock()  # matplotlib keeps its settings and fonts for the whole process


@dataclass(frozen=True, slots=True)
class Look:
    """How a side's line and bars look, and what it is called."""

    name: str
    colour: str
    line: str
    mark: str


LOOKS = {
    "champion": Look("Champion", BLUE, "-", "o"),
    "challenger": Look("Challenger", ORANGE, "--", "s"),
    "plain": Look("Plain rules", GREY, ":", "^"),
}


def label(text: str | None, limit: int = LABEL_MAX) -> str:
    """A text of the data for a drawing: short, and no character that acts."""
    whole = _legible("(none)" if text is None else str(text)).replace("\n", " ").strip() or "(empty)"
    return whole if len(whole) <= limit else whole[: limit - 1] + "…"


def plot(
    key: str, title: str, text: str, draw: Callable[[Any], None], *, width: float = 7.2, height: float = 2.6,
    panels: int = 1,
) -> Plot:  # fmt: skip
    """A drawing. `draw` gets the axes, or a list of them where there are `panels` beside one another; width and height
    in inches at 8 pt text. `key` is unique on the page. Raises SettingsError without the extra `reports`."""
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"the report's plots need {error.name}, which is not installed: pip install 'fraudray[reports]'"
        ) from None
    with _one_at_a_time, matplotlib.rc_context(_SETTINGS), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")  # the reader's fonts draw it
        figure = Figure(figsize=(width, height), layout="constrained")
        axes = figure.subplots(1, panels, squeeze=False)[0]
        for one in axes:
            one.spines[["top", "right"]].set_visible(False)
            one.set_axisbelow(True)
        draw(axes[0] if panels == 1 else list(axes))
        written = io.StringIO()
        figure.savefig(written, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    markup = Markup(_inline(written.getvalue(), key, title, text))  # noqa: S704 - escaped there
    return Plot(title, text, markup, wide=width > 4)


def _inline(svg: str, key: str, title: str, text: str) -> str:
    svg = _legible(svg[svg.index("<svg") :])
    svg = re.sub(r"\s*<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<!--.*?-->\s*", "", svg, flags=re.DOTALL)
    svg = svg.replace("xlink:href", "href").replace(' xmlns:xlink="http://www.w3.org/1999/xlink"', "")
    svg = re.sub(r'\bid="', f'id="{key}-', svg)
    svg = svg.replace('href="#', f'href="#{key}-').replace("url(#", f"url(#{key}-")
    svg = re.sub(r"font: ([^;\"]*?px) [^;\"]*", r"font: \1 system-ui, sans-serif", svg)
    for colour, variable in _VARIABLES.items():
        svg = svg.replace(colour, variable)
    box = re.search(r'viewBox="[^"]*"', svg)
    assert box is not None  # noqa: S101 - matplotlib always writes one
    head = (
        f'<svg {box.group()} xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="{key}-title {key}-text">'
        f'<title id="{key}-title">{escape(_legible(title))}</title>'
        f'<desc id="{key}-text">{escape(_legible(text))}</desc>'
    )
    return head + svg[svg.index(">") + 1 :].rstrip()


def _legible(text: str) -> str:
    return _NOT_XML.sub("\ufffd", shown(text))


def percents(axes: Axes, which: str) -> None:
    """Ticks of an axis as percent."""
    from matplotlib.ticker import FuncFormatter

    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g}".replace("-", "−")))


def thousands(axes: Axes, which: str) -> None:
    """Ticks of an axis as counts or amounts: 20k, 1.5M."""
    from matplotlib.ticker import EngFormatter

    (axes.xaxis if which == "x" else axes.yaxis).set_major_formatter(EngFormatter(sep=""))


def legend(axes: Axes, columns: int = 3) -> None:
    """The legend, above the drawing."""
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="lower left", bbox_to_anchor=(-0.02, 1.0), ncols=columns, frameon=False, borderaxespad=0.2)


def ticks(axes: Axes, labels: Sequence[str]) -> None:
    """Labels under the places 0, 1, …; only some of many."""
    step = -(-len(labels) // TICKS_MAX) or 1
    places = range(0, len(labels), step)
    axes.set_xticks(places, [labels[place] for place in places], parse_math=False)
    if len(labels) > 6:
        axes.tick_params("x", rotation=35, rotation_mode="xtick")


def rows(axes: Axes, labels: Sequence[str | None], *, named: bool = True) -> None:
    """Labels beside horizontal bars, the first on top."""
    axes.set_yticks(
        range(len(labels)), [label(one) for one in labels] if named else [""] * len(labels), parse_math=False
    )
    axes.set_ylim(len(labels) - 0.4, -0.6)
    axes.grid(axis="x")
