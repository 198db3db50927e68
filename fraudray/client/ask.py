"""Questions about a case over HTTP: always as server-sent events, which keep a connection alive that waits long."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from fraudray.client.wire import Wire
from fraudray.domain.errors import StoreFailed

TIMEOUT_S = 30.0
"""The server says something every ten seconds while the model thinks."""


def events(
    wire: Wire, case_id: str, question: str, *, transaction_id: str | None, author: str
) -> Iterator[dict[str, Any]]:
    """See `Service.ask_live`. A stream that breaks off is not taken up again: the work has ended with it. Raises the
    library's own errors."""
    body = {"case_id": case_id, "question": question}
    if transaction_id is not None:
        body["transaction_id"] = transaction_id
    for data in wire.stream("/v1/ask", {}, method="POST", body=body, author=author, timeout_s=TIMEOUT_S):
        event = json.loads(data)
        yield event
        if event["kind"] == "finished":
            return
    raise StoreFailed("the answer broke off, or could not be kept on the case; ask again")


def answer(
    wire: Wire, case_id: str, question: str, *, transaction_id: str | None, author: str
) -> dict[str, Any]:  # fmt: skip
    """See `Service.ask`."""
    *_, finished = events(wire, case_id, question, transaction_id=transaction_id, author=author)
    found: dict[str, Any] = finished["body"]
    return found
