"""Investigations: begin, look, follow as server-sent events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header, Query
from sse_starlette.event import ServerSentEvent
from sse_starlette.sse import EventSourceResponse
from starlette.responses import Response

from fraudray.deployments.bodies import json_response
from fraudray.deployments.routes.inputs import Author, Document, fields_of
from fraudray.domain.errors import FieldProblem, InvalidTransaction
from fraudray.service import LocalService

PING_S = 10


def router(service: LocalService) -> APIRouter:
    routes = APIRouter()

    @routes.post("", status_code=202)
    def begin(body: Document, author: Author) -> Response:
        """Have a stored decision investigated: `{"transaction_id": …}`; the one under way where there is one."""
        begun = service.investigations.begin(fields_of(body, "transaction_id")["transaction_id"], author=author)
        address = f"/v1/investigations/{begun['investigation_id']}"
        return json_response(begun, 202, {"location": address})

    @routes.get("")
    def of(transaction_id: Annotated[str, Query(min_length=1, max_length=128)]) -> Response:
        """The investigations of a transaction, newest first."""
        return json_response(service.investigations.of(transaction_id))

    @routes.get("/{investigation_id}")
    def one(investigation_id: str) -> Response:
        """An investigation: its status, verdict, what it found, tokens and times."""
        return json_response(service.investigations.get(investigation_id))

    @routes.get("/{investigation_id}/events")
    async def events(
        investigation_id: str, last_event_id: Annotated[str | None, Header(max_length=20)] = None
    ) -> Response:
        """What happened and happens, as server-sent events until it is finished: stage, reasoning, tool_call,
        tool_result, tool_refused, verdict, prose, finished. `Last-Event-ID` takes a stream up where it broke off."""
        after = _after(last_event_id)
        investigations = service.app.investigations
        await asyncio.to_thread(investigations.get, investigation_id)  # an unknown one is a 404, not an empty stream

        async def stream() -> AsyncIterator[ServerSentEvent]:
            async for event in investigations.events(investigation_id, after=after):
                yield ServerSentEvent(event.model_dump_json(exclude_none=True), id=str(event.seq), event=event.kind)

        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        return EventSourceResponse(stream(), ping=PING_S, headers=headers)

    return routes


def _after(last_event_id: str | None) -> int:
    if not last_event_id:
        return 0
    if not (last_event_id.isascii() and last_event_id.isdigit()):
        raise InvalidTransaction([FieldProblem("last-event-id", "int_parsing", "is not the id of an event")])
    return int(last_event_id)
