"""How well decisions match labels, in transactions and in money, with intervals."""

from __future__ import annotations

from typing import Any

import numpy as np

from fraudray.batch.report.costs import Costs
from fraudray.batch.report.estimate import Draws, Estimate, Floats, ratio
from fraudray.batch.report.outcomes import DECISIONS, FRAUD, GENUINE, LABELS, Cube

NO_FRAUD = "no transaction is labelled as fraud"
NO_GENUINE = "no transaction is labelled as genuine"
NO_LABELS = "no transaction has a label"
NO_ROWS = "there is no transaction"
NO_ALERT = "no labelled transaction was flagged"
NO_BLOCK = "no labelled transaction was blocked"
FLAG_ONLY = "the plain rules only flag: each flag counts as a REVIEW"

Estimates = dict[str, Estimate]


def quality(per_day: Cube, draws: Draws, costs: Costs, *, blocks: bool = True) -> Estimates:
    """Measures of one way of deciding (`figures` says what each is). `blocks`: whether it can decide BLOCK at all."""
    cube = per_day.drawn(draws)
    genuine, fraud = cube.counts[:, GENUINE], cube.counts[:, FRAUD]
    both, rows = genuine + fraud, cube.counts.sum(axis=1)
    days = {FRAUD: per_day.days_with(FRAUD), GENUINE: per_day.days_with(GENUINE)}
    every = int((per_day.counts.sum(axis=(1, 2)) > 0).sum())

    def share(counts: Floats, whole: Floats, missing: str, of: str, on: int, *, block: bool = False) -> Estimate:
        part = counts[:, 2] if block else counts[:, 1] + counts[:, 2]
        if block and not blocks:
            return Estimate(np.full(len(part), np.nan), FLAG_ONLY)
        return draws.estimate(ratio(part, whole), missing, days=on, of=of)

    frauds, genuines = ("frauds", days[FRAUD]), ("genuine transactions", days[GENUINE])
    found: Estimates = {}
    for suffix, block in (("", False), ("_block", True)):
        missing = NO_BLOCK if block else NO_ALERT
        flagged = both[:, 2] if block else both[:, 1] + both[:, 2]
        found[f"recall{suffix}"] = share(fraud, fraud.sum(axis=1), NO_FRAUD, *frauds, block=block)
        found[f"fpr{suffix}"] = share(genuine, genuine.sum(axis=1), NO_GENUINE, *genuines, block=block)
        found[f"precision{suffix}"] = share(fraud, flagged, missing, "labels", max(days.values()), block=block)
        found[f"{'block' if block else 'alert'}_rate"] = share(
            rows, rows.sum(axis=1), NO_ROWS, "rows", every, block=block
        )
    alerts = (rows[:, 1] + rows[:, 2]) / len(per_day.counts) if every else np.full(len(rows), np.nan)
    found["alerts_per_day"] = draws.estimate(alerts, NO_ROWS, days=every, of="rows")
    return found | _money(per_day, cube, draws, costs)


def _money(per_day: Cube, cube: Cube, draws: Draws, costs: Costs) -> Estimates:
    """In the base currency, of labelled rows."""
    fraud, genuine = cube.amounts[:, FRAUD], cube.amounts[:, GENUINE]
    frauds, genuines = per_day.days_with(FRAUD), per_day.days_with(GENUINE)
    of_counts, of_amounts = costs.net()
    labelled = cube.counts[:, : FRAUD + 1]
    net = (labelled * of_counts).sum(axis=(1, 2)) + (cube.amounts[:, : FRAUD + 1] * of_amounts).sum(axis=(1, 2))
    rows = labelled.sum(axis=(1, 2))
    net = np.where(rows > 0, net, np.nan)
    caught = fraud[:, 1] + fraud[:, 2]

    def of_frauds(values: Floats) -> Estimate:
        return draws.estimate(_where(cube, FRAUD, values), NO_FRAUD, days=frauds, of="frauds")

    def of_genuine(values: Floats) -> Estimate:
        return draws.estimate(_where(cube, GENUINE, values), NO_GENUINE, days=genuines, of="genuine transactions")

    labels = max(frauds, genuines)
    return {
        "money_caught": of_frauds(caught),
        "money_caught_share": of_frauds(ratio(caught, fraud.sum(axis=1))),
        "money_missed": of_frauds(fraud[:, 0]),
        "money_blocked_by_mistake": of_genuine(genuine[:, 2]),
        "money_reviewed_by_mistake": of_genuine(genuine[:, 1]),
        "net_benefit": draws.estimate(net, NO_LABELS, days=labels, of="labels"),
        "net_benefit_per_1000": draws.estimate(ratio(1000 * net, rows), NO_LABELS, days=labels, of="labels"),
    }


def _where(cube: Cube, label: int, values: Floats) -> Floats:
    return np.where(cube.counts[:, label].sum(axis=1) > 0, values, np.nan)


def matrix(per_day: Cube) -> dict[str, dict[str, dict[str, float]]]:
    """Counts and amounts by label and decision, summed over days."""
    counts, amounts = per_day.counts.sum(axis=0), per_day.amounts.sum(axis=0)
    return {
        "counts": {
            label: {decision: int(counts[i, j]) for j, decision in enumerate(DECISIONS)}
            for i, label in enumerate(LABELS)
        },
        "amounts": {
            label: {decision: float(amounts[i, j]) for j, decision in enumerate(DECISIONS)}
            for i, label in enumerate(LABELS)
        },
    }


def benefit_parts(per_day: Cube, costs: Costs) -> dict[str, Any]:
    """What the net benefit is made of, in the base currency: savings above zero, costs below."""
    counts, amounts = per_day.counts.sum(axis=0)[:2], per_day.amounts.sum(axis=0)[:2]
    return {
        name: float((counts * of_counts).sum() + (amounts * of_amounts).sum())
        for name, (of_counts, of_amounts) in costs.components().items()
    }
