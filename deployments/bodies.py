"""Reading request bodies: bounded, of the right type, decoded exactly; and answering with problem documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from fraudray.domain.errors import FraudrayError
from fraudray.domain.transaction import load_json
from fraudray.problems import problem, problem_of

JSON_TYPES = frozenset({"application/json"})
NDJSON_TYPES = frozenset({"application/x-ndjson", "application/ndjson", "application/jsonl"})


class HttpProblem(Exception):
    """Ends a request with a problem document."""

    def __init__(self, document: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> None:
        self.document, self.headers = document, headers
        super().__init__(str(document.get("detail")))


def json_response(document: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer; `document` may be encoded already."""
    body = document if isinstance(document, bytes) else orjson.dumps(document)
    return Response(body, status, headers, "application/json")


def problem_response(document: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Response:
    """A problem document as an answer (RFC 9457)."""
    return Response(orjson.dumps(document), document["status"], headers, "application/problem+json")


def error_response(error: FraudrayError) -> Response:
    """An expected error as an answer; what may be tried again says when."""
    document = problem_of(error)
    return problem_response(document, {"retry-after": "1"} if document["status"] == 503 else None)


async def read_body(request: Request, *, limit: int, types: frozenset[str] | None = JSON_TYPES) -> bytes:
    """The body, at most `limit` bytes, of one of `types`; of any without them.

    Raises:
        HttpProblem: 415 for another content type or an encoded body, 413 for a larger body, 400 for a broken one.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if types is not None and kind not in types:
        raise HttpProblem(problem(415, f"send {' or '.join(sorted(types))}"))
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise HttpProblem(problem(415, "send the body without a content encoding"))
    too_large = HttpProblem(problem(413, f"the body may have {limit:,} bytes at most"))
    declared = request.headers.get("content-length", "")
    # Answering at once, without reading on and without closing, is what reaches a client behind HAProxy.
    if declared.isdigit() and int(declared) > limit:
        raise too_large
    chunks, size = [], 0
    try:
        async for chunk in request.stream():
            size += len(chunk)
            if size > limit:
                raise too_large
            chunks.append(chunk)
    except ClientDisconnect:
        raise HttpProblem(problem(400, "the body ended early")) from None
    return b"".join(chunks)


async def read_rows(request: Request, *, limit: int, rows_max: int, what: str) -> list[Any]:
    """The rows of a bulk body, a JSON array or NDJSON; a line that is no JSON is the problem that stands in its place.

    Raises HttpProblem as `read_body` does, 400 for another kind of body, 413 for more than `rows_max` rows.
    """
    body = await read_body(request, limit=limit, types=JSON_TYPES | NDJSON_TYPES)
    kind = request.headers["content-type"].partition(";")[0].strip().lower()
    if kind in NDJSON_TYPES:
        rows = [_line(line) for line in body.splitlines() if line.strip()]
    else:
        rows = decode(body)
        if not isinstance(rows, list):
            raise HttpProblem(problem(400, f"a bulk body is a JSON array of {what}, or NDJSON"))
    if len(rows) > rows_max:
        raise HttpProblem(problem(413, f"a bulk body may have {rows_max:,} rows at most"))
    return rows


def in_their_places(rows: Sequence[Any], results: Sequence[Any]) -> list[Any]:
    """One result per row of `read_rows`: those given are of the rows that are no problems themselves."""
    given = iter(results)
    return [
        {"status": row.document["status"], "problem": dict(row.document)}
        if isinstance(row, HttpProblem)
        else next(given)
        for row in rows
    ]


def _line(line: bytes) -> Any:
    """A decoded line, or the problem that stands in its place."""
    try:
        return decode(line)
    except HttpProblem as error:
        return error


def decode(body: bytes) -> Any:
    """Decoded JSON with exact decimals. Raises HttpProblem 400 for what is not JSON."""
    try:
        return load_json(body)
    except ValueError as error:
        # Python's decoder says where, never what: no part of the body is repeated.
        raise HttpProblem(problem(400, f"the body is not JSON: {_where(error)}")) from None


def _where(error: ValueError) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8"
    return str(error)
