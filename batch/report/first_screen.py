"""The page's first screen: what was tested, on what, and the figures that matter most."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fraudray.batch.report.blocks import Block, Points, Section, Table, Text, reasons
from fraudray.batch.report.outcomes import DECIDED
from fraudray.batch.report.summary import SIDES, headlines, labels
from fraudray.domain import figure_words as words

Figures = Mapping[str, Any]
Run = Mapping[str, Any]


def first_screen(figures: Figures, run: Run, currency: str) -> Section:
    """Sentences, then the table of the sides."""
    blocks: list[Block] = [
        Text(_tested(figures, run)), Points(headlines(figures, currency)), _table(figures, currency),
    ]  # fmt: skip
    if figures["intervals"]["reason"] is None:
        days = words.number(figures["intervals"]["days"])
        blocks.append(
            Text(
                f"In brackets: 95 % intervals over {days} days, drawn again {figures['intervals']['resamples']} times.",
                True,
            )
        )
    return Section("summary", "Summary", blocks)


def policy_name(run: Run, side: str) -> str:
    """A policy's name and version."""
    policy = run.get("policies", {}).get(side, {})
    name, version = policy.get("name", "unnamed"), policy.get("version")
    return f"{name} {version}" if version else str(name)


def _tested(figures: Figures, run: Run) -> str:
    rows, history = figures["rows"], run.get("history", {})
    tested = f"{policy_name(run, 'champion')} (champion)"
    if "challenger" in figures["sides"]:
        tested += f" and {policy_name(run, 'challenger')} (challenger)"
    period = f" from {rows['first_day']} to {rows['last_day']}" if rows["first_day"] else ""
    return (
        f"Tested: {tested}, beside plain rules, on {words.number(rows['all'])} transactions of "
        f"{history.get('name', 'a history')}{period}: {labels(rows)} label."
    )


def _table(figures: Figures, currency: str) -> Table:
    sides = figures["sides"]
    names = (
        ("Detected (REVIEW or BLOCK), of frauds", "recall", words.share),
        ("Detected by BLOCK, of frauds", "recall_block", words.share),
        ("False positives (REVIEW or BLOCK), of genuine", "fpr", words.share),
        ("Blocked by mistake, of genuine", "fpr_block", words.share),
        ("Precision: frauds among the flagged", "precision", words.share),
        ("Alert rate, of all", "alert_rate", words.share),
        ("Alerts a day", "alerts_per_day", words.amount),
        ("Fraud money caught", "money_caught_share", words.share),
        (f"Net benefit against approving everything, {currency}", "net_benefit", words.amount),
    )
    rows = [[says, *(show(sides[s][DECIDED]["measures"][name]) for s in sides)] for says, name, show in names]
    ranked = (
        ("AUC ROC (0.5 chance, 1 perfect)", "auc_roc", words.unit_value),
        ("Average precision", "average_precision", words.unit_value),
        ("Detected at 2 % false positives, by risk", "recall_at_fpr_200", words.share),
    )
    for says, name, show in ranked:
        rows.append([says, *(_of(figures["ranking"], side, name, show) for side in sides)])
    cards = f"Card precision@{figures['k']}: victims among the first {figures['k']} customers a day"
    rows.append([cards, *(_of(figures["cards"], side, "card_precision", words.unit_value) for side in sides)])
    used = [sides[side][DECIDED]["measures"][name] for side in sides for _, name, _ in names]
    used += [figures["ranking"][side]["measures"][name] for side in figures["ranking"] for _, name, _ in ranked]
    used += [found["measures"]["card_precision"] for found in figures["cards"].values()]
    return Table("Headline figures", ["Measure", *(SIDES[side] for side in sides)], rows, notes=reasons(used))


def _of(found: Mapping[str, Any], side: str, name: str, show: Any) -> str:
    text: str = show(found[side]["measures"][name]) if side in found else words.NONE
    return text
