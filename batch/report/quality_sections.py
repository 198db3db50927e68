"""Sections on how good decisions and ranking are: curves, thresholds, time, customers, scores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fraudray.batch.report import curve_plots, time_plots
from fraudray.batch.report.blocks import Block, Plots, Section, Table, Text, reasons
from fraudray.batch.report.ranking import FPR_PER_10000, recall_name
from fraudray.batch.report.summary import SIDES
from fraudray.domain import figure_words as words

Figures = Mapping[str, Any]
Run = Mapping[str, Any]
SCORES_SHOWN = (5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55, 60, 65, 70, 75, 80, 85, 90, 95, 100)
_RATES = ("recall", "fpr", "precision", "alert_rate")
_MONEY = {
    "money_caught": "Fraud caught", "money_missed": "Fraud missed", "money_flagged_by_mistake": "Genuine flagged",
    "net_benefit_review": "Net if reviewed", "net_benefit_block": "Net if blocked",
}  # fmt: skip
_NO_LABELS = "Without labels of both kinds there is nothing to draw: {}."


def thresholds_of(run: Run, side: str) -> dict[str, int]:
    """A policy's thresholds, where the run says so."""
    own = run.get("policies", {}).get(side, {}).get("thresholds")
    found = own if own is not None else (run.get("thresholds", {}) if side == "champion" else {})
    return {name: int(found[name]) for name in ("review", "block") if name in found}


def curves(figures: Figures) -> Section:
    """ROC and precision-recall."""
    ranking = figures["ranking"]
    auc = ranking["champion"]["measures"]["auc_roc"]
    if auc["value"] is None:
        return Section("curves", "Ranking", [Text(_NO_LABELS.format(auc["reason"]))])
    rows = []
    for per in FPR_PER_10000:
        name = recall_name(per)
        rows.append([f"{per / 100:g} %", *(words.share(ranking[side]["measures"][name]) for side in ranking)])
    every = [measure for found in ranking.values() for measure in found["measures"].values()]
    blocks: list[Block] = [
        Text(
            "How well the risk (0-1) ranks frauds above genuine transactions, whatever the thresholds, without the "
            "effect of freezes. Diamonds and stars are the policies' own thresholds; the cross is the promise."
        ),
        Plots([
            curve_plots.roc(figures, zoomed=False), curve_plots.roc(figures, zoomed=True),
            curve_plots.precision_recall(figures),
        ]),
        Table(
            "Most frauds detected, where at most so many genuine transactions may be flagged",
            ["False positives", *(SIDES[side] for side in ranking)], rows, notes=reasons(every),
        ),
    ]  # fmt: skip
    return Section("curves", "Ranking", blocks)


def sweeps(figures: Figures, run: Run, currency: str) -> Section:
    """What other thresholds would do."""
    blocks: list[Block] = [
        Text(
            "What flagging every transaction from a score up would give. Dashed lines are the policy's thresholds. Net "
            f"benefit is against approving everything, in {currency}, were all that is flagged reviewed, or blocked."
        )
    ]
    for side, sweep in figures["sweep"].items():
        thresholds = thresholds_of(run, side)
        if figures["rows"]["fraud"] + figures["rows"]["genuine"] == 0:
            return Section("thresholds", "Other thresholds", [Text("No transaction has a label.")])
        blocks.append(
            Plots([
                curve_plots.sweep(figures, side, thresholds),
                curve_plots.net_benefit(figures, side, thresholds, currency),
            ])
        )  # fmt: skip
        shown = sorted({*SCORES_SHOWN, *thresholds.values()})
        at = {point["threshold"]: point for point in sweep["by_score"]}
        blocks.append(
            Table(
                f"{SIDES[side]}: thresholds",
                ["From score", "Detected", "False positives", "Precision", "Alert rate", "Alerts a day",
                 *(f"{says}, {currency}" for says in _MONEY.values())],
                [
                    [str(score), *(words.percent(at[score][name]) for name in _RATES),
                     *(words.money(at[score][name]) for name in ("alerts_per_day", *_MONEY))]
                    for score in shown if score in at
                ],
                folded="All values",
            )
        )  # fmt: skip
    return Section("thresholds", "Other thresholds", blocks)


def times(figures: Figures) -> Section:
    """Detection and workload over time."""
    found = figures["over_time"]
    rows, unit = found["rows"], found["unit"]
    if not rows:
        return Section("time", "Over time", [Text("There is no transaction.")])
    blocks: list[Block] = [
        Text(f"By {unit}, as decided, the first and last perhaps in part. Lines break where nothing can be measured."),
        Plots([
            time_plots.rate(figures, "recall", "Detection", "Detected, % of frauds"),
            time_plots.rate(figures, "fpr", "False positives", "Of genuine transactions, %"),
            time_plots.alerts(figures),
        ]),
        Table(
            f"Champion by {unit}",
            [f"{unit.capitalize()} from", "Frauds", "Caught", "Missed", "Genuine", "Flagged by mistake", "Unlabelled",
             "Detected", "False positives", "Precision"],
            [
                [row["from"], *(words.number(n) for n in (
                    row["fraud"], row["champion"]["true_positives"], row["champion"]["false_negatives"], row["genuine"],
                    row["champion"]["false_positives"], row["unlabelled"])),
                 *(words.percent(row["champion"][name]) for name in ("recall", "fpr", "precision"))]
                for row in rows
            ],
            folded="All values",
        ),
    ]  # fmt: skip
    return Section("time", "Over time", blocks)


def cards(figures: Figures) -> Section:
    """Card precision@k."""
    k, found = figures["k"], figures["cards"]
    measures = [one["measures"][name] for one in found.values() for name in ("card_precision", "card_precision_best")]
    if all(one["measures"]["card_precision"]["value"] is None for one in found.values()):
        return Section("cards", f"Card precision@{k}", [Text(f"{reasons(measures)[0]}")])
    rows = [
        [SIDES[side], words.share(one["measures"]["card_precision"]),
         words.share(one["measures"]["card_precision_best"]), words.number(len(one["days"]))]
        for side, one in found.items()
    ]  # fmt: skip
    blocks: list[Block] = [
        Text(
            f"If analysts looked at the {k} customers a day with the highest risk: how many of these are victims of "
            "fraud that day. Customers known to be compromised before are left out; customers of equal risk count by "
            "expectation."
        ),
        Plots([time_plots.card_precision(figures)]),
        Table(
            "Mean over days",
            ["Policy", "Victims among them", "A perfect ranking", "Days"],
            rows,
            notes=reasons(measures),
        ),
    ]
    return Section("cards", f"Card precision@{k}", blocks)


def scores(figures: Figures, run: Run) -> Section:
    """Where scores lie."""
    rows = figures["rows"]
    if not rows["fraud"] + rows["genuine"]:
        return Section("scores", "Scores", [Text("No transaction has a label.")])
    plots = [curve_plots.scores(figures, side, thresholds_of(run, side)) for side in figures["scores"]]
    text = Text(
        "Scores as decided, as shares of the frauds and of the genuine transactions; a frozen account scores 100."
    )
    return Section("scores", "Scores", [text, Plots(plots)])
