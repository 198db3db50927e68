"""`service.reports` over HTTP."""

from __future__ import annotations

from typing import Any

from fraudray.client.wire import Wire, part

PERIOD_S = 600


class ReportsClient:
    """See `fraudray.service.reports.Reports`."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def make(self, case_id: str, *, author: str) -> dict[str, Any]:
        """See `Reports.make`."""
        return self._wire.send("POST", f"/v1/cases/{part(case_id)}/report", {}, author)

    def period(self, *, start: str, end: str, timezone: str = "UTC") -> dict[str, Any]:
        """See `Reports.period`. Waits ten minutes: millions of decisions take a while."""
        query = {"from": start, "to": end, "timezone": timezone, "format": "json"}
        report: dict[str, Any] = self._wire.answer("GET", "/v1/reports/period", params=query, timeout=PERIOD_S).json()
        return report
