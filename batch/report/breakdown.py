"""Which frauds are caught, and of whom false alarms are: by scenario (with intervals) and by segment."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from fraudray.batch.report.estimate import Draws, ratio
from fraudray.batch.report.outcomes import DECIDED, EVIDENCE, FRAUD, Outcomes
from fraudray.batch.report.over_time import share
from fraudray.batch.report.quality import FLAG_ONLY
from fraudray.batch.report.tallies import Tallies

SCENARIOS_MAX = 40
SEGMENT_VALUES_MAX = 200
_NUMBER = re.compile(r"\d+(?:\.\d+)?")


def scenarios(outcomes: Outcomes, draws: Draws) -> list[dict[str, Any]]:
    """Frauds by kind, the most frequent first; `scenario` None where it is not named, `others` all beyond the limit."""
    rows = outcomes.label == FRAUD
    named = [None if name is None else str(name) for name in outcomes.scenario[rows].tolist()]
    totals: dict[str | None, float] = {}
    for name, count in zip(named, outcomes.count[rows].tolist(), strict=True):
        totals[name] = totals.get(name, 0.0) + count
    order = sorted(totals, key=lambda name: (-totals[name], name is None, name or ""))
    place = {name: min(index, SCENARIOS_MAX) for index, name in enumerate(order)}
    groups = min(len(order), SCENARIOS_MAX + 1)
    if not groups:
        return []
    group = np.zeros(len(outcomes.day), np.int64)
    group[rows] = [place[name] for name in named]
    found: list[dict[str, Any]] = [
        {"scenario": None if index == SCENARIOS_MAX else order[index], "others": index == SCENARIOS_MAX}
        for index in range(groups)
    ]
    for side in outcomes.sides:
        for view, decision in side.views.items():
            _by_scenario(found, outcomes, draws, group, side.name, view, decision, blocks=side.blocks)
    return found


def _by_scenario(
    found: list[dict[str, Any]], outcomes: Outcomes, draws: Draws, group: Any, side: str, view: str, decision: Any,
    *, blocks: bool,
) -> None:  # fmt: skip
    groups, fraud = len(found), outcomes.label == FRAUD
    shape = (len(outcomes.days), groups, 3)
    cells = group * 3 + decision
    counts = outcomes.by_day(cells, groups * 3, outcomes.count * fraud).reshape(shape)
    amounts = outcomes.by_day(cells, groups * 3, outcomes.amount * fraud).reshape(shape).sum(axis=0)
    drawn = draws.sums(counts)
    whole, days = drawn.sum(axis=2), (counts.sum(axis=2) > 0).sum(axis=0)
    for index, row in enumerate(found):

        def measured(part: Any, index: int = index) -> Any:
            values = ratio(part[:, index], whole[:, index])
            return draws.estimate(values, "no fraud of this kind", days=int(days[index]), of="such frauds").measure()

        row["count"], row["amount"] = int(whole[0, index]), float(amounts[index].sum())
        row.setdefault(side, {})[view] = {
            "recall": measured(drawn[:, :, 1] + drawn[:, :, 2]),
            "recall_block": measured(drawn[:, :, 2])
            if blocks
            else {"value": None, "low": None, "high": None, "reason": FLAG_ONLY},
            "caught_amount": float(amounts[index, 1:].sum()),
            "missed_amount": float(amounts[index, 0]),
        }


def segments(tallies: Tallies) -> list[dict[str, Any]]:
    """Each segment's values with what the champion makes of them by the evidence. Numbers in values order them."""
    merged = tallies.segments.group_by(["segment", "value", "fraud", "evidence_decision"]).aggregate(
        [("count", "sum"), ("amount", "sum")]
    )
    cells: dict[str, dict[str | None, Any]] = {}
    for row in merged.to_pylist():
        table = cells.setdefault(row["segment"], {}).setdefault(row["value"], np.zeros((2, 3, 3)))
        label = 2 if row["fraud"] < 0 else row["fraud"]
        table[:, label, row["evidence_decision"]] += row["count_sum"], row["amount_sum"]
    return [
        {
            "segment": name,
            "values": [_value(value, cells[name][value]) for value in _ordered(cells[name])[:SEGMENT_VALUES_MAX]],
            "left_out": max(0, len(cells[name]) - SEGMENT_VALUES_MAX),
        }
        for name in sorted(cells)
    ]


def _ordered(values: dict[str | None, Any]) -> list[str | None]:
    """By the numbers in them where each has some and there are few; else the most frequent first."""
    numbers = {value: tuple(float(n) for n in _NUMBER.findall(value or "")) for value in values}
    if len(values) <= 24 and all(numbers[value] for value in values if value is not None):
        return sorted(values, key=lambda value: (value is None, numbers[value][:1], _rank(value), numbers[value]))
    return sorted(values, key=lambda value: (-values[value][0].sum(), value is None, value or ""))


def _rank(value: str | None) -> int:
    """ "under 10" comes before "10 to 50", "over 50" after "50"."""
    text = (value or "").strip().lower()
    return (
        -1 if text.startswith(("<", "≤", "under", "below", "up to")) else text.startswith((">", "≥", "over", "above"))
    )


def _value(value: str | None, table: Any) -> dict[str, Any]:
    (genuine, fraud, unlabelled), (genuine_amount, fraud_amount, _) = table
    caught, alarms = fraud[1] + fraud[2], genuine[1] + genuine[2]
    return {
        "value": value,
        "fraud": int(fraud.sum()),
        "genuine": int(genuine.sum()),
        "unlabelled": int(unlabelled.sum()),
        "recall": share(caught, fraud.sum()),
        "fpr": share(alarms, genuine.sum()),
        "precision": share(caught, caught + alarms),
        "alert_rate": share(table[0, :, 1:].sum(), table[0].sum()),
        "fraud_amount": float(fraud_amount.sum()),
        "missed_amount": float(fraud_amount[0]),
        "blocked_by_mistake": float(genuine_amount[2]),
    }


__all__ = ["DECIDED", "EVIDENCE", "scenarios", "segments"]
