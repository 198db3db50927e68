"""The outbox entries that tell webhooks of a change, planned from memory and written with the change."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from fraudray.domain.case import CaseSummary
from fraudray.domain.decision import Decision
from fraudray.domain.webhook import Event, Webhook
from fraudray.ports.clock import Ids
from fraudray.ports.ledger import OutboxEntry

KIND = "webhook"


class WebhookNotices:
    """Implements `fraudray.ports.notices.Notices`, and the same for cases. Costs nothing while nobody listens."""

    def __init__(self, ids: Ids) -> None:
        self._ids = ids
        self._listening: tuple[Webhook, ...] = ()

    def follow(self, webhooks: Iterable[Webhook]) -> None:
        """These are all the endpoints from now on; those switched off hear nothing."""
        self._listening = tuple(webhook for webhook in webhooks if webhook.status == "on")

    def entries_for(self, event: Event, decision: Decision) -> list[OutboxEntry]:
        """See `Notices.entries_for`. The payload is the document stored for this revision."""
        listening = [w for w in self._listening if w.wants(event, decision.decision)]
        if not listening:
            return []
        details = {
            "event": event, "at": _rfc3339(decision.decided_at), "transaction_id": decision.transaction_id,
            "revision": decision.revision,
        }  # fmt: skip
        return self._entries(
            listening, details, decision_id=decision.decision_id, case_id=decision.case_id,
            customer_id=decision.customer_id,
        )  # fmt: skip

    def entries_for_case(
        self, event: Event, case: CaseSummary, *, change: dict[str, Any], at: datetime, decision_id: str = ""
    ) -> list[OutboxEntry]:
        """The same for a case: the payload is the case as this `change` leaves it, kept with the entry."""
        listening = [w for w in self._listening if w.wants(event)]
        if not listening:
            return []
        data = case.model_dump(mode="json") | {"change": change}
        details = {"event": event, "at": _rfc3339(at), "data": data}
        return self._entries(
            listening, details, decision_id=decision_id, case_id=case.case_id, customer_id=case.customer_id
        )

    def _entries(self, listening: list[Webhook], details: dict[str, Any], **of: Any) -> list[OutboxEntry]:
        event_id = self._ids.new("evt")  # the same for all endpoints and all tries
        details = {"event_id": event_id} | details
        return [
            OutboxEntry(
                entry_id=self._ids.new("out"), kind=KIND, idempotency_key=f"{event_id}/{webhook.webhook_id}",
                details=details, webhook_id=webhook.webhook_id, **of,
            )
            for webhook in listening
        ]  # fmt: skip


def _rfc3339(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
