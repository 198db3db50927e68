"""Putting a report where people without access to the API can open it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson

from fraudray.ports.clock import Clock
from fraudray.ports.reports import ReportShelf
from fraudray.reports.case_report import render_html


@dataclass(frozen=True, slots=True)
class Published:
    """Where a report opens, and until when. Whoever has the address can read it."""

    address: str
    until: datetime

    @property
    def words(self) -> str:
        """In a sentence, for people."""
        return f"opens until {self.until:%Y-%m-%d %H:%M} UTC at {self.address}"


class ReportPublisher:
    """Puts reports on the shelf that is set, if any. The database keeps them in any case."""

    def __init__(self, shelf: ReportShelf | None, link_s: int, clock: Clock) -> None:
        """Addresses open for `link_s` seconds."""
        self._shelf, self._link_s, self._clock = shelf, link_s, clock

    def publish(self, document: dict[str, Any]) -> Published | None:
        """Put the report's document and page; where the page opens. None without a shelf. Raises DeliveryFailed."""
        if self._shelf is None:
            return None
        case_id, until = document["case_id"], self._clock.now() + timedelta(seconds=self._link_s)
        self._shelf.put(f"{case_id}/report.json", orjson.dumps(document), "application/json")
        page = render_html(document).encode()
        return Published(self._shelf.put(f"{case_id}/report.html", page, "text/html; charset=utf-8"), until)
