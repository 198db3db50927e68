"""Sections on parts: kinds of fraud, segments, rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fraudray.batch.report import part_plots
from fraudray.batch.report.blocks import Block, Plots, Section, Table, Text, reasons
from fraudray.batch.report.outcomes import DECIDED, EVIDENCE
from fraudray.batch.report.summary import SIDES
from fraudray.domain import figure_words as words

Figures = Mapping[str, Any]
ROWS_MAX = 100


def scenarios(figures: Figures, currency: str) -> Section:
    """Which kinds of fraud are caught."""
    found = figures["scenarios"]
    if not found:
        return Section("scenarios", "Kinds of fraud", [Text("No transaction is labelled as fraud.")])
    sides = list(figures["sides"])
    measures = [row[side][DECIDED]["recall"] for row in found for side in sides]
    rows = [
        [part_plots.scenario_name(row), words.number(row["count"]), words.money(row["amount"]),
         *(words.share(row[side][DECIDED]["recall"]) for side in sides),
         words.share(row["champion"][EVIDENCE]["recall"]), words.money(row["champion"][DECIDED]["missed_amount"])]
        for row in found
    ]  # fmt: skip
    columns = [
        "Kind", "Frauds", f"Amount, {currency}", *(f"{SIDES[side]} detected" for side in sides),
        "Champion without freezes", f"Champion missed, {currency}",
    ]  # fmt: skip
    blocks: list[Block] = [
        Text("As the history's labels name them; the thin lines are intervals."),
        Plots([part_plots.scenarios(found, sides)]),
        Table("Frauds by kind", columns, rows, notes=reasons(measures)),
    ]
    return Section("scenarios", "Kinds of fraud", blocks)


def segments(figures: Figures, currency: str) -> Section:
    """Whom detection and false alarms concern."""
    blocks: list[Block] = [
        Text(
            "The champion by the evidence, without the effect of freezes. Small groups vary by chance: see the counts."
        )
    ]
    if not figures["segments"]:
        return Section("segments", "Segments", [Text("No segments were counted.")])
    for index, found in enumerate(figures["segments"]):
        shown = found["values"][:ROWS_MAX]
        left_out = found["left_out"] + len(found["values"]) - len(shown)
        blocks.append(Plots([part_plots.segment(found, index)]))
        blocks.append(
            Table(
                f"By {found['segment']}",
                ["Value", "Frauds", "Genuine", "Unlabelled", "Detected", "False positives", "Precision", "Alert rate",
                 f"Fraud missed, {currency}", f"Blocked by mistake, {currency}"],
                [
                    ["(none)" if row["value"] is None else row["value"],
                     *(words.number(row[name]) for name in ("fraud", "genuine", "unlabelled")),
                     *(words.percent(row[name]) for name in ("recall", "fpr", "precision", "alert_rate")),
                     *(words.money(row[name]) for name in ("missed_amount", "blocked_by_mistake"))]
                    for row in shown
                ],
                folded="All values",
                notes=[f"{left_out:,} more values with fewer transactions are left out."] if left_out else [],
            )
        )  # fmt: skip
    return Section("segments", "Segments", blocks)


def rules(figures: Figures) -> Section:
    """What each rule does."""
    found = figures["rules"]
    if not found:
        return Section("rules", "Rules", [Text("No rule spoke.")])
    blocks: list[Block] = [
        Text(
            "Of the champion. A decision rests on a rule when it would be lower without it: to the left what would be "
            "lost, to the right what would be spared."
        ),
        Plots([part_plots.rule_bars(found)]),
        Table(
            "Rules",
            ["Rule", "Family", "Spoke: frauds", "Spoke: genuine", "Precision", "Spoke alone: frauds",
             "Spoke alone: genuine", "Rest on it: frauds", "Rest on it: genuine", "Points given"],
            [
                [row["code"], row["family"] or words.NONE, words.number(row["fired"]["fraud"]),
                 words.number(row["fired"]["genuine"]), words.percent(row["precision"]),
                 words.number(row["alone"]["fraud"]), words.number(row["alone"]["genuine"]),
                 words.number(row["lowered"]["fraud"]), words.number(row["lowered"]["genuine"]),
                 words.number(sum(row["points"].values()))]
                for row in found[:ROWS_MAX]
            ],
            words=2,
            notes=[f"{len(found) - ROWS_MAX:,} more rules are left out."] if len(found) > ROWS_MAX else [],
        ),
    ]  # fmt: skip
    if figures["overlaps"]:
        blocks.append(Plots([part_plots.overlap(figures["overlaps"], found)]))
    return Section("rules", "Rules", blocks)
