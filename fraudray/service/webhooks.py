"""Webhook endpoints: who is told of decisions and cases."""

from __future__ import annotations

from collections.abc import Mapping
from time import perf_counter
from typing import Any, Protocol

from fraudray.adapters.webhook_rules import NotAllowed
from fraudray.bootstrap import App
from fraudray.desk import checked_text
from fraudray.domain.errors import DeliveryFailed, FieldProblem, InvalidTransaction
from fraudray.domain.webhook import Webhook, parse_wish

Document = dict[str, Any]
FAILED_MAX = 20


class Webhooks(Protocol):
    """What can be asked about webhooks. Raises NotFound for an unknown id."""

    def add(self, wish: Mapping[str, Any], *, author: str) -> Document:
        """Add an endpoint: `url`, `events`, and for decision events `outcomes` (REVIEW and BLOCK otherwise).

        The answer shows the secret, this once. Raises InvalidTransaction naming every bad field (an address that
        nothing may be sent to is one), Refused when there are 50 already.
        """
        ...

    def list(self) -> Document: ...

    def show(self, webhook_id: str) -> Document:
        """The endpoint, how many of its events wait, left or were given up, and the newest failures."""
        ...

    def rotate(self, webhook_id: str, *, author: str) -> Document:
        """A new secret, shown this once; for 24 hours the one before signs too."""
        ...

    def test(self, webhook_id: str, *, author: str) -> Document:
        """Send a `webhook.test` event at once and say what came of it."""
        ...

    def enable(self, webhook_id: str, *, author: str) -> Document: ...

    def disable(self, webhook_id: str, *, reason: str, author: str) -> Document: ...

    def remove(self, webhook_id: str, *, author: str) -> Document: ...


class LocalWebhooks:
    """On this process's own App."""

    def __init__(self, app: App) -> None:
        self._app, self._book = app, app.store.webhooks

    def add(self, wish: Mapping[str, Any], *, author: str) -> Document:
        """See `Webhooks.add`."""
        parsed = parse_wish(wish)
        try:
            self._app.webhook_http.check(parsed.url)
        except NotAllowed as error:
            raise InvalidTransaction([FieldProblem("url", error.code, error.message)]) from None
        webhook_id = self._app.ids.new("wh")
        webhook, secret = self._book.add(parsed, webhook_id=webhook_id, actor=author, at=self._app.clock.now())
        return _document(webhook) | {"secret": secret}

    def list(self) -> Document:
        """See `Webhooks.list`."""
        return {"webhooks": [_document(webhook) for webhook in self._book.all()]}

    def show(self, webhook_id: str) -> Document:
        """See `Webhooks.show`."""
        webhook = self._book.get(webhook_id)
        failed = self._app.store.outbox.failures_of(webhook_id, limit=FAILED_MAX)
        return _document(webhook) | {
            "deliveries": self._app.store.outbox.count_of(webhook_id),
            "failures": [
                {
                    "entry_id": row.entry.entry_id, "event": row.entry.details.get("event"), "status": row.status,
                    "attempts": row.attempts, "due_at": row.due_at.isoformat(), "outcome": row.outcome,
                }
                for row in failed
            ],
        }  # fmt: skip

    def rotate(self, webhook_id: str, *, author: str) -> Document:
        """See `Webhooks.rotate`."""
        secret = self._book.rotate(webhook_id, actor=author, at=self._app.clock.now())
        return _document(self._book.get(webhook_id)) | {"secret": secret}

    def test(self, webhook_id: str, *, author: str) -> Document:
        """See `Webhooks.test`."""
        self._book.note_test(webhook_id, actor=author, at=self._app.clock.now())
        began = perf_counter()
        try:
            delivered, outcome = True, self._app.webhooks.send_test(webhook_id)
        except DeliveryFailed as error:
            delivered, outcome = False, str(error)
        took_ms = round((perf_counter() - began) * 1000)
        return {"webhook_id": webhook_id, "delivered": delivered, "outcome": outcome, "took_ms": took_ms}

    def enable(self, webhook_id: str, *, author: str) -> Document:
        """See `Webhooks.enable`."""
        return _document(self._book.switch(webhook_id, on=True, reason=None, actor=author, at=self._app.clock.now()))

    def disable(self, webhook_id: str, *, reason: str, author: str) -> Document:
        """See `Webhooks.disable`."""
        reason = checked_text(reason, "reason")
        return _document(self._book.switch(webhook_id, on=False, reason=reason, actor=author, at=self._app.clock.now()))

    def remove(self, webhook_id: str, *, author: str) -> Document:
        """See `Webhooks.remove`."""
        self._book.remove(webhook_id, actor=author, at=self._app.clock.now())
        return {"webhook_id": webhook_id, "removed": True}


def _document(webhook: Webhook) -> Document:
    return webhook.model_dump(mode="json", exclude_none=True)
