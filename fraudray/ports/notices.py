"""Telling others what happened: the outbox entries that go with a change, written in its database transaction."""

from __future__ import annotations

from typing import Protocol

from fraudray.domain.decision import Decision
from fraudray.domain.webhook import Event
from fraudray.ports.ledger import OutboxEntry


class Notices(Protocol):
    """Who wants to hear of what, answered from memory."""

    def entries_for(self, event: Event, decision: Decision) -> list[OutboxEntry]:
        """One entry for each endpoint that wants to hear of this decision event; usually none."""
        ...


class NoNotices:
    """Nobody wants to hear of anything."""

    def entries_for(self, event: Event, decision: Decision) -> list[OutboxEntry]:
        """See `Notices.entries_for`."""
        return []
