"""`LabelService` over HTTP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fraudray.client.wire import Wire, part

BULK_ROWS = 1000


class RemoteLabels:
    """Labels of a running server."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def add(self, label: Mapping[str, Any], *, author: str) -> dict[str, Any]:
        """See `LabelService.add`."""
        return self._wire.send("POST", "/v1/labels", dict(label), author)

    def add_many(self, rows: Sequence[Any], *, author: str) -> dict[str, Any]:
        """See `LabelService.add_many`; sent in bulks of 1,000, each of them one write."""
        starts = range(0, len(rows), BULK_ROWS) or (0,)
        answers = [
            self._wire.send("POST", "/v1/labels/bulk", list(rows[start : start + BULK_ROWS]), author)
            for start in starts
        ]
        whole = answers[0]
        for answer in answers[1:]:
            whole = {name: value + answer[name] for name, value in whole.items()}
        return whole

    def of(self, transaction_id: str) -> dict[str, Any]:
        """See `LabelService.of`."""
        return self._wire.get(f"/v1/labels/{part(transaction_id)}")

    def list(
        self, *, source: str | None = None, label: str | None = None, waiting: bool | None = None,
        limit: int = 50, offset: int = 0,
    ) -> dict[str, Any]:  # fmt: skip
        """See `LabelService.list`."""
        return self._wire.get("/v1/labels", source=source, label=label, waiting=waiting, limit=limit, offset=offset)
