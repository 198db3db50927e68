"""Questions about a case: answered as JSON, or event by event."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import aclosing
from typing import Any, TypeVar

from fastapi import APIRouter, Request
from sse_starlette.event import ServerSentEvent
from sse_starlette.sse import EventSourceResponse
from starlette.responses import Response

from fraudray.deployments.bodies import json_response
from fraudray.deployments.routes.inputs import Author, Document, fields_of
from fraudray.deployments.routes.investigations import PING_S
from fraudray.service import LocalService
from fraudray.service.ask import document, put

STREAMED = "text/event-stream"
T = TypeVar("T")


def router(service: LocalService) -> APIRouter:
    routes = APIRouter()
    questions = service.app.investigations.questions

    @routes.post("")
    async def ask(request: Request, body: Document, author: Author) -> Response:
        """Ask about a case: `{"case_id": …, "question": …}`, and `transaction_id` for one decision of it. The answer
        cites the case's own material; where there is none, `why` says so (still 200). It changes nothing, and stands
        on the case with its question.

        With `accept: text/event-stream` it comes as server-sent events: stage, reasoning, answer (a piece of the
        text), answer_rejected (the pieces so far are void), finished (all of it). Leaving ends the work."""
        fields = fields_of(body, "case_id", "question", optional=("transaction_id",))
        asked = await asyncio.to_thread(
            put, service.app, fields["case_id"], fields["question"], transaction_id=fields.get("transaction_id"),
            author=author,
        )  # fmt: skip
        if STREAMED not in request.headers.get("accept", ""):
            answer = await _unless_left(request, questions.answer(asked))
            return Response(status_code=204) if answer is None else json_response(document(answer))

        async def stream() -> AsyncIterator[ServerSentEvent]:
            async with aclosing(questions.events(asked)) as events:
                async for event in events:
                    text = event.model_dump_json(exclude_none=True)
                    yield ServerSentEvent(text, id=str(event.seq), event=event.kind)

        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        return EventSourceResponse(stream(), ping=PING_S, headers=headers)

    return routes


async def _unless_left(request: Request, work: Coroutine[Any, Any, T]) -> T | None:
    """What the work gives; None where the client left before, which ends it."""
    working, leaving = asyncio.ensure_future(work), asyncio.ensure_future(_left(request))
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        return await working if working.done() else None
    finally:
        for task in (working, leaving):
            task.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
