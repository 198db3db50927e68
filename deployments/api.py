"""Everything beside the hot path: decisions as stored, cases, reports, customers, policy, outbox, audit, health."""

from __future__ import annotations

from typing import Any

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException
from starlette.responses import Response

from fraudray import __version__
from fraudray.deployments.bodies import HttpProblem, error_response, problem_response
from fraudray.deployments.metrics import Metrics
from fraudray.deployments.openapi import describe
from fraudray.deployments.routes import (
    ask,
    backtests,
    cases,
    customers,
    health,
    investigations,
    keys,
    labels,
    lists,
    live,
    operations,
    policies,
    reports,
    stored,
    webhooks,
)
from fraudray.deployments.routes.inputs import known_query
from fraudray.domain.cards import mask
from fraudray.domain.errors import FraudrayError
from fraudray.problems import problem
from fraudray.service import LocalService


def build_api(service: LocalService, metrics: Metrics) -> FastAPI:
    """The API as an ASGI app with its own OpenAPI document."""
    api = FastAPIOffline(
        title="fraudray",
        version=__version__,
        summary="Decides, explains and investigates payment fraud.",
        redirect_slashes=False,
        dependencies=[Depends(known_query)],
    )
    _handle_errors(api, metrics)
    api.include_router(stored.router(service), prefix="/v1")
    api.include_router(cases.router(service), prefix="/v1/cases", tags=["cases"])
    api.include_router(reports.router(service), prefix="/v1")
    api.include_router(customers.router(service), prefix="/v1/customers", tags=["customers"])
    api.include_router(labels.router(service), prefix="/v1/labels", tags=["labels"])
    api.include_router(lists.router(service), prefix="/v1/lists", tags=["lists"])
    api.include_router(webhooks.router(service), prefix="/v1/webhooks", tags=["webhooks"])
    api.include_router(investigations.router(service), prefix="/v1/investigations", tags=["investigations"])
    api.include_router(ask.router(service), prefix="/v1/ask", tags=["cases"])
    api.include_router(backtests.router(service), prefix="/v1/backtests", tags=["back-tests"])
    api.include_router(policies.router(service), prefix="/v1/policy", tags=["policy"])
    api.include_router(operations.router(service, metrics), prefix="/v1")
    api.include_router(keys.router(service.keys), prefix="/v1/keys", tags=["keys"])
    api.include_router(live.router(service, metrics), prefix="/v1/live", tags=["operations"])
    api.include_router(health.router(service, metrics), tags=["health"])
    describe(api)
    return api


def _handle_errors(api: FastAPI, metrics: Metrics) -> None:
    async def refuse(document: dict[str, Any], headers: Any = None) -> Response:
        metrics.refused(document["status"])
        return problem_response(document, headers)

    @api.exception_handler(FraudrayError)
    async def expected(_request: Request, error: FraudrayError) -> Response:
        response = error_response(error)
        metrics.refused(response.status_code)
        return response

    @api.exception_handler(HttpProblem)
    async def refused(_request: Request, error: HttpProblem) -> Response:
        return await refuse(dict(error.document), error.headers)

    @api.exception_handler(HTTPException)
    async def routing(_request: Request, error: HTTPException) -> Response:
        return await refuse(problem(error.status_code, str(error.detail)), error.headers)

    @api.exception_handler(Exception)
    async def unexpected(_request: Request, _error: Exception) -> Response:
        return await refuse(problem(500, "an unexpected error; the server's log says which"))

    @api.exception_handler(RequestValidationError)
    async def parameters(_request: Request, error: RequestValidationError) -> Response:
        errors = [
            {"field": ".".join(str(p) for p in d["loc"][1:]), "code": d["type"], "message": mask(d["msg"])}
            for d in error.errors()
        ]
        return await refuse(problem(422, "; ".join(f"{e['field']}: {e['message']}" for e in errors), errors=errors))
