"""Decisions a second in this process, with durable storage, beside two baselines of the same run."""

from __future__ import annotations

import os
import statistics
import tempfile
from collections import Counter, deque
from collections.abc import Sequence
from concurrent.futures import Future
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from fraudray.answer import Answer
from fraudray.bootstrap import App
from fraudray.cli.bench_load import Load
from fraudray.cli.bench_storage import open_storage
from fraudray.domain.transaction import Transaction
from fraudray.service import parse_profiles
from fraudray.settings import Settings

IN_FLIGHT_MAX = 256
WARM_UP = 200
STAGES = ("state", "tools", "policy", "store")
Document = dict[str, Any]


def bench_engine(
    settings: Settings, *, count: int, customers: int, seconds: float | None, seed: int, folder: Path | None
) -> Document:
    """Decide up to `count` payments, for at most `seconds`, in a temporary data folder below `folder` and, where the
    settings name a PostgreSQL database, in a temporary schema of it."""
    load = Load(datetime.now(UTC), customers, seed)
    payments = list(load.payments(count + WARM_UP))
    with tempfile.TemporaryDirectory(prefix="fraudray-bench-", dir=folder) as name:
        data_dir = Path(name)
        fsync_ms = _fsync_ms(data_dir)
        with open_storage(settings, data_dir) as storage:
            app = App(
                settings.model_copy(
                    update={"data_dir": data_dir, "database_url": storage.url, "sample_customers": False}
                ),
                work=False,
            )
            with app:
                app.store.customers.put(parse_profiles(load.profiles()), actor="bench", at=datetime.now(UTC))
                _decide(app, payments[:WARM_UP], None)
                before = storage.size()
                decided = _decide(app, payments[WARM_UP:], seconds)
                app.store.verify_audit()
                stored = max(1, storage.size() - before)
            done: int = decided["decisions"]
            bytes_each = max(200, stored // max(1, done))
            parsed_s = _parse(payments[WARM_UP : WARM_UP + done])
            insert_s = storage.insert(done, bytes_each, batch=IN_FLIGHT_MAX)
    return decided | {
        "customers": customers, "seed": seed, "database": storage.name, "fsync": settings.fsync, "fsync_ms": fsync_ms,
        "in_flight_max": IN_FLIGHT_MAX, "bytes_stored_each": bytes_each,
        "baselines_per_s": {
            "parse_and_validate": round(done / parsed_s, 1),
            f"bare_{storage.name}_insert": round(done / insert_s, 1),
        },
    }  # fmt: skip


def _decide(app: App, payments: Sequence[Document], seconds: float | None) -> Document:
    """Submit in order with at most 256 waiting to become durable, as a busy server has them."""
    outcomes: Counter[str] = Counter()
    stages: dict[str, list[float]] = {stage: [] for stage in STAGES}
    waiting: deque[Future[Answer]] = deque()
    answered = 0

    def take() -> None:
        nonlocal answered
        decision = waiting.popleft().result().decision
        answered += 1
        outcomes[decision.decision.value] += 1
        for stage in STAGES:
            stages[stage].append(getattr(decision.latency_ms, stage) or 0.0)

    began, cpu_began = perf_counter(), process_time()
    for payment in payments:
        if seconds is not None and perf_counter() - began >= seconds:
            break
        waiting.append(app.engine.submit(payment))
        if len(waiting) >= IN_FLIGHT_MAX:
            take()
    while waiting:
        take()
    elapsed, cpu_s = perf_counter() - began, process_time() - cpu_began
    return {
        "decisions": answered,
        "elapsed_s": round(elapsed, 3),
        "decisions_per_s": round(answered / elapsed, 1),
        "cpu_us_each": round(cpu_s / max(1, answered) * 1e6, 1),
        "outcomes": dict(sorted(outcomes.items())),
        "stages_ms": {
            stage: {"mean": round(statistics.fmean(values), 4), "p99": round(_quantile(values, 0.99), 4)}
            for stage, values in stages.items()
            if values
        },
    }


def _parse(payments: Sequence[Document]) -> float:
    """Seconds to check the same payments and do nothing else."""
    now = datetime.now(UTC)
    began = perf_counter()
    for payment in payments:
        Transaction.parse(payment, now=now)
    return perf_counter() - began


def _fsync_ms(folder: Path) -> float:
    """The median of 30 small durable writes: near zero means that this folder is no real disk."""
    times = []
    with (folder / "fsync.probe").open("wb") as file:
        for _ in range(30):
            file.write(b"x" * 4096)
            file.flush()
            began = perf_counter()
            os.fsync(file.fileno())
            times.append((perf_counter() - began) * 1000)
    return round(statistics.median(times), 3)


def _quantile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
