"""`Keys` over HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fraudray.client.wire import Wire, part


class RemoteKeys:
    """The keys of a running server."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def create(self, name: str, *, scopes: Sequence[str], expires: str | None = None, author: str) -> dict[str, Any]:
        """See `Keys.create`."""
        body: dict[str, Any] = {"name": name, "scopes": list(scopes)}
        return self._wire.send("POST", "/v1/keys", body | ({"expires": expires} if expires is not None else {}), author)

    def list(self, *, limit: int = 50, offset: int = 0) -> dict[str, Any]:
        """See `Keys.list`."""
        return self._wire.get("/v1/keys", limit=limit, offset=offset)

    def revoke(self, key_id: str, *, author: str) -> dict[str, Any]:
        """See `Keys.revoke`."""
        return self._wire.send("POST", f"/v1/keys/{part(key_id)}/revoke", {}, author)
