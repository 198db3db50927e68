"""Back-tests as the API gives them, for the page's parts: real figures of made-up transactions."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from fraudray.batch.report import Costs, Tallies, figures
from fraudray.batch.report.served import served
from tests.batch.backtests import RUN, tallies

THRESHOLDS = {"review": 40, "block": 75}


@cache
def _served(seed: int, days: int, challenger: bool) -> str:
    found = figures(tallies(3000, seed=seed, days=days, challenger=challenger), Costs())
    return json.dumps(served("bt_1", RUN, found))


def figures_of(*, seed: int = 1, days: int = 30, challenger: bool = True, **run: Any) -> dict[str, Any]:
    """The document of `GET /v1/backtests/{id}/figures`."""
    document: dict[str, Any] = {"backtest_id": "btj_1", **json.loads(_served(seed, days, challenger))}
    policies = {
        side: {"name": "card-payments", "version": version, "hash": "sha256:0", "thresholds": THRESHOLDS}
        for side, version in (("champion", "2"), ("challenger", "3"))
    }
    document["run"] |= {"policies": policies} | run
    return document


def empty_figures() -> dict[str, Any]:
    """Of a back-test without a label."""
    bare = tallies(300, challenger=False, unlabelled=1.0)
    found = figures(Tallies(bare.outcomes), Costs())
    return {"backtest_id": "btj_1", **json.loads(json.dumps(served("bt_1", RUN, found)))}


def job(**changes: Any) -> dict[str, Any]:
    """One back-test as it is listed."""
    return {
        "backtest_id": "btj_0123456789abcdef0123", "state": "done", "history": "payments",
        "policy": {"asked": "default", "ref": {"name": "card-payments", "version": "2", "hash": "sha256:0"}},
        "author": "Ana", "asked_at": "2026-11-29T08:40:03.172Z",
        "result": {"Transactions": "20,000", "Detected": "19.0 % (9.1–28.8)", "False positives": "0.31 % (0.24–0.38)"},
    } | changes  # fmt: skip


HISTORY = {
    "name": "payments", "rows": 20000, "first": "2026-05-01T00:02:01.261Z", "last": "2026-06-29T23:54:33.568Z",
    "fraud": 147, "genuine": 19853, "unlabelled": 0,
}  # fmt: skip
