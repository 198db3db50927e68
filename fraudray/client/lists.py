"""`ListService` over HTTP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fraudray.client.wire import Wire, part, plain

BULK_ROWS = 1000


class RemoteLists:
    """Lists of a running server."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def add(self, entry: Mapping[str, Any], *, author: str, replace: bool = False) -> dict[str, Any]:
        """See `ListService.add`."""
        return self._wire.send("POST", "/v1/lists" + _replacing(replace), dict(entry), author)

    def add_many(self, rows: Sequence[Any], *, author: str, replace: bool = False) -> dict[str, Any]:
        """See `ListService.add_many`; sent in bulks of 1,000."""
        whole: dict[str, Any] = {"added": 0, "refused": 0, "results": []}
        for start in range(0, len(rows), BULK_ROWS):
            body = list(rows[start : start + BULK_ROWS])
            answer = self._wire.send("POST", "/v1/lists/bulk" + _replacing(replace), body, author)
            for name in whole:
                whole[name] += answer[name]
        return whole

    def mute(self, rule: str, customer_id: str, *, until: str, reason: str, author: str) -> dict[str, Any]:
        """See `ListService.mute`."""
        entry = {"level": "mute", "rule": rule, "value": customer_id, "expires": until, "reason": reason}
        return self.add(entry, author=author)

    def list(
        self, *, level: str | None = None, kind: str | None = None, state: str | None = None, q: str | None = None,
        limit: int = 50, offset: int = 0,
    ) -> dict[str, Any]:  # fmt: skip
        """See `ListService.list`."""
        return self._wire.get("/v1/lists", level=level, kind=kind, state=state, q=q, limit=limit, offset=offset)

    def show(self, entry_id: str) -> dict[str, Any]:
        """See `ListService.show`."""
        return self._wire.get(f"/v1/lists/{part(entry_id)}")

    def remove(self, entry_id: str, *, reason: str, author: str) -> dict[str, Any]:
        """See `ListService.remove`."""
        return self._wire.send("DELETE", f"/v1/lists/{part(entry_id)}", {"reason": reason}, author)

    def match(self, transaction: str | Mapping[str, Any]) -> dict[str, Any]:
        """See `ListService.match`."""
        body = {"transaction_id": transaction} if isinstance(transaction, str) else plain(transaction)
        return self._wire.send("POST", "/v1/lists/match", body)


def _replacing(replace: bool) -> str:
    return "?replace=true" if replace else ""
