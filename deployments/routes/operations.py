"""Policy, outbox and audit trail."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Query, Request
from starlette.responses import Response

from fraudray.deployments.bodies import json_response
from fraudray.deployments.metrics import Metrics
from fraudray.deployments.routes.inputs import Author, Document, Limit, Offset
from fraudray.domain.access import ANYONE
from fraudray.domain.errors import FieldProblem, InvalidTransaction
from fraudray.service import LocalService
from fraudray.tools.bearer import principal_of


def router(service: LocalService, metrics: Metrics) -> APIRouter:
    routes = APIRouter()

    @routes.get("/policy", tags=["policy"])
    def policy(name: Annotated[str | None, Query(max_length=64)] = None) -> Response:
        """A policy in force (the default one, or `name`): version, hash, document, source; and the book it is in."""
        return json_response(service.policy(name))

    @routes.post("/policy/reload", tags=["policy"])
    def reload(author: Author, _body: Annotated[dict[str, Any] | None, Body()] = None) -> Response:
        """Load the policy files anew; one that cannot be used is refused and the last good one stays in force."""
        return json_response(service.reload_policy(author=author))

    @routes.get("/policy/explain", tags=["policy"])
    def explain_stored(transaction_id: Annotated[str, Query(min_length=1, max_length=128)]) -> Response:
        """How each rule comes out now for a stored transaction."""
        return json_response(service.explain(transaction_id))

    @routes.post("/policy/explain", tags=["policy"])
    def explain_given(body: Document) -> Response:
        """How each rule would come out for a transaction; nothing is stored."""
        if not isinstance(body, dict):
            raise InvalidTransaction([FieldProblem("", "object_expected", "a transaction is a JSON object")])
        return json_response(service.explain(body))

    @routes.get("/whoami", tags=["operations"])
    def whoami(request: Request, author: Author) -> Response:
        """As whom your acts are recorded, and what you may do; needs a key of any scope, where keys are needed."""
        principal = principal_of(request) or ANYONE
        return json_response({"author": author, "name": principal.name, "scopes": sorted(principal.scopes)})

    @routes.get("/data", tags=["operations"])
    def data() -> Response:
        """The lists of the world in force: date, age in days, licence, source, and which are too old."""
        return json_response(service.data_status())

    @routes.get("/outbox", tags=["operations"])
    def outbox(
        status: Annotated[str | None, Query(pattern="^(pending|done|dead)$")] = None,
        limit: Limit = 50,
        offset: Offset = 0,
    ) -> Response:
        """Actions that left, wait or were given up."""
        return json_response(service.outbox(status=status, limit=limit, offset=offset))

    @routes.post("/outbox/{entry_id}/retry", tags=["operations"])
    def retry(entry_id: str, author: Author, _body: Annotated[dict[str, Any] | None, Body()] = None) -> Response:
        """Send a dead entry once more."""
        return json_response(service.retry(entry_id, author=author))

    @routes.get("/audit", tags=["operations"])
    def audit(
        subject: Annotated[str | None, Query(max_length=128)] = None, limit: Limit = 100, offset: Offset = 0
    ) -> Response:
        """The audit trail, newest first."""
        return json_response(service.audit(subject=subject, limit=limit, offset=offset))

    @routes.get("/audit/verify", tags=["operations"])
    def verify() -> Response:
        """Check the whole audit trail."""
        report = service.verify_audit()
        metrics.verified(whole=report["whole"])
        return json_response(report)

    return routes
