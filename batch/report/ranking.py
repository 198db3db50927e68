"""How well a policy's risk ranks frauds above genuine transactions, whatever its thresholds: exact, with intervals.

AUC ROC is the share of pairs (fraud, genuine) in which the fraud has the higher risk, ties counted half; average
precision is the sum over thresholds of the precision there times the recall gained there, as scikit-learn defines both.
Both come from counts by distinct risk, which is the same as from the single rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array  # type: ignore[import-untyped, unused-ignore]

from fraudray.batch.report.estimate import Draws, Estimate, Floats, ratio
from fraudray.batch.report.outcomes import FRAUD, GENUINE, Ints, Outcomes, sums
from fraudray.batch.report.quality import NO_FRAUD, NO_GENUINE, NO_LABELS

FPR_PER_10000 = (50, 100, 200, 500)
"""False-positive rates (in 1/10,000 of genuine transactions) at which recall is read."""
_AT_ONCE = 64
"""Draws computed together: a few MB for 10,001 distinct risks."""


@dataclass(frozen=True, slots=True, eq=False)
class Ranks:
    """Counts and amounts of labelled rows by distinct risk, the highest first."""

    thresholds: Floats
    by_day: tuple[csr_array, csr_array]
    """Counts of genuine rows and of frauds: [threshold, day]."""
    amounts: Floats
    """[label, threshold]."""
    rows: Floats
    """Counts of all rows, labelled or not: [threshold]."""

    @classmethod
    def of(cls, outcomes: Outcomes, risk: Floats) -> Ranks:
        """The ranks of one policy."""
        rising, place = np.unique(risk, return_inverse=True)
        rank = len(rising) - 1 - place
        shape = (len(rising), len(outcomes.days))

        def table(label: int) -> csr_array:
            rows = outcomes.label == label
            return csr_array((outcomes.count[rows], (rank[rows], outcomes.day[rows])), shape=shape)

        amounts = [sums(rank, outcomes.amount * (outcomes.label == label), len(rising)) for label in (GENUINE, FRAUD)]
        rows = sums(rank, outcomes.count, len(rising))
        return cls(rising[::-1], (table(GENUINE), table(FRAUD)), np.stack(amounts), rows)

    def days_with(self, label: int) -> int:
        """On how many days there is any row of this label."""
        return int((self.by_day[label].sum(axis=0) > 0).sum())

    def counts(self, label: int, weights: Floats) -> Floats:
        """Counts by threshold and draw: [threshold, draw], for weights [draw, day]."""
        counts: Floats = self.by_day[label] @ weights.T
        return counts


def ranking(ranks: Ranks, draws: Draws) -> dict[str, Estimate]:
    """auc_roc, average_precision, and recall_at_fpr_N for each N of `FPR_PER_10000`."""
    days, weights = {label: ranks.days_with(label) for label in (GENUINE, FRAUD)}, draws.weights
    parts: dict[str, list[Floats]] = {}
    for first in range(0, len(weights), _AT_ONCE):
        chunk = weights[first : first + _AT_ONCE]
        for name, values in _ranked(ranks.counts(FRAUD, chunk), ranks.counts(GENUINE, chunk)).items():
            parts.setdefault(name, []).append(values)
    missing = NO_FRAUD if days[GENUINE] else NO_LABELS
    missing = missing if not days[FRAUD] else NO_GENUINE
    scarcer = min(days, key=lambda label: days[label])
    of, fewest = ("frauds" if scarcer == FRAUD else "genuine transactions"), days[scarcer]
    return {name: draws.estimate(np.concatenate(values), missing, days=fewest, of=of) for name, values in parts.items()}


def _ranked(fraud: Floats, genuine: Floats) -> dict[str, Floats]:
    """Measures for each draw of counts [threshold, draw], thresholds falling."""
    if not len(fraud):
        none = np.full(fraud.shape[1], np.nan)
        return dict.fromkeys(("auc_roc", "average_precision", *map(recall_name, FPR_PER_10000)), none)
    caught, alarmed = fraud.cumsum(axis=0), genuine.cumsum(axis=0)
    frauds, genuines = caught[-1], alarmed[-1]
    flagged = caught + alarmed
    below = genuines - alarmed + genuine / 2
    precision = np.divide(caught, flagged, out=np.zeros_like(caught), where=flagged > 0)
    found = {
        "auc_roc": ratio((fraud * below).sum(axis=0), frauds * genuines),
        "average_precision": np.where(genuines > 0, ratio((fraud * precision).sum(axis=0), frauds), np.nan),
    }
    for allowed in FPR_PER_10000:
        # Whole numbers on both sides, so that "at most" is exact.
        reached = (alarmed * 10_000 <= allowed * genuines).sum(axis=0)
        recall = np.where(reached > 0, np.take_along_axis(caught, np.maximum(reached - 1, 0)[None], axis=0)[0], 0.0)
        found[recall_name(allowed)] = np.where(genuines > 0, ratio(recall, frauds), np.nan)
    return found


def recall_name(per_10000: int) -> str:
    """The name of the recall at a false-positive rate."""
    return f"recall_at_fpr_{per_10000}"


def marks(risk: Floats, decision: Ints) -> dict[str, float | None]:
    """The lowest risk that REVIEW and BLOCK have: where the policy's own thresholds lie in its ranking."""
    found: dict[str, float | None] = {}
    for name, level in (("REVIEW", 1), ("BLOCK", 2)):
        reached = risk[decision >= level]
        found[name] = float(reached.min()) if len(reached) else None
    return found
