"""What a history says of the product's promise: 95 % of frauds at 2 % of genuine payments, where plain rules are said
to give 70 % at 15 %."""

from __future__ import annotations

from typing import Any, Literal

from fraudray.batch.report.estimate import Measure
from fraudray.domain.figure_words import share

PROMISED_RECALL, PROMISED_FPR = 0.95, 0.02
PLAIN_RECALL, PLAIN_FPR = 0.70, 0.15
Verdict = Literal["holds", "fails", "open", "unknown"]
_BEST_FIRST: tuple[Verdict, ...] = ("holds", "open", "fails")
_WORST_FIRST: tuple[Verdict, ...] = ("unknown", "fails", "open")


def claim(
    recall: Measure, fpr: Measure, at_promised_fpr: Measure, plain_recall: Measure, plain_fpr: Measure
) -> dict[str, Any]:
    """The promise against the champion at its thresholds, and by its ranking at the promised false-positive rate: if
    either holds, the promise does. `open` where it depends on chance: the interval has both answers in it."""
    at_thresholds = _verdict(_at_least(recall, PROMISED_RECALL), _at_most(fpr, PROMISED_FPR))
    by_ranking = _at_least(at_promised_fpr, PROMISED_RECALL)
    verdicts = (at_thresholds, by_ranking)
    overall: Verdict = "unknown"
    for one in _BEST_FIRST:
        if one in verdicts:
            overall = one
            break
    return {
        "promise": {
            "recall": PROMISED_RECALL, "fpr": PROMISED_FPR, "plain_recall": PLAIN_RECALL, "plain_fpr": PLAIN_FPR,
        },
        "at_thresholds": at_thresholds,
        "by_ranking": by_ranking,
        "verdict": overall,
        "sentence": _sentence(overall, at_promised_fpr),
        "plain_sentence": _plain_sentence(plain_recall, plain_fpr),
    }  # fmt: skip


def _at_least(measure: Measure, bound: float) -> Verdict:
    value, low, high = measure["value"], measure["low"], measure["high"]
    if value is None:
        return "unknown"
    if low is None or high is None:
        return "holds" if value >= bound else "fails"
    return "holds" if low >= bound else "fails" if high < bound else "open"


def _at_most(measure: Measure, bound: float) -> Verdict:
    value, low, high = measure["value"], measure["low"], measure["high"]
    if value is None:
        return "unknown"
    if low is None or high is None:
        return "holds" if value <= bound else "fails"
    return "holds" if high <= bound else "fails" if low > bound else "open"


def _verdict(one: Verdict, other: Verdict) -> Verdict:
    for worst in _WORST_FIRST:
        if worst in (one, other):
            return worst
    return "holds"


def _sentence(verdict: Verdict, at_promised_fpr: Measure) -> str:
    promise = "The product's promise, 95 % of frauds detected at 2 % false positives,"
    if verdict == "unknown":
        return f"{promise} cannot be judged on this history: {at_promised_fpr['reason']}."
    says = {
        "holds": "holds on this history",
        "fails": "does not hold on this history",
        "open": "is neither shown nor ruled out by this history",
    }[verdict]
    if at_promised_fpr["value"] is None:
        return f"{promise} {says}."
    caveat = "" if at_promised_fpr["low"] is not None else f" ({at_promised_fpr['reason']})"
    return (
        f"{promise} {says}: where 2 % of genuine payments may be flagged, the ranking finds {share(at_promised_fpr)} "
        f"of frauds{caveat}."
    )


def _plain_sentence(recall: Measure, fpr: Measure) -> str:
    if recall["value"] is None or fpr["value"] is None:
        return f"The plain rules cannot be judged on this history: {recall['reason'] or fpr['reason']}."
    return (
        f"Plain rules flag {share(recall)} of frauds and {share(fpr)} of genuine payments here; the promise compares "
        "itself with plain rules of 70 % at 15 %."
    )
