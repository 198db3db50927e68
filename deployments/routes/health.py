"""Whether it lives and can decide, and its metrics."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from fraudray import __version__
from fraudray.deployments.bodies import error_response, json_response
from fraudray.deployments.metrics import Metrics
from fraudray.domain.errors import FraudrayError, StoreFailed
from fraudray.reference import lists_status
from fraudray.service import LocalService


def router(service: LocalService, metrics: Metrics) -> APIRouter:
    routes = APIRouter()

    @routes.get("/healthz")
    async def alive() -> Response:
        """The process answers."""
        return json_response(b'{"status":"ok"}')

    @routes.get("/readyz")
    def ready() -> Response:
        """It can decide: the store answers and a policy is loaded. `data_old` names lists that want an update."""
        try:
            service.app.store.ping()
        except StoreFailed as error:
            return error_response(error)
        app = service.app
        document = {"status": "ready", "version": __version__, "policy": app.policy.ref.model_dump()}
        if app.watch.problem is not None:
            document["policy_problem"] = app.watch.problem.document()
        return json_response(document | _lists(service))

    @routes.get("/metrics")
    def prometheus() -> Response:
        """Prometheus metrics."""
        return Response(metrics.render(), media_type="text/plain; version=0.0.4; charset=utf-8")

    return routes


def _lists(service: LocalService) -> dict[str, Any]:
    """Lists too old are a detail: decisions go on with those that were read last."""
    try:
        return {"data_old": lists_status(service.app)["old"]}
    except FraudrayError as error:
        return {"data_old": [], "data_problem": str(error)}
