"""Whether it lives and can decide, and its metrics."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from fraudray import __version__
from fraudray.deployments.bodies import error_response, json_response, problem_response
from fraudray.deployments.handover_metrics import CONTENT_TYPE
from fraudray.deployments.metrics import Metrics
from fraudray.domain.errors import FraudrayError, StoreFailed
from fraudray.ports.investigator import Investigator
from fraudray.ports.llm import ModelFailed
from fraudray.problems import problem
from fraudray.reference import lists_status
from fraudray.service import LocalService

PROBE_EVERY_S = 5.0


def router(service: LocalService, metrics: Metrics) -> APIRouter:
    routes = APIRouter()
    probe = ModelProbe(service.app.investigations.investigator)

    @routes.get("/healthz")
    async def alive() -> Response:
        """The process answers."""
        return json_response(b'{"status":"ok"}')

    @routes.get("/readyz")
    def ready() -> Response:
        """It can decide: the store answers and a policy is loaded. `data_old` names lists that want an update;
        `investigates` says whether a model is set."""
        try:
            service.app.store.ping()
        except StoreFailed as error:
            return error_response(error)
        app = service.app
        document: dict[str, Any] = {"status": "ready", "version": __version__, "policy": app.policy.ref.model_dump()}
        document["investigates"] = app.investigations.investigator is not None
        if app.watch.problem is not None:
            document["policy_problem"] = app.watch.problem.document()
        return json_response(document | _lists(service))

    @routes.get("/readyz/investigator")
    async def investigator() -> Response:
        """It can investigate: the model completes one token. An engine may list its models and be dead all the same."""
        return await probe()

    @routes.get("/metrics")
    def prometheus() -> Response:
        """Prometheus metrics."""
        return Response(metrics.render(), media_type=CONTENT_TYPE)

    return routes


class ModelProbe:
    """Asks the model at most every few seconds, whoever asks here how often."""

    def __init__(self, investigator: Investigator | None) -> None:
        self._investigator = investigator
        self._asked: asyncio.Task[ModelFailed | None] | None = None
        self._until = 0.0

    async def __call__(self) -> Response:
        """200 when it answers, 503 with the reason when not."""
        if self._investigator is None:
            return problem_response(problem(503, "no model is set (FRAUDRAY_LLM_URL); the policy decides alone"))
        if self._asked is None or time.monotonic() > self._until:
            self._asked = asyncio.get_running_loop().create_task(self._ask(self._investigator))
            self._until = time.monotonic() + PROBE_EVERY_S
        failed = await asyncio.shield(self._asked)
        if failed is None:
            return json_response({"status": "ready"})
        return problem_response(problem(503, f"{failed.reason}: {failed.detail}"))

    async def _ask(self, investigator: Investigator) -> ModelFailed | None:
        try:
            await investigator.probe()
        except ModelFailed as failed:
            return failed
        return None


def _lists(service: LocalService) -> dict[str, Any]:
    """Lists too old are a detail: decisions go on with those that were read last."""
    try:
        return {"data_old": lists_status(service.app)["old"]}
    except FraudrayError as error:
        return {"data_old": [], "data_problem": str(error)}
