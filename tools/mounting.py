"""The six tools inside a server: their routes, and the task that must run while they are served."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager

from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from fraudray.bootstrap import App
from fraudray.gate import Gate
from fraudray.settings import Settings
from fraudray.tools.bearer import READS_OR_ACTS, Bearer
from fraudray.tools.catalogue import TOOLS
from fraudray.tools.provider import MountedProvider
from fraudray.tools.security import BODY_MAX, transport_security
from fraudray.tools.server import ToolServer
from fraudray.tools.trimmed import Trimmed


def tool_routes(
    app: App, gate: Gate | None = None
) -> tuple[list[BaseRoute], Callable[[], AbstractAsyncContextManager[None]]]:
    """Routes at exactly /mcp/<tool> (streamable HTTP, stateless, JSON), and what to run while they are served.

    They ask for a key as soon as the App has keys, or its `host` is no loopback address.

    `async with` the second's answer in the lifespan of the application that has the routes; once, as the SDK demands.
    """
    provider = MountedProvider(app)
    gate = gate or Gate(app.store.keyring, app.clock, host=app.settings.host)
    servers = [entry.build(provider) for entry in TOOLS]
    routes: list[BaseRoute] = [http_route(server, app.settings, gate) for server in servers]

    @asynccontextmanager
    async def running() -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for server in servers:
                await stack.enter_async_context(server.session_manager.run())
            yield

    return routes, running


def http_route(server: ToolServer, settings: Settings, gate: Gate) -> Route:
    """One server's route, behind the gate. Its session manager must run while it is served.

    Only POST: without sessions a stream opened by GET would stay open and never say anything. The protocol demands
    405 for it, which tells a client to go on without; with a 404 it takes the server for gone.
    """
    path = server.entry.path
    whole = server.streamable_http_app(
        streamable_http_path=path, stateless_http=True, json_response=True, max_request_body_size=BODY_MAX,
        transport_security=transport_security(settings),
    )  # fmt: skip
    endpoint = next(route.endpoint for route in whole.routes if isinstance(route, Route) and route.path == path)
    guarded = Bearer(_only_post(Trimmed(endpoint)), gate, lambda _method, _path: READS_OR_ACTS)
    # All methods: where the route let one go, whatever is mounted behind it would answer 404.
    return Route(path, guarded)


def _only_post(app: ASGIApp) -> ASGIApp:
    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        post = scope["method"] == "POST"
        await (app if post else Response(status_code=405, headers={"allow": "POST"}))(scope, receive, send)

    return answer
