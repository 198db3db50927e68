"""Whether it lives and can decide, and its metrics."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from fraudray import __version__
from fraudray.deployments.bodies import error_response, json_response
from fraudray.deployments.metrics import Metrics
from fraudray.domain.errors import StoreFailed
from fraudray.service import LocalService


def router(service: LocalService, metrics: Metrics) -> APIRouter:
    routes = APIRouter()

    @routes.get("/healthz")
    async def alive() -> Response:
        """The process answers."""
        return json_response(b'{"status":"ok"}')

    @routes.get("/readyz")
    def ready() -> Response:
        """It can decide: the store answers and a policy is loaded."""
        try:
            service.app.store.ping()
        except StoreFailed as error:
            return error_response(error)
        app = service.app
        document = {"status": "ready", "version": __version__, "policy": app.policy.ref.model_dump()}
        if app.watch.problem is not None:
            document["policy_problem"] = app.watch.problem.document()
        return json_response(document)

    @routes.get("/metrics")
    def prometheus() -> Response:
        """Prometheus metrics."""
        return Response(metrics.render(), media_type="text/plain; version=0.0.4; charset=utf-8")

    return routes
