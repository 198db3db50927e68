"""The bench beside a model on Ray Serve: it measures from within a replica, as an investigator asks, by handle."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from ray import serve
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from fraudray.adapters.models import abilities_of
from fraudray.deployments.bench.measure import Endpoint, Plan
from fraudray.deployments.bench.run import measure
from fraudray.deployments.bench.tiny import MEASURE_PATH
from fraudray.deployments.llm_choice import with_served_model
from fraudray.deployments.llm_handle import ENGINE_URL, EngineOf, HandleTransport
from fraudray.deployments.server_process import LLM_APP
from fraudray.llm.laptop import TINY
from fraudray.settings import Settings


def build() -> serve.Application:
    """The application, in place of the gateway."""
    bench: Any = serve.deployment(serve.ingress()(Bench), name="Bench", ray_actor_options={"num_cpus": 0})
    application: serve.Application = bench.bind()
    return application


class Bench:
    """Measures when it is asked to."""

    async def __serve_build_asgi_app__(self) -> Starlette:
        """What Serve asks an ingress for, in the replica."""
        return Starlette(routes=[Route("/readyz", _ready), Route(MEASURE_PATH, _measure, methods=["POST"])])


async def _ready(_: Request) -> Response:
    return Response("ready")


async def _measure(request: Request) -> Response:
    """`{"doing": TEXT}` line by line, then `{"measured": DOCUMENT}` or `{"failed": TEXT}`."""
    plan = Plan.model_validate_json(await request.body())
    return StreamingResponse(_lines(plan), media_type="application/x-ndjson")


async def _lines(plan: Plan) -> AsyncIterator[str]:
    lines: asyncio.Queue[str | None] = asyncio.Queue()

    def tell(**line: Any) -> None:
        lines.put_nowait(json.dumps(line) + "\n")

    async def run() -> None:
        settings = with_served_model(Settings.model_construct(llm_serve=TINY))
        abilities = abilities_of(settings, settings.llm_model or "")
        endpoint = Endpoint(ENGINE_URL, HandleTransport(EngineOf(LLM_APP)), abilities)
        try:
            with tempfile.TemporaryDirectory(prefix="fraudray-bench-") as folder:
                tell(measured=await measure(endpoint, plan, Path(folder), lambda doing: tell(doing=doing)))
        except Exception as error:
            tell(failed=f"{type(error).__name__}: {error}")
        lines.put_nowait(None)

    running = asyncio.create_task(run())
    try:
        while (line := await lines.get()) is not None:
            yield line
    finally:
        running.cancel()
