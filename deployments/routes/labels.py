"""Labels: what became known of transactions."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from fraudray.deployments.bodies import HttpProblem, in_their_places, json_response, read_rows
from fraudray.deployments.routes.inputs import Author, Document, Limit, Offset
from fraudray.domain.errors import FieldProblem, InvalidTransaction
from fraudray.service import LocalService
from fraudray.service.labels import status_of, tally


def router(service: LocalService) -> APIRouter:
    routes = APIRouter()
    settings = service.app.settings

    @routes.get("")
    def listing(
        source: str | None = None,
        label: str | None = None,
        waiting: Annotated[bool | None, Query(description="Only those whose transaction was not decided yet.")] = None,
        limit: Limit = 50,
        offset: Offset = 0,
    ) -> Response:
        """The label that holds of each transaction that has one, newest first."""
        found = service.labels.list(source=source, label=label, waiting=waiting, limit=limit, offset=offset)
        return json_response(found)

    @routes.post("", status_code=201)
    def add(body: Document, author: Author) -> Response:
        """Say that a transaction was fraud or genuine: 201 where that is new or corrects what was said, 200 where it
        changes nothing. A transaction that was not decided yet is waited for."""
        if not isinstance(body, dict):
            message = "a label is a JSON object; many go to /v1/labels/bulk"
            raise InvalidTransaction([FieldProblem("", "object_expected", message)])
        answer = service.labels.add(body, author=author)
        return json_response(answer, status_of(answer["outcome"]))

    @routes.post("/bulk")
    async def bulk(request: Request, author: Author) -> Response:
        """Say so of many (a JSON array or NDJSON), in one write: one result per row; a bad row stops no other."""
        rows = await read_rows(
            request, limit=settings.bulk_limit_mib * 1024 * 1024, rows_max=settings.bulk_rows_max, what="labels"
        )
        good = [row for row in rows if not isinstance(row, HttpProblem)]
        answer = await run_in_threadpool(service.labels.add_many, good, author=author)
        results = in_their_places(rows, answer["results"])
        return json_response(tally(results) | {"results": results})

    @routes.get("/{transaction_id:path}")
    def show(transaction_id: str) -> Response:
        """All labels of a transaction, newest first; the first holds."""
        return json_response(service.labels.of(transaction_id))

    return routes
