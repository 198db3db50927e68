"""Lists: deny, allow, block, and muted rules."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from fraudray.deployments.bodies import (
    HttpProblem,
    in_their_places,
    json_response,
    read_rows,
)
from fraudray.deployments.routes.inputs import Author, Document, Limit, MaybeDocument, Offset, fields_of
from fraudray.domain.errors import FieldProblem, InvalidTransaction
from fraudray.service import LocalService

Replace = Annotated[bool, Query(description="Remove an active entry about the same instead of refusing this one.")]


def router(service: LocalService) -> APIRouter:
    routes = APIRouter()
    settings = service.app.settings

    @routes.get("")
    def listing(
        level: str | None = None,
        kind: str | None = None,
        state: str | None = None,
        q: Annotated[str | None, Query(max_length=300, description="An exact value, however written.")] = None,
        limit: Limit = 50,
        offset: Offset = 0,
    ) -> Response:
        """Entries, newest first: active, expired and removed ones."""
        found = service.lists.list(level=level, kind=kind, state=state, q=q, limit=limit, offset=offset)
        return json_response(found)

    @routes.post("", status_code=201)
    def add(body: Document, author: Author, replace: Replace = False) -> Response:
        """Put one entry on a list; it acts on the very next decision."""
        return json_response(service.lists.add(body, author=author, replace=replace), 201)

    @routes.post("/bulk")
    async def bulk(request: Request, author: Author, replace: Replace = False) -> Response:
        """Put many on (a JSON array or NDJSON): one result per row; a bad row stops no other."""
        rows = await read_rows(
            request, limit=settings.bulk_limit_mib * 1024 * 1024, rows_max=settings.bulk_rows_max, what="list entries"
        )
        good = [row for row in rows if not isinstance(row, HttpProblem)]
        answer = await run_in_threadpool(service.lists.add_many, good, author=author, replace=replace)
        results = in_their_places(rows, answer["results"])
        return json_response({"added": answer["added"], "refused": len(rows) - answer["added"], "results": results})

    @routes.post("/match")
    def match(body: Document) -> Response:
        """Which entries a transaction would match now: a whole one, or `{"transaction_id": …}` of a stored one."""
        if not isinstance(body, dict):
            raise InvalidTransaction([FieldProblem("", "object_expected", "a transaction is a JSON object")])
        stored = body.get("transaction_id") if len(body) == 1 else None
        return json_response(service.lists.match(stored if isinstance(stored, str) else body))

    @routes.get("/{entry_id}")
    def show(entry_id: str) -> Response:
        """One entry."""
        return json_response(service.lists.show(entry_id))

    @routes.delete("/{entry_id}")
    def remove(
        entry_id: str,
        author: Author,
        body: MaybeDocument,
        reason: Annotated[str | None, Query(description="Where the client sends no body.")] = None,
    ) -> Response:
        """Take an entry out of force: `{"reason": …}` or `?reason=`. It stays on record."""
        given = fields_of({"reason": reason} if reason is not None and body == {} else body, "reason")
        return json_response(service.lists.remove(entry_id, reason=given["reason"], author=author))

    return routes
