"""Runs of both, one after the other, and what they took."""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable
from datetime import UTC, datetime
from time import perf_counter
from typing import Any

import numpy as np

from fraudray.batch.bench.agreement import compare
from fraudray.batch.bench.book import book_features
from fraudray.batch.bench.columnar import columnar_features
from fraudray.batch.bench.payments import Payments

Document = dict[str, Any]
Tell = Callable[[str], None]


def measure(payments: Payments, *, runs: int, tell: Tell) -> Document:
    """Compute the features by the book's code and by the kernels, so many times; both from columns in memory.

    As soon as the two disagree it ends, and without any factor: `runs` is empty and `median` None.
    """
    frame = payments.frame()
    document: Document = {
        "rows": len(payments), "customers": len(np.unique(payments.customers)),
        "terminals": len(np.unique(payments.terminals)), "frauds": int(payments.fraud.sum()),
        "from": _moment(payments.at_us[0]), "to": _moment(payments.at_us[-1]), "cpus": os.cpu_count(),
    }  # fmt: skip
    measured: list[Document] = []
    for number in range(1, runs + 1):
        load = round(os.getloadavg()[0], 2)
        tell(f"run {number} of {runs}: the book's pandas code over {len(payments):,} rows")
        began = perf_counter()
        book = book_features(frame)
        baseline_s = perf_counter() - began
        tell(f"run {number} of {runs}: {baseline_s:.1f} s; now the columnar kernels")
        began = perf_counter()
        ours = columnar_features(payments)
        ours_s = perf_counter() - began
        agreement = compare(ours, {name: book[name].to_numpy() for name in ours})
        document["agreement"] = agreement.document()
        if not agreement.same_work:
            return document | {"runs": [], "median": None}
        measured.append(_figures(len(payments), baseline_s, ours_s) | {"load_1m": load})
    medians = {name: statistics.median(run[name] for run in measured) for name in measured[0] if name != "load_1m"}
    return document | {"runs": measured, "median": medians}


def _figures(rows: int, baseline_s: float, ours_s: float) -> Document:
    return {
        "baseline_s": round(baseline_s, 3), "ours_s": round(ours_s, 4), "factor": round(baseline_s / ours_s, 2),
        "baseline_rows_per_s": round(rows / baseline_s), "rows_per_s": round(rows / ours_s),
    }  # fmt: skip


def _moment(at_us: np.int64) -> str:
    return datetime.fromtimestamp(int(at_us) / 1_000_000, UTC).isoformat()
