"""Decisions as stored, and cases."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from fraudray.deployments.bodies import json_response
from fraudray.deployments.routes.inputs import Author, Document, Limit, Offset, fields_of
from fraudray.service import LocalService


def router(service: LocalService) -> APIRouter:
    routes = APIRouter()

    @routes.get("/decisions/{transaction_id:path}", tags=["decisions"])
    def decision(transaction_id: str) -> Response:
        """The current revision of a decision, with its actions' outcomes."""
        return json_response(service.decision(transaction_id))

    @routes.post("/decisions/{transaction_id:path}/step-up", tags=["decisions"])
    def step_up(transaction_id: str, body: Document, author: Author) -> Response:
        """Answer the step-up that a REVIEW asked for: `{"result": "passed" | "failed" | "abandoned", "reference": …}`;
        the decision as revised by it."""
        fields = fields_of(body, "result", optional=("reference",))
        answer = service.step_up(
            transaction_id, result=fields["result"], reference=fields.get("reference"), author=author
        )
        return json_response(answer)

    @routes.get("/cases", tags=["cases"])
    def cases(
        status: Annotated[str | None, Query(pattern="^(open|closed)$")] = None,
        customer_id: str | None = None,
        q: Annotated[str | None, Query(max_length=200)] = None,
        limit: Limit = 50,
        offset: Offset = 0,
    ) -> Response:
        """Cases, newest alert first; `q` finds ids, merchants and reason codes."""
        found = service.cases(status=status, customer_id=customer_id, q=q, limit=limit, offset=offset)
        return json_response(found)

    @routes.get("/cases/{case_id}", tags=["cases"])
    def case(case_id: str) -> Response:
        """A case with its decisions and notes."""
        return json_response(service.case(case_id))

    @routes.post("/cases/{case_id}/notes", status_code=201, tags=["cases"])
    def note(case_id: str, body: Document, author: Author) -> Response:
        """Add a note: `{"text": …}`."""
        fields = fields_of(body, "text")
        return json_response(service.note(case_id, text=fields["text"], author=author), 201)

    @routes.post("/cases/{case_id}/close", tags=["cases"])
    def close(case_id: str, body: Document, author: Author) -> Response:
        """Close a case: `{"disposition": …, "reason": …}`. One that means fraud or genuine labels its transactions."""
        fields = fields_of(body, "disposition", "reason")
        return json_response(service.close_case(case_id, author=author, **fields))

    return routes
