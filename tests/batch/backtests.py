"""Synthetic back-tests: single rows, and the tables that a back-test would make of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped, unused-ignore]

from fraudray.batch.report.tallies import CHALLENGER_FIELDS, OUTCOMES, Tallies

FIRST_DAY = 20_000  # 2024-10-04
SCENARIOS = ("stolen card", "account takeover", "mule <b>account</b>")
CODES = ("IMPOSSIBLE_TRAVEL", "UNKNOWN_DEVICE", "HIGH_AMOUNT", "NIGHT_HOUR", "ANONYMISING_ADDRESS", "TERMINAL_FRAUD")
CHANGED = {
    "transaction_id": "T-1", "customer_id": "C-9", "occurred_at": "2024-10-05T10:00:00+00:00", "amount": 120.5,
    "champion": {"decision": "APPROVE", "score": 20}, "challenger": {"decision": "REVIEW", "score": 45},
    "gained": ["NIGHT_HOUR"], "lost": [], "fraud": True,
}  # fmt: skip


def rows(
    count: int, *, seed: int = 1, days: int = 30, fraud: float = 0.05, unlabelled: float = 0.05, coarse: int = 100
) -> dict[str, Any]:
    """Single transactions in columns; risks are multiples of 1/coarse, so that they tie."""
    draw = np.random.default_rng(seed)
    bad = draw.random(count) < fraud
    label = np.where(draw.random(count) < unlabelled, -1, bad.astype(np.int64))
    raw = np.clip(draw.normal(np.where(bad, 55, 15), np.where(bad, 22, 12)), 0, 100).astype(np.int64)
    found = _decided(raw, draw, coarse, "")
    found |= _decided(np.clip(raw + draw.integers(-4, 9, count), 0, 100), draw, coarse, "challenger_")
    names = np.array([*SCENARIOS, None], dtype=object)
    scenario = np.where(label == 1, names[draw.integers(0, len(names), count)], None)
    return found | {
        "day": FIRST_DAY + draw.integers(0, days, count),
        "fraud": label,
        "scenario": scenario,
        "plain": (draw.random(count) < np.where(bad, 0.6, 0.12)).astype(np.int64),
        "count": np.ones(count, np.int64),
        "amount": np.round(draw.lognormal(3.5, 1.1, count), 2),
    }


def _decided(raw: Any, draw: Any, coarse: int, prefix: str) -> dict[str, Any]:
    evidence = np.digitize(raw, (40, 75))
    frozen = draw.random(len(raw)) < 0.01
    risk = np.round(np.round(coarse / (1 + np.exp(-(raw - 57.5) / 18))) / coarse, 4)
    return {
        f"{prefix}decision": np.where(frozen, 2, evidence),
        f"{prefix}evidence_decision": evidence,
        f"{prefix}score": np.where(frozen, 100, raw),
        f"{prefix}risk": risk,
    }


def outcomes(columns: dict[str, Any], *, challenger: bool = False) -> pa.Table:
    """The table of outcomes of single rows, unmerged: each row is its own key."""
    schema = pa.schema([*OUTCOMES, *(CHALLENGER_FIELDS if challenger else ())])
    return pa.table({name: pa.array(columns[name], schema.field(name).type) for name in schema.names}, schema)


def merged(table: pa.Table) -> pa.Table:
    """The same with equal keys added up."""
    keys = [name for name in table.column_names if name not in ("count", "amount")]
    summed = table.group_by(keys).aggregate([("count", "sum"), ("amount", "sum")])
    return summed.rename_columns({"count_sum": "count", "amount_sum": "amount"})


def tallies(count: int = 6000, *, challenger: bool = True, seed: int = 1, days: int = 30, **how: Any) -> Tallies:
    """A whole back-test."""
    columns = rows(count, seed=seed, days=days, **how)
    table = merged(outcomes(columns, challenger=challenger))
    draw = np.random.default_rng(seed + 1)
    sides = ("champion", "challenger") if challenger else ("champion",)
    return Tallies(
        table,
        pa.concat_tables(_card_days(seed, days, side) for side in sides),
        _segments(columns, draw),
        _rules(draw),
        _overlaps(draw),
        [CHANGED] if challenger else [],
        None,
    )


def _card_days(seed: int, days: int, side: str) -> pa.Table:
    """The same customers for both sides, whose risks differ a little."""
    draw, own = np.random.default_rng(seed), np.random.default_rng([seed, len(side)])
    size = days * 60
    truth = draw.random(size) ** 3
    customers = draw.integers(1, 6, size)
    frauds = draw.binomial(customers, 0.5 * truth)
    risk = np.round(np.clip(truth + own.normal(0, 0.1, size), 0, 1), 2)
    return pa.table(
        {
            "side": [side] * size,
            "day": FIRST_DAY + np.repeat(np.arange(days), 60),
            "risk": risk,
            "known": (draw.random(size) < 0.05).astype(np.int8),
            "customers": customers,
            "fraud_customers": frauds,
        }
    )


def _segments(columns: dict[str, Any], draw: Any) -> pa.Table:
    size = len(columns["day"])
    values = {
        "channel": np.array(["pos", "online", "atm"])[draw.integers(0, 3, size)],
        "hour": draw.integers(0, 24, size).astype(str),
        "amount": np.array(["under 10", "10 to 50", "50 to 200", "over 200"])[
            np.digitize(columns["amount"], (10, 50, 200))
        ],
    }
    return pa.concat_tables(
        pa.table(
            {
                "segment": [name] * size, "value": value, "fraud": columns["fraud"],
                "evidence_decision": columns["evidence_decision"], "count": columns["count"],
                "amount": columns["amount"],
            }
        )
        for name, value in values.items()
    )  # fmt: skip


def _rules(draw: Any) -> pa.Table:
    found = []
    for index, code in enumerate(CODES):
        for fraud, of in ((1, 200 - 20 * index), (0, 300 + 100 * index), (-1, 20)):
            fired = int(draw.integers(of // 2, of))
            found.append(
                {
                    "code": code, "family": "place" if index % 2 else "identity", "fraud": fraud, "fired": fired,
                    "alone": fired // 5, "points": fired * 20, "amount": fired * 41.5, "lowered": fired // 3,
                    "lowered_amount": fired * 12.0,
                }
            )  # fmt: skip
    return pa.Table.from_pylist(found)


def _overlaps(draw: Any) -> pa.Table:
    pairs = [(a, b) for a in sorted(CODES) for b in sorted(CODES) if a < b]
    return pa.Table.from_pylist(
        [
            {"code_a": a, "code_b": b, "fraud": fraud, "count": int(draw.integers(0, 40))}
            for a, b in pairs for fraud in (1, 0)
        ]
    )  # fmt: skip


RUN: dict[str, Any] = {
    "policies": {
        "champion": {"name": "card-payments", "version": "2", "hash": "9f3c"},
        "challenger": {"name": "card-payments", "version": "3-draft", "hash": "77aa"},
    },
    "plain": "amount above 1,000, or abroad, or at night",
    "history": {
        "name": "synthetic", "rows": 6000, "sources": ["part-0001.parquet"], "first": "2024-10-04T00:00:03Z",
        "last": "2024-11-02T23:59:10Z", "labels": "chargebacks",
    },
    "base_currency": "EUR",
    "thresholds": {"review": 40, "block": 75},
    "feedback_delay_days": 7,
    "wall_s": {"features": 4.2, "decisions": 61.3},
    "rejected": [{"reason": "amount: missing", "count": 3, "example": "Field required"}],
    "notes": ["Device ids are not recorded in this history."],
}  # fmt: skip
