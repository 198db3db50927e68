"""What a history turned out to hold, counted while it passes; `history.json` and the README beside it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from fraudray.batch.synthetic.row import SCENARIOS, TYPES, Rows
from fraudray.batch.synthetic.world import World

FORMAT = 1
NOTE = (
    "Synthetic: every row was made by rules written for fraudray. Figures of detection on it say nothing about the "
    "world."
)


class Tally:
    """Counts rows by scenario and by type, and remembers the first and last moment."""

    def __init__(self) -> None:
        """Of nothing yet."""
        self._scenarios = np.zeros(len(SCENARIOS) + 1, np.int64)
        self._types = np.zeros(len(TYPES), np.int64)
        self._first_us = self._last_us = 0

    def watch(self, days: Iterable[Rows]) -> Iterator[Rows]:
        """The same rows, counted; each array sorted by time and after the one before."""
        for rows in days:
            if len(rows):
                self._first_us = self._first_us or int(rows["at"][0])
                self._last_us = int(rows["at"][-1])
            # Genuine is -1 and comes first.
            self._scenarios += np.bincount(rows["scenario"] + 1, minlength=len(self._scenarios))
            self._types += np.bincount(rows["kind"], minlength=len(self._types))
            yield rows

    def document(self, world: World, files: list[dict[str, Any]], registered: int) -> dict[str, Any]:
        """`history.json`: what was asked for and what was made."""
        rows, fraud = int(self._scenarios.sum()), int(self._scenarios[1:].sum())
        return {
            "synthetic": True,
            "note": NOTE,
            "format": FORMAT,
            "parameters": world.plan.document(),
            "rows": rows,
            "first_timestamp": _moment(self._first_us),
            "last_timestamp": _moment(self._last_us),
            "customers": len(world.customers),
            "customers_registered": registered,
            "merchants": len(world.merchants),
            "fraud_rows": fraud,
            "fraud_share": round(fraud / rows, 6),
            "scenarios": {
                name: {"rows": count, "share": round(count / rows, 6)}
                for name, count in zip(SCENARIOS, self._scenarios[1:].tolist(), strict=True)
            },
            "transaction_types": {
                kind.value: count for kind, count in zip(TYPES, self._types.tolist(), strict=True)
            },
            "files": files,
        }  # fmt: skip


def _moment(microseconds: int) -> str:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
    return moment.isoformat().replace("+00:00", "Z")


def about(document: dict[str, Any]) -> str:
    """The README of a history (Markdown)."""
    asked = document["parameters"]
    lines = [f"| {name} | {held['rows']:,} | {held['share']:.4%} |" for name, held in document["scenarios"].items()]
    return _ABOUT.format(
        rows=document["rows"], customers=document["customers"], seed=asked["seed"], scenarios="\n".join(lines),
        first=document["first_timestamp"], last=document["last_timestamp"], fraud=document["fraud_share"],
        delay=asked["label_delay_days"],
    )  # fmt: skip


_ABOUT = """# A synthetic history

{rows:,} transactions of {customers:,} customers from {first} to {last}, made by `fraudray history generate` with seed
{seed}. No person, card, merchant or account in it exists.

- `part-*.parquet`: the transactions in fraudray's own schema, sorted by `timestamp` over all files. Labels:
  `is_fraud`, `fraud_scenario` (null for genuine rows) and `label_known_at`, the moment from which a bank would know the
  label: {delay:g} days after a genuine row on average, a fraction of that for card testing, almost twice for friendly
  fraud.
- `customers.ndjson`: what the bank has registered of most customers; `fraudray customers import` reads it.
- `history.json`: the parameters, and what there is of everything.

| scenario | rows | share |
|---|---:|---:|
{scenarios}
| all fraud | | {fraud:.4%} |

A short history holds more fraud than asked for, since every scenario happens at least once.

## What it can show

Load, correctness and plumbing: that a pipeline takes in a history of this size, keeps its order and its purchases
together, joins labels only once they are known, and gives the same answer twice. Also comparisons of one version,
policy or machine with another on the same rows.

## What it cannot show

How much fraud anything would catch. The rules that made the fraud were written by those who wrote the detector: the
scenarios are few, separate and tidier than thieves are, and genuine customers are more regular than people. A detection
rate, false-positive rate or saving measured here says nothing about any bank's transactions. Do not quote one.

The same parameters and seed give the same bytes with the same version of fraudray, numpy and pyarrow on the same kind
of processor, however many cores it has.
"""
