"""What other thresholds would do: by risk (for the curves) and by score (which is what a policy file sets)."""

from __future__ import annotations

from typing import Any

import numpy as np

from fraudray.batch.report.costs import Costs
from fraudray.batch.report.estimate import Floats, ratio
from fraudray.batch.report.outcomes import FRAUD, GENUINE, Ints, Outcomes, sums
from fraudray.batch.report.ranking import Ranks

STEPS = 200
"""A curve keeps a point for each such part of recall and of false-positive rate, and ten times as many below 5 %."""
Point = dict[str, Any]


def by_risk(ranks: Ranks, costs: Costs) -> list[Point]:
    """One point for each threshold kept, the highest first, each exact: flag what has this risk or more."""
    ones = np.ones((1, ranks.by_day[0].shape[1]))
    counts = np.stack([ranks.counts(label, ones)[:, 0] for label in (GENUINE, FRAUD)])
    points = _points(ranks.thresholds, counts, ranks.amounts, ranks.rows, costs, ranks.by_day[0].shape[1])
    return [points[place] for place in _kept(counts)]


def by_score(outcomes: Outcomes, score: Ints, costs: Costs) -> list[Point]:
    """One point for each score from 100 down to 0: flag what has this score or more."""
    place = 100 - score
    counts = [sums(place, outcomes.count * (outcomes.label == label), 101) for label in (GENUINE, FRAUD)]
    amounts = [sums(place, outcomes.amount * (outcomes.label == label), 101) for label in (GENUINE, FRAUD)]
    rows = sums(place, outcomes.count, 101)
    return _points(np.arange(100, -1, -1), np.stack(counts), np.stack(amounts), rows, costs, len(outcomes.days))


def _points(thresholds: Any, counts: Floats, amounts: Floats, rows: Floats, costs: Costs, days: int) -> list[Point]:
    flagged, money, every = counts.cumsum(axis=1), amounts.cumsum(axis=1), rows.cumsum()
    if not len(every):
        return []
    of_counts, of_amounts = costs.net()
    columns: dict[str, Floats] = {
        "recall": ratio(flagged[FRAUD], np.full(len(every), flagged[FRAUD, -1])),
        "fpr": ratio(flagged[GENUINE], np.full(len(every), flagged[GENUINE, -1])),
        "precision": ratio(flagged[FRAUD], flagged[FRAUD] + flagged[GENUINE]),
        "alert_rate": ratio(every, np.full(len(every), every[-1])),
        "alerts_per_day": ratio(every, np.full(len(every), float(days))),
        "frauds_caught": flagged[FRAUD],
        "genuine_flagged": flagged[GENUINE],
        "money_caught": money[FRAUD],
        "money_missed": money[FRAUD, -1] - money[FRAUD],
        "money_flagged_by_mistake": money[GENUINE],
    }
    for name, decision in (("net_benefit_review", 1), ("net_benefit_block", 2)):
        columns[name] = of_counts[:, decision] @ flagged + of_amounts[:, decision] @ money
    names = list(columns)
    found = np.stack([columns[name] for name in names], axis=1).tolist()
    return [
        {"threshold": threshold} | {n: None if v != v else v for n, v in zip(names, values, strict=True)}
        for threshold, values in zip(thresholds.tolist(), found, strict=True)
    ]


def _kept(counts: Floats) -> list[int]:
    """The places of the points that a curve needs: the first and last of each run that looks the same."""
    genuine, fraud = counts.cumsum(axis=1)
    if not len(genuine):
        return []
    fpr, recall = genuine / max(genuine[-1], 1), fraud / max(fraud[-1], 1)
    fine = np.minimum(fpr, 0.05) * STEPS * 10
    cell = np.stack([np.floor(fpr * STEPS), np.floor(recall * STEPS), np.floor(fine)])
    changed = (np.diff(cell, axis=1) != 0).any(axis=0)
    kept = np.concatenate([[True], changed]) | np.concatenate([changed, [True]])
    return [int(place) for place in np.flatnonzero(kept)]
