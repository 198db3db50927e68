"""The gateway: one process that holds the engine and answers HTTP and MCP. Serve calls `build_asgi_app` in its replica.

/v1/decisions, /v1/decisions/bulk    plain Starlette endpoints, the hot path
/mcp/<tool>                          the six MCP servers (streamable HTTP, stateless)
everything else                      FastAPI
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from fraudray.adapters.local_token import make_local_token, read_local_token
from fraudray.bootstrap import App
from fraudray.deployments.access import guard
from fraudray.deployments.api import build_api
from fraudray.deployments.bodies import problem_response
from fraudray.deployments.decisions import Decisions
from fraudray.deployments.metrics import Metrics
from fraudray.deployments.standby import Standby
from fraudray.domain.errors import StoreInUse
from fraudray.gate import Gate
from fraudray.ports.investigator import Investigator
from fraudray.problems import problem
from fraudray.reference import lists_status
from fraudray.service import LocalService
from fraudray.settings import load_settings
from fraudray.tools.mounting import tool_routes

FOLDER_WAIT_S = 10.0


def build_gateway(app: App) -> Starlette:
    """The gateway on an open App; closes it when the server stops."""
    app.store.lists.current()  # reading long lists takes a while, which the first decision need not wait for
    app.watch.settle()
    metrics = Metrics(
        app.store, app.clock, app.watch, app.worker.lane.results, lambda: lists_status(app),
        app.investigations.investigator,
    )  # fmt: skip
    app.investigations.on_end.append(metrics.investigated)
    app.investigations.questions.on_answer.append(metrics.asked)
    folder = app.settings.data_dir
    token = read_local_token(folder) or make_local_token(folder)
    gate = Gate(app.store.keyring, app.clock, host=app.settings.host, local_token=token)
    decisions = Decisions(app, metrics)
    routes, run_tools = tool_routes(app, gate)
    api = build_api(LocalService(app), metrics)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with run_tools():
            try:
                yield
            finally:
                app.close()

    async def not_allowed(_request: Request) -> Response:
        return problem_response(problem(405, "use POST"), {"allow": "POST"})

    async def failed(_request: Request, _error: Exception) -> Response:
        metrics.refused(500)
        return problem_response(problem(500, "an unexpected error; the server's log says which"))

    others = ["GET", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]
    return Starlette(
        routes=[
            Route("/v1/decisions", decisions.single, methods=["POST"]),
            Route("/v1/decisions", not_allowed, methods=others),
            Route("/v1/decisions/bulk", decisions.bulk, methods=["POST"]),
            Route("/v1/_baseline", decisions.baseline, methods=["POST"]),
            *routes,
            Mount("/", api),
        ],
        middleware=[Middleware(guard, gate=gate, metrics=metrics)],
        exception_handlers={Exception: failed},
        lifespan=lifespan,
    )


def build_asgi_app(investigator: Investigator | None = None) -> ASGIApp:
    """The gateway as the environment sets it up; `investigator` is the one that it hands decisions to.

    Raises as `App` does.

    Another process may still hold the data folder for a moment: a command, a tool's call, or the replica before this.
    With `handover_url`, this one asks it to give way, and answers when it has.
    """
    settings, give_up_at = load_settings(), time.monotonic() + FOLDER_WAIT_S
    _log_to_stderr(settings.log_level)

    def build() -> Starlette:
        return build_gateway(App(settings, investigator=investigator))

    if settings.handover_url is not None:
        first = None
        with suppress(StoreInUse):
            first = build()
        return Standby(build, settings.data_dir, settings.handover_url, first=first, fail=lambda: os._exit(1))
    while True:
        try:
            return build()
        except StoreInUse:
            if time.monotonic() > give_up_at:
                raise
            time.sleep(0.2)


def _log_to_stderr(level: str) -> None:
    """fraudray's own lines in the replica's log; the MCP SDK would wrap them at 80 columns."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logger = logging.getLogger("fraudray")
    logger.handlers, logger.propagate = [handler], False
    logger.setLevel(level)
