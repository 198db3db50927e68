"""`CaseWork` over HTTP."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from fraudray.client.wire import Wire, part

EXPORT_S = 300


class RemoteCaseWork:
    """Cases of a running server."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def act(self, case_id: str, act: str, *, author: str, version: int | None = None, **fields: Any) -> dict[str, Any]:
        """See `CaseWork.act`."""
        body = {name: value for name, value in fields.items() if value is not None}
        tag = {} if version is None else {"if-match": f'"{version}"'}
        return self._wire.send("POST", f"/v1/cases/{part(case_id)}/{part(act)}", body, author, headers=tag)

    def many(self, act: str, cases: Sequence[tuple[str, int | None]], *, author: str, **fields: Any) -> dict[str, Any]:
        """See `CaseWork.many`."""
        wanted = [
            {"case_id": case_id} | ({} if version is None else {"version": version}) for case_id, version in cases
        ]
        body = {name: value for name, value in fields.items() if value is not None}
        return self._wire.send("POST", "/v1/cases/bulk", body | {"act": act, "cases": wanted}, author)

    def next(self, *, author: str, **query: Any) -> dict[str, Any]:
        """See `CaseWork.next`."""
        return self._wire.send("POST", "/v1/cases/next", {}, author, params=wanted_of(query))

    def counts(self, *, author: str) -> dict[str, Any]:
        """See `CaseWork.counts`."""
        return self._wire.get_as(author, "/v1/cases/counts")

    def links(self, case_id: str) -> dict[str, Any]:
        """See `CaseWork.links`."""
        return self._wire.get(f"/v1/cases/{part(case_id)}/links")

    def attach(self, case_id: str, *, name: str, content: bytes, author: str) -> dict[str, Any]:
        """See `CaseWork.attach`."""
        headers = {"content-type": "application/octet-stream", "x-actor": quote(author, safe="@ ")}
        answer = self._wire.answer(
            "POST", f"/v1/cases/{part(case_id)}/files", params={"name": name}, content=content, headers=headers
        )
        kept: dict[str, Any] = answer.json()
        return kept

    def file(self, case_id: str, file_id: str) -> tuple[dict[str, Any], bytes]:
        """See `CaseWork.file`."""
        found = self._wire.get(f"/v1/cases/{part(case_id)}")
        file = next((file for file in found["files"] if file["file_id"] == file_id), {"file_id": file_id})
        return file, self._wire.answer("GET", f"/v1/cases/{part(case_id)}/files/{part(file_id)}").content

    def detach(self, case_id: str, file_id: str, *, reason: str, author: str) -> dict[str, Any]:
        """See `CaseWork.detach`."""
        path = f"/v1/cases/{part(case_id)}/files/{part(file_id)}/remove"
        return self._wire.send("POST", path, {"reason": reason}, author)

    def resend_alert(
        self, case_id: str, *, reason: str, author: str, transaction_id: str | None = None
    ) -> dict[str, Any]:
        """See `CaseWork.resend_alert`."""
        body = {"reason": reason} | ({} if transaction_id is None else {"transaction_id": transaction_id})
        return self._wire.send("POST", f"/v1/cases/{part(case_id)}/alert", body, author)

    def transactions(self, customer_id: str, *, before: datetime | None = None, limit: int = 100) -> dict[str, Any]:
        """See `CaseWork.transactions`."""
        moment = before.isoformat() if before is not None else None
        return self._wire.get(f"/v1/customers/{part(customer_id)}/transactions", before=moment, limit=limit)

    def revisions(self, transaction_id: str) -> dict[str, Any]:
        """See `CaseWork.revisions`."""
        return self._wire.get(f"/v1/decisions/{part(transaction_id)}/revisions")

    def export(self, *, wanted: str = "csv", limit: int | None = None, **query: Any) -> Iterator[bytes]:
        """See `CaseWork.export`."""
        asked = wanted_of(query | {"format": wanted, "limit": limit})
        yield self._wire.answer("GET", "/v1/cases/export", params=asked, timeout=EXPORT_S).content


def wanted_of(query: dict[str, Any]) -> dict[str, Any]:
    """A CaseQuery's parts as an address has them; those that are None are left out."""
    shown = {name: value for name, value in query.items() if value is not None}
    return {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in shown.items()}
