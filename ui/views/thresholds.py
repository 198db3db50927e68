"""What other thresholds of a policy would do: the figures that the browser works with, and what they give at first.

`static/backtests.js` computes the same from the same columns when a slider moves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fraudray.domain import figure_words as words

Columns = Mapping[str, Sequence[float | None]]
SCORES = 101
_COLUMNS = (
    "recall",
    "fpr",
    "precision",
    "alerts_per_day",
    "money_caught",
    "money_missed",
    "money_flagged_by_mistake",
    "net_benefit_review",
    "net_benefit_block",
)
ROWS = (
    ("recall", "Detected", "share", "Of all frauds, those that are held for review or blocked."),
    ("recall_block", "Of these, blocked at once", "share", "Of all frauds, those that are blocked without a review."),
    ("fpr", "False positives", "share", "Of genuine payments, those that are held or blocked by mistake."),
    ("precision", "Precision", "share", "Of what is held or blocked, how much is fraud."),
    ("alerts_per_day", "Alerts a day", "count", "What analysts have to look at."),
    ("money_caught", "Fraud money caught", "money", "The amounts of the frauds that are held or blocked."),
    ("money_missed", "Fraud money missed", "money", "The amounts of the frauds that pass."),
    ("money_held", "Genuine money held for review", "money", "Genuine payments that wait for an analyst."),
    ("money_stopped", "Genuine money blocked", "money", "Genuine payments that are turned away."),
    ("net_benefit", "Net benefit", "money", "Against approving everything, by the costs that the run assumed."),
)
"""Name, title, kind, meaning."""


@dataclass(frozen=True, slots=True)
class Row:
    """One figure, at the policy's own thresholds."""

    name: str
    title: str
    kind: str
    meaning: str
    text: str


@dataclass(frozen=True, slots=True)
class ThresholdView:
    """The sliders: where they stand, what they give there, and everything that they may give as JSON-ready columns by
    score."""

    review: int
    block: int
    rows: tuple[Row, ...]
    data: Mapping[str, Any]
    sentence: str


def threshold_view(
    by_score: Sequence[Mapping[str, Any]], thresholds: Mapping[str, int], currency: str
) -> ThresholdView | None:
    """From the points of a sweep (any order). None where it does not have a point for every score."""
    at = {int(point["threshold"]): point for point in by_score}
    if len(at) != SCORES:
        return None
    columns = {name: [at[score][name] for score in range(SCORES)] for name in _COLUMNS}
    review = min(100, max(0, thresholds.get("review", 40)))
    block = min(100, max(review, thresholds.get("block", 75)))
    found = setting(columns, review, block)
    rows = tuple(Row(name, title, kind, says, _text(found[name], kind, currency)) for name, title, kind, says in ROWS)
    data = {"columns": columns, "review": review, "block": block, "currency": currency}
    return ThresholdView(review, block, rows, data, sentence(found, review, block, currency))


def setting(columns: Columns, review: int, block: int) -> dict[str, float | None]:
    """What happens where everything from `review` up is held, and everything from `block` up blocked instead."""

    def at(name: str, score: int) -> float:
        return columns[name][score] or 0.0

    return {
        "recall": columns["recall"][review],
        "recall_block": columns["recall"][block],
        "fpr": columns["fpr"][review],
        "precision": columns["precision"][review],
        "alerts_per_day": columns["alerts_per_day"][review],
        "money_caught": columns["money_caught"][review],
        "money_missed": columns["money_missed"][review],
        "money_held": at("money_flagged_by_mistake", review) - at("money_flagged_by_mistake", block),
        "money_stopped": columns["money_flagged_by_mistake"][block],
        "net_benefit": at("net_benefit_review", review)
        - at("net_benefit_review", block)
        + at("net_benefit_block", block),
    }


def sentence(found: Mapping[str, float | None], review: int, block: int, currency: str) -> str:
    """The same in a sentence, as it is read out."""
    return (
        f"Review from {review}, block from {block}: {_text(found['recall'], 'share', '')} of frauds detected, "
        f"{_text(found['fpr'], 'share', '')} of genuine payments flagged, "
        f"{_text(found['alerts_per_day'], 'count', '')} alerts a day, net benefit "
        f"{_text(found['net_benefit'], 'money', currency)}."
    )


def _text(value: float | None, kind: str, currency: str) -> str:
    """Two decimals of percent, one of counts, whole amounts; the script writes the same."""
    if value is None:
        return words.NONE
    if kind == "share":
        return words.signed_minus(f"{100 * value:.2f} %")
    if kind == "count":
        return words.signed_minus(f"{value:,.1f}")
    return f"{currency} {words.signed_minus(f'{value:,.0f}')}"
