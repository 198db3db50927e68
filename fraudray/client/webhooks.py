"""`Webhooks` over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fraudray.client.wire import Wire, part

Document = dict[str, Any]


class RemoteWebhooks:
    """Through a server."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def add(self, wish: Mapping[str, Any], *, author: str) -> Document:
        """See `Webhooks.add`."""
        return self._wire.send("POST", "/v1/webhooks", wish, author)

    def list(self) -> Document:
        """See `Webhooks.list`."""
        return self._wire.get("/v1/webhooks")

    def show(self, webhook_id: str) -> Document:
        """See `Webhooks.show`."""
        return self._wire.get(f"/v1/webhooks/{part(webhook_id)}")

    def rotate(self, webhook_id: str, *, author: str) -> Document:
        """See `Webhooks.rotate`."""
        return self._wire.send("POST", f"/v1/webhooks/{part(webhook_id)}/rotate", {}, author)

    def test(self, webhook_id: str, *, author: str) -> Document:
        """See `Webhooks.test`."""
        return self._wire.send("POST", f"/v1/webhooks/{part(webhook_id)}/test", {}, author)

    def enable(self, webhook_id: str, *, author: str) -> Document:
        """See `Webhooks.enable`."""
        return self._wire.send("POST", f"/v1/webhooks/{part(webhook_id)}/enable", {}, author)

    def disable(self, webhook_id: str, *, reason: str, author: str) -> Document:
        """See `Webhooks.disable`."""
        return self._wire.send("POST", f"/v1/webhooks/{part(webhook_id)}/disable", {"reason": reason}, author)

    def remove(self, webhook_id: str, *, author: str) -> Document:
        """See `Webhooks.remove`."""
        return self._wire.send("DELETE", f"/v1/webhooks/{part(webhook_id)}", {}, author)
