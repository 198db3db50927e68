"""Curves over thresholds: ROC, precision-recall, what other thresholds would do, and where scores lie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fraudray.batch.report.blocks import Plot
from fraudray.batch.report.drawing import BLUE, GREEN, GREY, INK, LOOKS, ORANGE, RED, legend, percents, plot, thousands
from fraudray.batch.report.outcomes import DECIDED, EVIDENCE
from fraudray.domain import figure_words as words

Figures = Mapping[str, Any]
SCORE_BIN = 5
_MARKS = {"REVIEW": "D", "BLOCK": "*"}


def _columns(points: Sequence[Mapping[str, Any]], x: str, y: str) -> tuple[list[float], list[float]]:
    kept = [(one[x], one[y]) for one in points if one[x] is not None and one[y] is not None]
    return [x for x, _ in kept], [y for _, y in kept]


def roc(figures: Figures, *, zoomed: bool) -> Plot:
    """False positives against detection; `zoomed` to where a bank works."""
    limit = 0.1 if zoomed else 1.0

    def draw(axes: Any) -> None:
        for side, sweep in figures["sweep"].items():
            look = LOOKS[side]
            x, y = _columns(sweep["by_risk"], "fpr", "recall")
            axes.plot([0, *x], [0, *y], color=look.colour, linestyle=look.line, label=look.name)
            _operating(axes, figures, side, "fpr", "recall")
        plain = figures["sides"]["plain"][DECIDED]["measures"]
        if (
            plain["recall"]["value"] is not None
            and plain["fpr"]["value"] is not None
            and plain["fpr"]["value"] <= limit
        ):
            axes.plot(
                plain["fpr"]["value"], plain["recall"]["value"], "^", color=GREY, label="Plain rules", clip_on=False
            )
        promise = figures["claim"]["promise"]
        axes.plot(promise["fpr"], promise["recall"], "x", color=RED, label="Promise", clip_on=False)
        if not zoomed:
            axes.plot([0, 1], [0, 1], color=GREY, linewidth=0.7)
        axes.set(
            xlim=(0, limit), ylim=(0, 1.01), xlabel="False-positive rate, % of genuine", ylabel="Detected, % of frauds"
        )
        _square(axes)

    title = "ROC up to 10 % false positives" if zoomed else "ROC"
    return plot(f"roc{'-zoomed' * zoomed}", title, _roc_text(figures), draw, width=3.55, height=3.1)


def _operating(axes: Any, figures: Figures, side: str, x: str, y: str) -> None:
    """A side's own decisions by the evidence, REVIEW or BLOCK and BLOCK alone."""
    measures = figures["sides"][side][EVIDENCE]["measures"]
    for (name, mark), suffix in zip(_MARKS.items(), ("", "_block"), strict=True):
        across, up = measures[f"{x}{suffix}"]["value"], measures[f"{y}{suffix}"]["value"]
        if across is not None and up is not None:
            shown = f"from {name}" if side == "champion" else None
            axes.plot(across, up, mark, color=LOOKS[side].colour, label=shown, markersize=6, clip_on=False)


def _square(axes: Any) -> None:
    percents(axes, "x")
    percents(axes, "y")
    axes.grid()
    legend(axes, 2)


def _roc_text(figures: Figures) -> str:
    parts = []
    for side, found in figures["ranking"].items():
        measures = found["measures"]
        parts.append(
            f"{LOOKS[side].name}: AUC {words.unit_value(measures['auc_roc'])}; "
            f"{words.share(measures['recall_at_fpr_100'])} of frauds at 1 % false positives, "
            f"{words.share(measures['recall_at_fpr_500'])} at 5 %."
        )
    return " ".join(parts)


def precision_recall(figures: Figures) -> Plot:
    """Detection against precision."""

    def draw(axes: Any) -> None:
        for side, sweep in figures["sweep"].items():
            look = LOOKS[side]
            x, y = _columns(sweep["by_risk"], "recall", "precision")
            axes.plot(x, y, color=look.colour, linestyle=look.line, label=look.name, drawstyle="steps-pre")
            _operating(axes, figures, side, "recall", "precision")
        plain = figures["sides"]["plain"][DECIDED]["measures"]
        if plain["recall"]["value"] is not None and plain["precision"]["value"] is not None:
            axes.plot(plain["recall"]["value"], plain["precision"]["value"], "^", color=GREY, label="Plain rules")
        axes.set(xlim=(0, 1.01), ylim=(0, 1.01), xlabel="Detected, % of frauds", ylabel="Precision, % of flagged")
        _square(axes)

    text = " ".join(
        f"{LOOKS[side].name}: average precision {words.unit_value(found['measures']['average_precision'])}."
        for side, found in figures["ranking"].items()
    )
    return plot("precision-recall", "Precision and recall", text, draw, width=3.55, height=3.1)


def sweep(figures: Figures, side: str, thresholds: Mapping[str, int]) -> Plot:
    """What flagging from each score up would give."""
    points = figures["sweep"][side]["by_score"]
    lines = (
        ("recall", "Detected, of frauds", BLUE, "-"), ("precision", "Precision", GREEN, "--"),
        ("fpr", "False positives, of genuine", RED, "-."), ("alert_rate", "Alert rate, of all", GREY, ":"),
    )  # fmt: skip

    def draw(axes: Any) -> None:
        for name, says, colour, line in lines:
            x, y = _columns(points, "threshold", name)
            axes.plot(x, y, color=colour, linestyle=line, label=says)
        axes.set(xlim=(0, 100), ylim=(0, 1.01), xlabel="Flag from this score (0-100) up", ylabel="Share, %")
        percents(axes, "y")
        axes.grid()
        _thresholds(axes, thresholds)
        legend(axes, 4)

    title = f"{LOOKS[side].name}: other thresholds"
    return plot(f"sweep-{side}", title, _sweep_text(points, thresholds), draw, height=2.8)


def _thresholds(axes: Any, thresholds: Mapping[str, int]) -> None:
    for name in ("review", "block"):
        if name in thresholds:
            axes.axvline(thresholds[name], color=INK, linewidth=0.8, linestyle=(0, (4, 2)))
            axes.annotate(
                f"{name} {thresholds[name]}", (thresholds[name], 0.97), xycoords=("data", "axes fraction"), fontsize=7,
                va="top", xytext=(3, 0), textcoords="offset points",
            )  # fmt: skip


def _sweep_text(points: Sequence[Mapping[str, Any]], thresholds: Mapping[str, int]) -> str:
    at = {point["threshold"]: point for point in points}
    parts = [
        f"From {name} ({thresholds[name]}) up: {words.percent(at[thresholds[name]]['recall'])} of frauds and "
        f"{words.percent(at[thresholds[name]]['fpr'])} of genuine transactions."
        for name in ("review", "block")
        if name in thresholds and thresholds[name] in at
    ]
    return " ".join(parts) or "Detection, precision, false positives and alert rate by the score from which to flag."


def net_benefit(figures: Figures, side: str, thresholds: Mapping[str, int], currency: str) -> Plot:
    """The net benefit of flagging from each score up."""
    points = figures["sweep"][side]["by_score"]

    def draw(axes: Any) -> None:
        for name, says, colour, line in (
            ("net_benefit_review", "all of it reviewed", ORANGE, "-"),
            ("net_benefit_block", "all of it blocked", RED, "--"),
        ):  # fmt: skip
            x, y = _columns(points, "threshold", name)
            axes.plot(x, y, color=colour, linestyle=line, label=says)
        axes.axhline(0, color=INK, linewidth=0.7)
        axes.set(xlim=(0, 100), xlabel="Flag from this score (0-100) up", ylabel=f"Net benefit, {currency}")
        top = max((point[name] for point in points for name in ("net_benefit_review", "net_benefit_block")), default=0)
        if top > 0:
            axes.set_ylim(-top, 1.15 * top)
        thousands(axes, "y")
        axes.grid()
        _thresholds(axes, thresholds)
        legend(axes)

    best = max(points, key=lambda point: point["net_benefit_review"], default=None)
    text = "" if best is None else (
        f"If all that is flagged were reviewed, the best threshold would be {best['threshold']}, with "
        f"{words.money(best['net_benefit_review'])} {currency}."
    )  # fmt: skip
    return plot(f"net-{side}", f"{LOOKS[side].name}: net benefit of other thresholds", text, draw, height=2.5)


def scores(figures: Figures, side: str, thresholds: Mapping[str, int]) -> Plot:
    """Where the scores of frauds and of genuine transactions lie."""
    found = figures["scores"][side]
    binned = {
        name: [sum(found[name][low : low + SCORE_BIN if low < 95 else 101]) for low in range(0, 100, SCORE_BIN)]
        for name in ("genuine", "fraud")
    }
    totals = {name: sum(values) for name, values in binned.items()}

    def draw(axes: Any) -> None:
        for offset, (name, colour) in enumerate((("genuine", GREEN), ("fraud", RED))):
            if totals[name]:
                places = [low + 0.35 + offset * 2.2 for low in range(0, 100, SCORE_BIN)]
                shares = [count / totals[name] for count in binned[name]]
                axes.bar(places, shares, width=2.1, align="edge", color=colour, label=f"{name} ({totals[name]:,})")
        axes.set_yscale("log")
        axes.set(xlim=(0, 100), xlabel="Score, in steps of five", ylabel="Share of its label, % (log)")
        percents(axes, "y")
        axes.grid(axis="y")
        axes.set_xticks(range(0, 101, 10))
        _thresholds(axes, thresholds)
        legend(axes)

    review = thresholds.get("review", 50)
    text = "; ".join(
        f"{words.percent(sum(found[name][review:]) / totals[name])} of {name} transactions score {review} or more"
        for name in ("fraud", "genuine")
        if totals[name]
    )
    return plot(f"scores-{side}", f"{LOOKS[side].name}: scores by label", f"{text}.", draw)
