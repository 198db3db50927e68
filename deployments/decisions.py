"""The hot path: POST /v1/decisions and its bulk form, as plain Starlette endpoints (no typed-route overhead)."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from fraudray.answer import Answer
from fraudray.bootstrap import App
from fraudray.deployments.bodies import (
    HttpProblem,
    decode,
    error_response,
    json_response,
    problem_response,
    read_body,
    read_rows,
)
from fraudray.deployments.metrics import Metrics
from fraudray.domain.decision import Decision
from fraudray.domain.errors import FieldProblem, FraudrayError, InvalidTransaction
from fraudray.ports.tracing import Span, deciding
from fraudray.problems import problem, problem_of

CHUNK = 64
DECIDE_LIMIT_S = 2.0


class Decisions:
    """Decides what is posted."""

    def __init__(self, app: App, metrics: Metrics) -> None:
        self._engine, self._investigations, self._metrics = app.engine, app.investigations, metrics
        self._tracer = app.tracer
        self._body_limit = app.settings.body_limit_kib * 1024
        self._bulk_limit = app.settings.bulk_limit_mib * 1024 * 1024
        self._bulk_rows_max = app.settings.bulk_rows_max

    async def single(self, request: Request) -> Response:
        """201 with the decision; 200 with the stored one for a repeated transaction."""
        try:
            document = decode(await read_body(request, limit=self._body_limit))
            with deciding(self._tracer, request.headers.get("traceparent")) as span:
                async with asyncio.timeout(DECIDE_LIMIT_S):
                    answer = await self._engine.answer_async(_object(document))
                answer = await self._investigations.awaited(answer)
                _tell(span, answer.decision)
        except HttpProblem as error:
            self._metrics.refused(error.document["status"])
            return problem_response(error.document, error.headers)
        except FraudrayError as error:
            response = error_response(error)
            self._metrics.refused(response.status_code)
            return response
        except TimeoutError:
            self._metrics.refused(503)
            detail = f"not durable within {DECIDE_LIMIT_S:.0f} s; send the same transaction again"
            return problem_response(problem(503, detail), {"retry-after": "1"})
        self._count(answer)
        return json_response(answer.to_json(), 200 if answer.replayed else 201)

    async def bulk(self, request: Request) -> Response:
        """200 with one result per row, in order: a decision or a problem."""
        try:
            rows = await read_rows(request, limit=self._bulk_limit, rows_max=self._bulk_rows_max, what="transactions")
        except HttpProblem as error:
            self._metrics.refused(error.document["status"])
            return problem_response(error.document, error.headers)
        results: list[bytes] = []
        statuses = [0, 0, 0]
        for start in range(0, len(rows), CHUNK):
            submitted = [await self._submit(row) for row in rows[start : start + CHUNK]]
            for entry in submitted:
                status, body = await self._result(entry)
                statuses[2 if status >= 400 else 0 if status == 201 else 1] += 1
                results.append(body)
        head = f'{{"decided":{statuses[0]},"replayed":{statuses[1]},"rejected":{statuses[2]},"results":['
        return json_response(head.encode() + b",".join(results) + b"]}")

    async def baseline(self, request: Request) -> Response:
        """Reads a body and answers: what this ingress costs without a decision (for `fraudray bench http`)."""
        await request.body()
        return json_response(b"{}")

    async def _submit(self, row: Any) -> Future[Answer] | FraudrayError | HttpProblem:
        if isinstance(row, HttpProblem):
            return row
        await asyncio.sleep(0)  # let single decisions in between
        try:
            return await self._engine.submit_async(_object(row))
        except FraudrayError as error:
            return error

    async def _result(self, entry: Future[Answer] | FraudrayError | HttpProblem) -> tuple[int, bytes]:
        try:
            if isinstance(entry, HttpProblem):
                return self._bad_row(dict(entry.document))
            if isinstance(entry, FraudrayError):
                return self._bad_row(problem_of(entry))
            answer = await asyncio.wrap_future(entry)
        except FraudrayError as error:
            return self._bad_row(problem_of(error))
        self._count(answer)
        status = 200 if answer.replayed else 201
        return status, b'{"status":%d,"decision":%b}' % (status, answer.to_json())

    def _bad_row(self, document: dict[str, Any]) -> tuple[int, bytes]:
        self._metrics.refused(document["status"])
        return document["status"], orjson.dumps({"status": document["status"], "problem": document})

    def _count(self, answer: Answer) -> None:
        if answer.replayed:
            self._metrics.replayed()
        else:
            self._metrics.decided(answer.decision)


def _tell(span: Span, decision: Decision) -> None:
    """What a trace may say of a decision: no personal data."""
    span.note("fraudray.decision_id", decision.decision_id)
    span.note("fraudray.decision", decision.decision.value)
    span.note("fraudray.score", decision.score)


def _object(document: Any) -> dict[str, Any]:
    if not isinstance(document, dict):
        raise InvalidTransaction([FieldProblem("", "object_expected", "a transaction is a JSON object")])
    return document
