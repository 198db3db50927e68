"""A client of a running fraudray server, for Python and the command line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Self
from urllib.parse import quote

import httpx
import orjson

from fraudray.domain.decision import Decision
from fraudray.domain.errors import (
    ConflictingTransaction,
    FieldProblem,
    FraudrayError,
    InvalidTransaction,
    NotFound,
    Refused,
    StoreFailed,
)
from fraudray.domain.transaction import Transaction

BULK_ROWS = 1000


class Client:
    """Speaks the HTTP API and raises the library's own errors. Times out after 30 s."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url.rstrip("/")
        self._http = httpx.Client(base_url=self.base_url, timeout=30)

    def decide(self, tx: Transaction | Mapping[str, Any]) -> Decision:
        """See `Engine.decide`."""
        body = _json(tx)
        return Decision.model_validate_json(self._answer("POST", "/v1/decisions", content=body).content)

    async def decide_async(self, tx: Transaction | Mapping[str, Any]) -> Decision:
        """See `Engine.decide_async`."""
        async with httpx.AsyncClient(base_url=self.base_url, timeout=30) as http:
            try:
                response = await http.post("/v1/decisions", content=_json(tx), headers=_JSON)
            except httpx.HTTPError as error:
                raise _unreachable(self.base_url, error) from None
        return Decision.model_validate_json(_checked(response).content)

    def decide_many(self, txs: Iterable[Transaction | Mapping[str, Any]]) -> list[Decision | FraudrayError]:
        """See `Engine.decide_many`; sent in bulks of 1,000."""
        return [_outcome(row) for row in self.decide_rows([_plain(tx) for tx in txs])]

    def decide_rows(self, rows: Sequence[Any]) -> list[dict[str, Any]]:
        """See `Service.decide_rows`; sent in bulks of 1,000."""
        done: list[dict[str, Any]] = []
        for start in range(0, len(rows), BULK_ROWS):
            body = b"[" + b",".join(_encode(row) for row in rows[start : start + BULK_ROWS]) + b"]"
            done += self._answer("POST", "/v1/decisions/bulk", content=body).json()["results"]
        return done

    def decision(self, transaction_id: str) -> dict[str, Any]:
        """See `Service.decision`."""
        return self._get(f"/v1/decisions/{_part(transaction_id)}")

    def explain(self, transaction: str | Mapping[str, Any]) -> dict[str, Any]:
        """See `Service.explain`."""
        if isinstance(transaction, str):
            return self._get("/v1/policy/explain", transaction_id=transaction)
        return self._send("POST", "/v1/policy/explain", _plain(transaction))

    def policy(self) -> dict[str, Any]:
        """See `Service.policy`."""
        return self._get("/v1/policy")

    def cases(
        self, *, status: str | None = None, customer_id: str | None = None, q: str | None = None,
        limit: int = 50, offset: int = 0,
    ) -> dict[str, Any]:  # fmt: skip
        """See `Service.cases`."""
        return self._get("/v1/cases", status=status, customer_id=customer_id, q=q, limit=limit, offset=offset)

    def case(self, case_id: str) -> dict[str, Any]:
        """See `Service.case`."""
        return self._get(f"/v1/cases/{_part(case_id)}")

    def note(self, case_id: str, *, text: str, author: str) -> dict[str, Any]:
        """See `Service.note`."""
        return self._send("POST", f"/v1/cases/{_part(case_id)}/notes", {"text": text}, author)

    def close_case(self, case_id: str, *, disposition: str, reason: str, author: str) -> dict[str, Any]:
        """See `Service.close_case`."""
        body = {"disposition": disposition, "reason": reason}
        return self._send("POST", f"/v1/cases/{_part(case_id)}/close", body, author)

    def report(self, report_id: str) -> dict[str, Any]:
        """See `Service.report`."""
        return self._get(f"/v1/reports/{_part(report_id)}", format="json")

    def customers(self, *, limit: int = 50, offset: int = 0) -> dict[str, Any]:
        """See `Service.customers`."""
        return self._get("/v1/customers", limit=limit, offset=offset)

    def customer(self, customer_id: str) -> dict[str, Any]:
        """See `Service.customer`."""
        return self._get(f"/v1/customers/{_part(customer_id)}")

    def put_customers(self, profiles: Sequence[Mapping[str, Any]], *, author: str) -> dict[str, Any]:
        """See `Service.put_customers`."""
        return self._send("POST", "/v1/customers", list(profiles), author)

    def account(self, customer_id: str) -> dict[str, Any]:
        """See `Service.account`."""
        return self._get(f"/v1/customers/{_part(customer_id)}/account")

    def unfreeze(self, customer_id: str, *, reason: str, author: str) -> dict[str, Any]:
        """See `Service.unfreeze`."""
        return self._send("POST", f"/v1/customers/{_part(customer_id)}/unfreeze", {"reason": reason}, author)

    def hold(self, customer_id: str, *, reason: str | None, author: str) -> dict[str, Any]:
        """See `Service.hold`."""
        return self._send("POST", f"/v1/customers/{_part(customer_id)}/hold", {"reason": reason}, author)

    def erase(self, customer_id: str, *, reason: str, author: str) -> dict[str, Any]:
        """See `Service.erase`."""
        return self._send("POST", f"/v1/customers/{_part(customer_id)}/erase", {"reason": reason}, author)

    def outbox(self, *, status: str | None = None, limit: int = 50, offset: int = 0) -> dict[str, Any]:
        """See `Service.outbox`."""
        return self._get("/v1/outbox", status=status, limit=limit, offset=offset)

    def retry(self, entry_id: str, *, author: str) -> dict[str, Any]:
        """See `Service.retry`."""
        return self._send("POST", f"/v1/outbox/{_part(entry_id)}/retry", {}, author)

    def audit(self, *, subject: str | None = None, limit: int = 100, offset: int = 0) -> dict[str, Any]:
        """See `Service.audit`."""
        return self._get("/v1/audit", subject=subject, limit=limit, offset=offset)

    def verify_audit(self) -> dict[str, Any]:
        """See `Service.verify_audit`."""
        return self._get("/v1/audit/verify")

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _get(self, path: str, **query: Any) -> dict[str, Any]:
        wanted = {name: value for name, value in query.items() if value is not None}
        document: dict[str, Any] = self._answer("GET", path, params=wanted).json()
        return document

    def _send(self, method: str, path: str, body: Any, author: str | None = None) -> dict[str, Any]:
        headers = _JSON | ({"x-actor": quote(author, safe="@ ")} if author else {})
        content = _encode(body)
        document: dict[str, Any] = self._answer(method, path, content=content, headers=headers).json()
        return document

    def _answer(self, method: str, path: str, **request: Any) -> httpx.Response:
        if "content" in request:
            request.setdefault("headers", _JSON)
        try:
            return _checked(self._http.request(method, path, **request))
        except httpx.HTTPError as error:
            raise _unreachable(self.base_url, error) from None


_JSON = {"content-type": "application/json"}


def _part(value: str) -> str:
    """A value as one segment of an address."""
    return quote(value, safe="")


def _json(tx: Transaction | Mapping[str, Any]) -> str:
    """The transaction as JSON; a mapping is checked here first, so that its errors are the library's own."""
    if not isinstance(tx, Transaction):
        tx = Transaction.parse(tx, now=datetime.now(UTC))
    return tx.model_dump_json(exclude_none=True)


def _plain(tx: Transaction | Mapping[str, Any]) -> Mapping[str, Any]:
    return tx.model_dump(mode="json", exclude_none=True) if isinstance(tx, Transaction) else tx


def _encode(value: Any) -> bytes:
    """JSON with exact decimals. What JSON cannot hold goes as Python writes it and is refused by the server by name."""
    try:
        return orjson.dumps(value, default=_plain_value)
    except (TypeError, ValueError):
        return json.dumps(value, default=str).encode("utf-8", "surrogatepass")


def _plain_value(value: Any) -> Any:
    return orjson.Fragment(str(value)) if isinstance(value, Decimal) else str(value)


def _outcome(row: dict[str, Any]) -> Decision | FraudrayError:
    return Decision.model_validate(row["decision"]) if "decision" in row else _error(row["status"], row["problem"])


def _checked(response: httpx.Response) -> httpx.Response:
    if response.is_success:
        return response
    try:
        problem = response.json()
    except ValueError:
        problem = {"detail": response.text[:200]}
    raise _error(response.status_code, problem)


def _error(status: int, problem: dict[str, Any]) -> FraudrayError:
    detail = str(problem.get("detail") or problem.get("title") or f"HTTP {status}")
    match status:
        case 409 if "transaction_id" in problem:
            return ConflictingTransaction(problem["transaction_id"])
        case 409:
            return Refused(detail)
        case 404 if "kind" in problem:
            return NotFound(problem["kind"], problem["key"])
        case 400 | 413 | 415 | 422:
            fields = problem.get("errors") or [{"field": "", "code": "request", "message": detail}]
            return InvalidTransaction([FieldProblem(**field) for field in fields])
        case _:
            return StoreFailed(detail)


def _unreachable(base_url: str, error: Exception) -> StoreFailed:
    return StoreFailed(f"the server at {base_url} does not answer: {type(error).__name__}")
