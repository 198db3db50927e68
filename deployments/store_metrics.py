"""What the store says of itself when Prometheus asks: the outbox, and the analysts' cases."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import datetime, timedelta

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from fraudray.adapters.sql.casebook import SqlCaseBook
from fraudray.adapters.sql.outbox import SqlOutbox
from fraudray.domain.case_query import CaseQuery
from fraudray.domain.errors import StoreFailed
from fraudray.ports.clock import Clock

CASES_KEPT = timedelta(seconds=15)
"""Counting 50,000 cases takes some 10 ms on SQLite and 25 ms on PostgreSQL (two cores); each proxy is scraped."""


class OutboxCollector(Collector):
    """Entries by status, and the age of the oldest; nothing while the store does not answer."""

    def __init__(self, outbox: SqlOutbox) -> None:
        self._outbox = outbox

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """See `Collector.collect`."""
        depth = GaugeMetricFamily("fraudray_outbox_depth", "Outbox entries by status.", labels=["status"])
        age = GaugeMetricFamily("fraudray_outbox_age_seconds", "Age of the oldest entry.", labels=["status"])
        try:
            found = self._outbox.depth()
        except StoreFailed:
            return
        for status, (count, oldest) in found.items():
            depth.add_metric([status], count)
            age.add_metric([status], max(0.0, time.time() - oldest.timestamp()) if oldest else 0.0)
        yield depth
        yield age


class CasesCollector(Collector):
    """Cases as the analysts' queue and `GET /v1/live` count them, at most every 15 s however often it is asked; nothing
    while the store does not answer."""

    def __init__(self, cases: SqlCaseBook, clock: Clock) -> None:
        self._cases, self._clock, self._lock = cases, clock, threading.Lock()
        self._read_at: datetime | None = None
        self._counts: dict[str, int] = {}
        self._opened_at: datetime | None = None

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """See `Collector.collect`."""
        now = self._clock.now()
        try:
            with self._lock:  # a second scrape waits for what the first one reads
                self._read(now)
                counts, opened_at = self._counts, self._opened_at
        except StoreFailed:
            return
        shown = GaugeMetricFamily(
            "fraudray_cases", "Cases by status, and those that are active (not closed), ready (nobody works on them, "
            "and they wait for nothing) and overdue, which are among them.", labels=["state"],
        )  # fmt: skip
        for state, count in counts.items():
            shown.add_metric([state], count)
        yield shown
        waited_s = max(0.0, (now - opened_at).total_seconds()) if opened_at else 0.0
        yield GaugeMetricFamily(
            "fraudray_cases_age_seconds", "Since the oldest case that is ready was opened; 0 without one.",
            value=waited_s,
        )  # fmt: skip

    def _read(self, now: datetime) -> None:
        """Count anew, unless it was done just now. Raises StoreFailed."""
        if self._read_at is not None and timedelta() <= now - self._read_at < CASES_KEPT:
            return
        counts = self._cases.counts(now=now, assignee="")
        del counts["mine"]  # whose they are is no question of an operator
        oldest = self._cases.search(CaseQuery(status="ready", sort="oldest"), now=now, limit=1)
        self._counts, self._opened_at = counts, oldest[0].opened_at if oldest else None
        self._read_at = now
