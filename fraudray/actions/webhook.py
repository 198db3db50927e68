"""What a webhook says and how it is signed (Standard Webhooks 1.0.0), and what the endpoint's answer means."""

from __future__ import annotations

from datetime import UTC
from typing import Any

import orjson
from standardwebhooks import Webhook as Signer

from fraudray.adapters.sql.store import SqlStore
from fraudray.adapters.webhook_http import Reply, WebhookHttp
from fraudray.domain.errors import DeliveryFailed
from fraudray.domain.webhook import TEST_EVENT
from fraudray.ports.clock import Clock, Ids
from fraudray.ports.ledger import OutboxEntry


class WebhookDelivery:
    """Carries out the outbox's `webhook` entries: `deliver` is a handler of `Deliverer`."""

    def __init__(self, store: SqlStore, http: WebhookHttp, clock: Clock, ids: Ids) -> None:
        self._store, self._http, self._clock, self._ids = store, http, clock, ids

    def deliver(self, entry: OutboxEntry) -> str:
        """Send one event. Raises DeliveryFailed; an endpoint that answers 410 is switched off."""
        if "event_id" not in entry.details:
            raise DeliveryFailed("the customer's data was erased", permanent=True)
        reply = self._send(str(entry.webhook_id), entry.details["event_id"], self._body(entry))
        return f"HTTP {reply.status}"

    def send_test(self, webhook_id: str) -> str:
        """Send a `webhook.test` event at once, also to an endpoint that is off. Raises NotFound, DeliveryFailed."""
        event_id = self._ids.new("evt")
        at = self._clock.now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        body = _document(TEST_EVENT, at, orjson.dumps({"webhook_id": webhook_id}))
        return f"HTTP {self._send(webhook_id, event_id, body, even_off=True).status}"

    def _body(self, entry: OutboxEntry) -> bytes:
        """The same bytes at every try: a revision as it is stored, or a case as the entry keeps it."""
        details: dict[str, Any] = entry.details
        if "data" in details:
            data = orjson.dumps(details["data"])
        else:
            data = self._store.cases.document(details["transaction_id"], details["revision"])
        return _document(details["event"], details["at"], data)

    def _send(self, webhook_id: str, event_id: str, body: bytes, *, even_off: bool = False) -> Reply:
        webhook, now = self._store.webhooks.get(webhook_id), self._clock.now().astimezone(UTC)
        if webhook.status == "off" and not even_off:
            raise DeliveryFailed(f"webhook {webhook_id} is off: {webhook.status_reason}", permanent=True)
        text = body.decode()
        signatures = [
            Signer(secret).sign(event_id, now, text) for secret in self._store.webhooks.secrets(webhook_id, now)
        ]
        headers = {
            "content-type": "application/json", "user-agent": "fraudray-webhooks", "webhook-id": event_id,
            "webhook-timestamp": str(int(now.timestamp())), "webhook-signature": " ".join(signatures),
        }  # fmt: skip
        reply = self._http.post(webhook.url, headers, body, now=now)
        if 200 <= reply.status < 300:
            return reply
        if reply.status == 410:
            reason = "it answered 410 Gone"
            self._store.webhooks.switch(webhook_id, on=False, reason=reason, actor="outbox", at=now)
            raise DeliveryFailed(f"webhook {webhook_id} was switched off: {reason}", permanent=True)
        hint = " (redirects are not followed)" if 300 <= reply.status < 400 else ""
        raise DeliveryFailed(f"it answered HTTP {reply.status}{hint}", retry_after_s=reply.retry_after_s)


def _document(event: str, at: str, data: bytes) -> bytes:
    return b'{"type":%b,"timestamp":%b,"data":%b}' % (orjson.dumps(event), orjson.dumps(at), data)
