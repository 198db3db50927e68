"""One HTTP connection to a fraudray server: JSON out and in, problem documents as the library's own errors."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Any
from urllib.parse import quote

import httpx
import orjson

from fraudray.domain.errors import (
    Changed,
    ConflictingTransaction,
    FieldProblem,
    Forbidden,
    FraudrayError,
    InvalidTransaction,
    NotFound,
    NotInstalled,
    PolicyError,
    Refused,
    SettingsError,
    StoreFailed,
    Unauthenticated,
)
from fraudray.domain.transaction import Transaction

TIMEOUT_S = 30


class Unreachable(StoreFailed):
    """The server does not answer. `late`: it has the request, and its answer takes too long."""

    def __init__(self, message: str, *, late: bool = False) -> None:
        super().__init__(message)
        self.late = late


class Wire:
    """Asks the server. Times out after `timeout_s`."""

    def __init__(self, base_url: str, key: str | None = None, *, timeout_s: float = TIMEOUT_S) -> None:
        self.base_url = base_url.rstrip("/")
        self._key = key_header(key)
        self._timeout_s = timeout_s
        # Reading the trusted certificates takes longer than a request does.
        self._http = httpx.Client(base_url=self.base_url, timeout=timeout_s, headers=self._key, verify=_trusted())

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        """The document at `path`; a query without a value is left out."""
        wanted = {name: value for name, value in query.items() if value is not None}
        document: dict[str, Any] = self.answer("GET", path, params=wanted).json()
        return document

    def get_as(self, author: str, path: str) -> dict[str, Any]:
        """The document at `path` as it is for `author`."""
        document: dict[str, Any] = self.answer("GET", path, headers=_acting(author)).json()
        return document

    def send(
        self, method: str, path: str, body: Any, author: str | None = None, *,
        headers: Mapping[str, str] | None = None, params: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:  # fmt: skip
        """Send a JSON body; the document that comes back."""
        sent = _JSON | _acting(author) | dict(headers or {})
        content = encode(body)
        document: dict[str, Any] = self.answer(method, path, content=content, headers=sent, params=params).json()
        return document

    def answer(self, method: str, path: str, **request: Any) -> httpx.Response:
        """A successful response. Raises the library's own errors."""
        if "content" in request:
            request.setdefault("headers", _JSON)
        try:
            return _checked(self._http.request(method, path, **request))
        except httpx.HTTPError as error:
            raise _unreachable(self.base_url, error) from None

    def stream(
        self, path: str, headers: Mapping[str, str], *, method: str = "GET", body: Any = None,
        author: str | None = None, timeout_s: float | None = None,
    ) -> Iterator[str]:  # fmt: skip
        """The data of each server-sent event; with a `body`, of the answer to that. Between two of them `timeout_s`
        may pass, the wire's own where there is none. Raises the library's own errors, StoreFailed where it breaks
        off."""
        request: dict[str, Any] = {"headers": {"accept": "text/event-stream", **headers}}
        if body is not None:
            request["content"] = encode(body)
            request["headers"] |= _JSON | _acting(author)
        if timeout_s is not None:
            request["timeout"] = timeout_s
        try:
            with self._http.stream(method, path, **request) as response:
                if not response.is_success:
                    response.read()
                    _checked(response)
                for line in response.iter_lines():
                    if line.startswith("data:"):
                        yield line[5:].strip()
        except httpx.HTTPError as error:
            raise _unreachable(self.base_url, error) from None

    async def answer_async(self, method: str, path: str, content: str) -> httpx.Response:
        """`answer` without blocking the event loop."""
        async with httpx.AsyncClient(base_url=self.base_url, timeout=self._timeout_s, headers=self._key) as http:
            try:
                response = await http.request(method, path, content=content, headers=_JSON)
            except httpx.HTTPError as error:
                raise _unreachable(self.base_url, error) from None
        return _checked(response)

    def close(self) -> None:
        """Close the connection."""
        self._http.close()


_JSON = {"content-type": "application/json"}


def _acting(author: str | None) -> dict[str, str]:
    return {"x-actor": quote(author, safe="@ ")} if author else {}


@cache
def _trusted() -> ssl.SSLContext:
    return httpx.create_ssl_context()


def key_header(key: str | None) -> dict[str, str]:
    """The header that carries a key. Raises SettingsError for what cannot be one, without repeating it."""
    if key is None:
        return {}
    if not key.isascii() or not key.isprintable() or " " in key or not key:
        raise SettingsError("api_key is not a key: it has ASCII characters only, and no space")
    return {"authorization": f"Bearer {key}"}


def part(value: str) -> str:
    """A value as one segment of an address."""
    return quote(value, safe="")


def to_json(tx: Transaction | Mapping[str, Any]) -> str:
    """The transaction as JSON; a mapping is checked here first, so that its errors are the library's own."""
    if not isinstance(tx, Transaction):
        tx = Transaction.parse(tx, now=datetime.now(UTC))
    return tx.model_dump_json(exclude_none=True)


def plain(tx: Transaction | Mapping[str, Any]) -> Mapping[str, Any]:
    """The transaction as JSON-ready values."""
    return tx.model_dump(mode="json", exclude_none=True) if isinstance(tx, Transaction) else tx


def encode(value: Any) -> bytes:
    """JSON with exact decimals. What JSON cannot hold goes as Python writes it and is refused by the server by name."""
    try:
        return orjson.dumps(value, default=_plain_value)
    except (TypeError, ValueError):
        return json.dumps(value, default=str).encode("utf-8", "surrogatepass")


def _plain_value(value: Any) -> Any:
    return orjson.Fragment(str(value)) if isinstance(value, Decimal) else str(value)


def _checked(response: httpx.Response) -> httpx.Response:
    if response.is_success:
        return response
    try:
        problem = response.json()
    except ValueError:
        problem = {"detail": response.text[:200]}
    raise error_of(response.status_code, problem)


def error_of(status: int, problem: dict[str, Any]) -> FraudrayError:
    detail = str(problem.get("detail") or problem.get("title") or f"HTTP {status}")
    match status:
        case 409 if "transaction_id" in problem:
            return ConflictingTransaction(problem["transaction_id"])
        case 409:
            return Refused(detail)
        case 412 if "version" in problem:
            return Changed(detail, problem["version"])
        case 401:
            return Unauthenticated(detail)
        case 403:
            return Forbidden(detail)
        case 404 if "kind" in problem:
            return NotFound(problem["kind"], problem["key"])
        case 501:
            return NotInstalled(detail)
        case 422 if "line" in problem:
            return PolicyError(
                problem["message"], file=problem["file"], rule=problem["rule"], line=problem["line"],
                column=problem["column"],
            )  # fmt: skip
        case 400 | 413 | 415 | 422:
            fields = problem.get("errors") or [{"field": "", "code": "request", "message": detail}]
            return InvalidTransaction([FieldProblem(**field) for field in fields])
        case _:
            return StoreFailed(detail)


def _unreachable(base_url: str, error: Exception) -> Unreachable:
    late = isinstance(error, httpx.ReadTimeout)
    return Unreachable(f"the server at {base_url} does not answer: {type(error).__name__}", late=late)
