"""Decisions as stored."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from fraudray.deployments.bodies import json_response
from fraudray.deployments.routes.inputs import Author, Document, fields_of
from fraudray.service import LocalService


def router(service: LocalService) -> APIRouter:
    routes = APIRouter()

    @routes.get("/decisions/{transaction_id:path}/revisions", tags=["decisions"])
    def revisions(transaction_id: str) -> Response:
        """Every revision of a decision, oldest first, and the transaction as it is kept."""
        return json_response(service.casework.revisions(transaction_id))

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

    return routes
