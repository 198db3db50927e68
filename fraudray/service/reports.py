"""Reports of cases and of periods."""

from __future__ import annotations

import threading
from typing import Any, Protocol

from fraudray.bootstrap import App
from fraudray.domain.errors import StoreFailed
from fraudray.domain.period import parse_period
from fraudray.reports.categories import category_name
from fraudray.reports.period_report import build_period_report

Document = dict[str, Any]
BUSY_S = 5.0


class Reports(Protocol):
    """What can be asked about reports."""

    def make(self, case_id: str, *, author: str) -> Document:
        """Make and keep a case's report anew. Raises NotFound, Refused once its customer was erased."""
        ...

    def period(self, *, start: str, end: str, timezone: str = "UTC") -> Document:
        """Volumes, outcomes, reasons, amounts and cases from `start` up to `end` (see `domain.period.parse_period`).

        Nothing is stored. Raises InvalidTransaction naming `from`, `to` or `timezone`.
        """
        ...


class LocalReports:
    """Reports on this process's own App."""

    def __init__(self, app: App) -> None:
        self._app = app

    def make(self, case_id: str, *, author: str) -> Document:
        """See `Reports.make`."""
        return self._app.desk.make_report(case_id, author=author)

    def period(self, *, start: str, end: str, timezone: str = "UTC") -> Document:
        """See `Reports.period`. One at a time in this process: the rest of the machine goes on deciding."""
        app, now = self._app, self._app.clock.now()
        period = parse_period(start, end, timezone, now=now)
        if not _one_at_a_time.acquire(timeout=BUSY_S):
            raise StoreFailed("other period reports are being made; try again in a moment")
        try:
            return build_period_report(
                period, app.store.figures, made_at=now, base=app.policy.document.base_currency,
                rates=app.reference.rates, category=category_name,
            )  # fmt: skip
        finally:
            _one_at_a_time.release()


_one_at_a_time = threading.Lock()
