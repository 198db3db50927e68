"""Prometheus metrics of one gateway: decisions by outcome, latency by stage, tools, investigations, webhooks; with what
its store says (`store_metrics.py`) and its audit trail (`audit_metrics.py`)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from fraudray.adapters.sql.store import SqlStore
from fraudray.deployments.audit_metrics import AuditCollector
from fraudray.deployments.live import LiveWindow
from fraudray.deployments.store_metrics import CasesCollector, OutboxCollector
from fraudray.domain.decision import Decision, Outcome
from fraudray.domain.errors import FraudrayError
from fraudray.domain.investigation import Investigation, Usage
from fraudray.domain.question import CaseAnswer
from fraudray.ports.clock import Clock
from fraudray.ports.investigator import Investigator
from fraudray.rules.watch import PolicyWatch

_SECONDS = (0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0)
_MODEL_SECONDS = (0.05, 0.1, 0.2, 0.4, 0.8, 1.2, 1.7, 2.5, 5.0, 10.0, 30.0, 120.0)
_STAGES = ("total", "state", "tools", "policy", "store")


class Metrics:
    """Counts what the gateway does."""

    def __init__(
        self,
        store: SqlStore,
        clock: Clock,
        watch: PolicyWatch,
        webhooks: Mapping[str, int],
        data_status: Callable[[], dict[str, Any]],
        investigator: Investigator | None = None,
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
        self._investigations = Counter(
            "fraudray_investigations", "Investigations ended, by effect (confirmed, raised, lowered, none) or by the "
            "reason for which there is no verdict.", ["result"], registry=registry,
        )  # fmt: skip
        self._first_token = Histogram(
            "fraudray_investigation_first_token_seconds", "Until the model's first token.", buckets=_MODEL_SECONDS,
            registry=registry,
        )  # fmt: skip
        self._verdict = Histogram(
            "fraudray_investigation_verdict_seconds", "Until risk, decision and citations had parsed.",
            buckets=_MODEL_SECONDS, registry=registry,
        )  # fmt: skip
        self._round_trips = Counter("fraudray_investigation_round_trips", "Requests to the model.", registry=registry)
        self._tokens = Counter(
            "fraudray_investigation_tokens", "Tokens, as the engine counts: of prompts, of those what its prefix cache "
            "held, written, and of those reasoning.", ["kind"], registry=registry,
        )  # fmt: skip
        self._questions = Counter(
            "fraudray_questions", "Questions about cases: answered, or the reason why not.", ["result"],
            registry=registry,
        )  # fmt: skip
        self._refused = Counter("fraudray_refused", "Requests refused, by HTTP status.", ["status"], registry=registry)
        self._decided = {outcome: decisions.labels(outcome.value) for outcome in Outcome}
        self._stages = [(name, stages.labels(name)) for name in _STAGES]
        self.live = LiveWindow()
        registry.register(OutboxCollector(store.outbox))
        registry.register(CasesCollector(store.cases, clock))
        self._audit = AuditCollector(store.engine, clock)
        self.verified = self._audit.verified
        registry.register(self._audit)
        registry.register(_PolicyCollector(watch))
        registry.register(_WebhookCollector(webhooks))
        registry.register(_DataCollector(data_status))
        if investigator is not None:
            registry.register(_BreakerCollector(investigator))

    def decided(self, decision: Decision) -> None:
        """Count a decision that was just made."""
        self.live.decided(decision)
        self._decided[decision.decision].inc()
        latency = decision.latency_ms
        for name, histogram in self._stages:
            took_ms = getattr(latency, name)
            if took_ms is not None:
                histogram.observe(took_ms / 1000)
        for tool, found in decision.evidence.items():
            if found.status != "ok":
                self._tool_errors.labels(tool).inc()

    def investigated(self, ended: Investigation, decision: Decision | None) -> None:
        """Count an investigation that is over."""
        finding = ended.finding
        if finding is None:
            return
        effect = decision.investigator.effect if decision is not None else None
        self._investigations.labels(effect or (finding.failure or "failed")).inc()
        if finding.timing.first_token_ms is not None:
            self._first_token.observe(finding.timing.first_token_ms / 1000)
        if finding.timing.verdict_ms is not None:
            self._verdict.observe(finding.timing.verdict_ms / 1000)
        self._used(finding.usage)

    def asked(self, answer: CaseAnswer) -> None:
        """Count a question that is over."""
        self._questions.labels(answer.why or "answered").inc()
        self._used(answer.usage)

    def _used(self, usage: Usage) -> None:
        self._round_trips.inc(usage.round_trips)
        for kind in ("prompt", "cached", "completion", "reasoning"):
            self._tokens.labels(kind).inc(getattr(usage, f"{kind}_tokens"))

    def refused(self, status: int) -> None:
        """Count a request that was not accepted."""
        self.live.refused()
        self._refused.labels(str(status)).inc()

    def render(self) -> bytes:
        """The metrics in Prometheus' text format."""
        return generate_latest(self._registry)


class _BreakerCollector(Collector):
    def __init__(self, investigator: Investigator) -> None:
        self._investigator = investigator

    def collect(self) -> Iterator[GaugeMetricFamily]:
        state = asyncio.run(self._investigator.breaker())
        gauge = GaugeMetricFamily(
            "fraudray_investigator_breaker", "1 for the state that the model's breaker is in.", labels=["state"]
        )
        for name in ("closed", "open", "half-open"):
            gauge.add_metric([name], float(name == state))
        yield gauge


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
