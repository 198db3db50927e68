"""How things stand, for a page that looks every few seconds."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from fraudray.deployments.bodies import json_response
from fraudray.deployments.metrics import Metrics
from fraudray.service import LocalService


def router(service: LocalService, metrics: Metrics) -> APIRouter:
    routes = APIRouter()

    @routes.get("")
    def live() -> Response:
        """Decisions of the last quarter of an hour, latency by stage, tools and model, outbox, cases, detection and
        false positives over labels, tokens and cost today (UTC)."""
        investigator = service.app.investigations.investigator
        model: dict[str, Any] = {"configured": investigator is not None}
        if investigator is not None:
            model["breaker"] = asyncio.run(investigator.breaker())
        return json_response(metrics.live.document() | {"model": model} | service.standing())

    return routes
