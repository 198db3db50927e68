"""`InvestigationService` over HTTP: JSON, and server-sent events for what happens."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from fraudray.client.wire import Wire, part
from fraudray.domain.errors import StoreFailed

RESUMES_MAX = 5
"""A stream that breaks off is taken up again so often without one event in between."""


class RemoteInvestigations:
    """On a server."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def begin(self, transaction_id: str, *, author: str) -> dict[str, Any]:
        """See `InvestigationService.begin`."""
        return self._wire.send("POST", "/v1/investigations", {"transaction_id": transaction_id}, author)

    def get(self, investigation_id: str) -> dict[str, Any]:
        """See `InvestigationService.get`."""
        return self._wire.get(f"/v1/investigations/{part(investigation_id)}")

    def of(self, transaction_id: str) -> dict[str, Any]:
        """See `InvestigationService.of`."""
        return self._wire.get("/v1/investigations", transaction_id=transaction_id)

    def events(self, investigation_id: str, *, after: int = 0) -> Iterator[dict[str, Any]]:
        """See `InvestigationService.events`; taken up again where the connection breaks."""
        path, idle = f"/v1/investigations/{part(investigation_id)}/events", 0
        while True:
            try:
                for data in self._wire.stream(path, {"last-event-id": str(after)}):
                    event = json.loads(data)
                    after, idle = event["seq"], 0
                    yield event
                    if event["kind"] == "finished":
                        return
            except StoreFailed:
                if idle >= RESUMES_MAX:
                    raise
            else:  # it ended without its last event
                if idle >= RESUMES_MAX:
                    raise StoreFailed(f"the events of {investigation_id} break off; ask again")
            idle += 1
