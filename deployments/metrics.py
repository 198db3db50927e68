"""Prometheus metrics of one gateway: decisions by outcome, latency by stage, tool errors, outbox, webhooks."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from fraudray.adapters.sql.outbox import SqlOutbox
from fraudray.domain.decision import Decision, Outcome
from fraudray.domain.errors import FraudrayError, StoreFailed
from fraudray.rules.watch import PolicyWatch

_SECONDS = (0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0)
_STAGES = ("total", "state", "tools", "policy", "store")


class Metrics:
    """Counts what the gateway does."""

    def __init__(
        self,
        outbox: SqlOutbox,
        watch: PolicyWatch,
        webhooks: Mapping[str, int],
        data_status: Callable[[], dict[str, Any]],
    ) -> None:
        self._registry = registry = CollectorRegistry()
        decisions = Counter("fraudray_decisions", "Decisions made, by outcome.", ["decision"], registry=registry)
        stages = Histogram(
            "fraudray_decision_seconds", "Time to decide, by stage.", ["stage"], buckets=_SECONDS, registry=registry
        )
        replays = Counter("fraudray_replays", "Answers from the record to repeated transactions.", registry=registry)
        self.replayed = replays.inc
        self._tool_errors = Counter(
            "fraudray_tool_errors", "Read tools that were unavailable.", ["tool"], registry=registry
        )
        self._refused = Counter("fraudray_refused", "Requests refused, by HTTP status.", ["status"], registry=registry)
        self._decided = {outcome: decisions.labels(outcome.value) for outcome in Outcome}
        self._stages = [(name, stages.labels(name)) for name in _STAGES]
        registry.register(_OutboxCollector(outbox))
        registry.register(_PolicyCollector(watch))
        registry.register(_WebhookCollector(webhooks))
        registry.register(_DataCollector(data_status))

    def decided(self, decision: Decision) -> None:
        """Count a decision that was just made."""
        self._decided[decision.decision].inc()
        latency = decision.latency_ms
        for name, histogram in self._stages:
            took_ms = getattr(latency, name)
            if took_ms is not None:
                histogram.observe(took_ms / 1000)
        for tool, found in decision.evidence.items():
            if found.status != "ok":
                self._tool_errors.labels(tool).inc()

    def refused(self, status: int) -> None:
        """Count a request that was not accepted."""
        self._refused.labels(str(status)).inc()

    def render(self) -> bytes:
        """The metrics in Prometheus' text format."""
        return generate_latest(self._registry)


class _PolicyCollector(Collector):
    def __init__(self, watch: PolicyWatch) -> None:
        self._watch = watch

    def collect(self) -> Iterator[GaugeMetricFamily | CounterMetricFamily]:
        loads = CounterMetricFamily("fraudray_policy_loads", "Changed policies, by what became.", labels=["result"])
        for result, count in self._watch.loads.items():
            loads.add_metric([result], count)
        yield loads
        problem = "1 while the policy on disk cannot be used and the last good one is in force."
        yield GaugeMetricFamily("fraudray_policy_stale", problem, value=self._watch.problem is not None)


class _OutboxCollector(Collector):
    def __init__(self, outbox: SqlOutbox) -> None:
        self._outbox = outbox

    def collect(self) -> Iterator[GaugeMetricFamily]:
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


class _WebhookCollector(Collector):
    def __init__(self, results: Mapping[str, int]) -> None:
        self._results = results

    def collect(self) -> Iterator[CounterMetricFamily]:
        tries = CounterMetricFamily("fraudray_webhooks", "Webhooks tried, by what came of it.", labels=["result"])
        for result, count in self._results.items():
            tries.add_metric([result], count)
        yield tries


class _DataCollector(Collector):
    def __init__(self, status: Callable[[], dict[str, Any]]) -> None:
        self._status = status

    def collect(self) -> Iterator[GaugeMetricFamily]:
        age = GaugeMetricFamily("fraudray_data_age_days", "Age of a list of the world, by kind.", labels=["kind"])
        try:
            found = self._status()["lists"]
        except FraudrayError:
            return
        for entry in found:
            if entry["age_days"] is not None:
                age.add_metric([entry["kind"]], entry["age_days"])
        yield age
