"""Putting a report where people without access to the API can open it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from fraudray.domain.errors import SettingsError
from fraudray.ports.clock import Clock
from fraudray.ports.reports import ReportShelf
from fraudray.reports.formats import MEDIA_TYPES, ReportFormat, rendered


@dataclass(frozen=True, slots=True)
class Published:
    """Where a report opens in each of its forms, and until when. Whoever has an address can read it."""

    addresses: Mapping[ReportFormat, str]
    until: datetime

    @property
    def words(self) -> str:
        """In a sentence, for people."""
        return f"opens until {self.until:%Y-%m-%d %H:%M} UTC at {self.addresses['html']}"


class ReportPublisher:
    """Puts reports on the shelf that is set, if any. The database keeps them in any case."""

    def __init__(self, shelf: ReportShelf | None, link_s: int, clock: Clock) -> None:
        """Addresses open for `link_s` seconds."""
        self._shelf, self._link_s, self._clock = shelf, link_s, clock

    def publish(self, document: dict[str, Any]) -> Published | None:
        """Put the report as document, page and, where the `reports` extra is installed, PDF; where they open. None
        without a shelf. Raises DeliveryFailed."""
        if self._shelf is None:
            return None
        until = self._clock.now() + timedelta(seconds=self._link_s)
        addresses: dict[ReportFormat, str] = {}
        for form, media_type in MEDIA_TYPES.items():
            try:
                content = rendered(document, form)
            except SettingsError:
                continue  # PDF, without its extra
            addresses[form] = self._shelf.put(f"{document['case_id']}/report.{form}", content, media_type)
        return Published(addresses, until)
