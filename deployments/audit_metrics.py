"""What the gateway knows of its audit trail without reading it: how far it has come, what is signed, and what the last
verification said. Whether it is whole only a verification can say, which reads all of it: nobody's scrape starts one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy import Engine

from fraudray.adapters.sql.audit_ends import audit_ends
from fraudray.domain.errors import StoreFailed
from fraudray.ports.clock import Clock


@dataclass(frozen=True, slots=True)
class _Verified:
    at: datetime
    whole: bool


class AuditCollector(Collector):
    """A few rows by their primary keys at each scrape; nothing of them while the store does not answer."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine, self._clock = engine, clock
        self._verified: _Verified | None = None

    def verified(self, *, whole: bool) -> None:
        """Remember what a verification of the whole trail said that has just ended."""
        self._verified = _Verified(self._clock.now(), whole)

    def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
        """See `Collector.collect`."""
        yield from self._of_verification()
        try:
            ends = audit_ends(self._engine)
        except StoreFailed:
            return
        yield CounterMetricFamily(
            "fraudray_audit_entries", "Entries of the audit trail, of all times.", value=ends.entries
        )
        if ends.last_at is not None:
            yield GaugeMetricFamily(
                "fraudray_audit_last_entry_age_seconds", "Since the newest entry of the audit trail.",
                value=self._since(ends.last_at),
            )  # fmt: skip
        unsealed_s = self._since(ends.unsealed_at) if ends.unsealed_at is not None else 0.0
        yield GaugeMetricFamily(
            "fraudray_audit_unsealed_age_seconds", "Since the oldest entry of the audit trail that no seal signs yet; "
            "0 without one. Seals are made every second.", value=unsealed_s,
        )  # fmt: skip

    def _of_verification(self) -> Iterator[GaugeMetricFamily]:
        verified = self._verified
        if verified is None:
            return
        yield GaugeMetricFamily(
            "fraudray_audit_whole", "1 where the audit trail was whole when this gateway verified it last, 0 where "
            "not; absent until it was asked to.", value=verified.whole,
        )  # fmt: skip
        yield GaugeMetricFamily(
            "fraudray_audit_verified_age_seconds", "Since this gateway verified the audit trail last.",
            value=self._since(verified.at),
        )  # fmt: skip

    def _since(self, moment: datetime) -> float:
        return max(0.0, (self._clock.now() - moment).total_seconds())
