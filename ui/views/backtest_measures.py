"""The figures of a back-test that people look at: what each means, and whether more of it is better."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fraudray.domain import figure_words as words

Document = Mapping[str, Any]
Show = Callable[[Document], str]


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure of the table: where it is, what it means, how it is written, and whether more of it is better."""

    name: str
    title: str
    meaning: str
    show: Show
    better: int
    """1: more is better, -1: less is, 0: neither."""
    group: str = "decided"
    kind: str = "share"
    """share, count, money or unit."""


MEASURES = (
    Measure("recall", "Detected", "Of all frauds, the share that is held for review or blocked.", words.share, 1),
    Measure("recall_block", "Detected by blocking", "Of all frauds, the share that is blocked.", words.share, 1),
    Measure(
        "fpr",
        "False positives",
        "Of all genuine payments, the share that is held or blocked by mistake.",
        words.share,
        -1,
    ),
    Measure(
        "fpr_block", "Blocked by mistake", "Of all genuine payments, the share that is turned away.", words.share, -1
    ),
    Measure("precision", "Precision", "Of what is held or blocked, the share that is fraud.", words.share, 1),
    Measure(
        "alerts_per_day",
        "Alerts a day",
        "How many payments a day analysts have to look at.",
        words.amount,
        0,
        kind="count",
    ),
    Measure(
        "money_caught_share",
        "Fraud money caught",
        "Of all money in frauds, the share that is held or blocked.",
        words.share,
        1,
    ),
    Measure(
        "money_missed", "Fraud money missed", "The amounts of the frauds that pass.", words.amount, -1, kind="money"
    ),
    Measure(
        "money_blocked_by_mistake",
        "Genuine money blocked",
        "The amounts of genuine payments that are turned away.",
        words.amount,
        -1,
        kind="money",
    ),
    Measure(
        "net_benefit",
        "Net benefit",
        "What it saves against approving everything, less what it costs, by the costs assumed.",
        words.amount,
        1,
        kind="money",
    ),
    Measure(
        "auc_roc",
        "AUC ROC",
        "How often a fraud has a higher risk than a genuine payment: 0.5 is chance, 1 perfect.",
        words.unit_value,
        1,
        "ranking",
        "unit",
    ),
    Measure(
        "average_precision",
        "Average precision",
        "Precision over all thresholds: how pure the top of the ranking is, 1 is perfect.",
        words.unit_value,
        1,
        "ranking",
        "unit",
    ),
    Measure(
        "recall_at_fpr_200",
        "Detected at 2 % false positives",
        "The most that some threshold finds where 2 % of genuine payments may be flagged.",
        words.share,
        1,
        "ranking",
    ),
    Measure(
        "card_precision",
        "Card precision",
        "Of the customers a day with the highest risk, how many are victims that day.",
        words.unit_value,
        1,
        "cards",
        "unit",
    ),
)


def measure_of(figures: Document, side: str, measure: Measure) -> Document | None:
    """One figure with its interval; None where the side has none (the plain rules do not rank)."""
    groups = figures["sides"][side]["decided"] if measure.group == "decided" else figures[measure.group].get(side)
    return groups["measures"].get(measure.name) if groups else None
