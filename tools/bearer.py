"""The layer that asks for a key: around the whole server, or around one tool that is served alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import orjson
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from fraudray.domain import access
from fraudray.domain.access import Principal
from fraudray.domain.errors import Forbidden, FraudrayError, Unauthenticated
from fraudray.gate import Gate
from fraudray.problems import problem_of

PRINCIPAL = "fraudray.principal"
"""Where a request's scope holds whom it is made for."""
Needs = frozenset[access.Scope]
READS_OR_ACTS: Needs = frozenset({access.Scope.READ, access.Scope.ACT})
"""What reaches an MCP server at all; each tool then asks for its own scope."""


class Bearer:
    """Admits requests to `app`: 401 without a key that is valid, 403 without a scope that the request needs.

    `needs` says, by method and path, which scopes are enough, one of them; None where nobody is asked. Where an outer
    layer has found out already whom a request is made for, this one asks no more.
    """

    def __init__(
        self,
        app: ASGIApp,
        gate: Gate,
        needs: Callable[[str, str], Needs | None],
        refused: Callable[[int], None] = lambda _status: None,
    ) -> None:
        self._app, self._gate, self._needs, self._refused = app, gate, needs, refused

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Admit or answer one request."""
        if scope["type"] == "http" and PRINCIPAL not in scope:
            method, path = scope["method"], scope["path"]
            needed = self._needs(method, path)
            if needed is not None:
                try:
                    principal = self._gate.admit(lambda: presented_key(scope["headers"]))
                    principal.require(needed, "this request")
                except FraudrayError as error:
                    response = _refusal(error, needed)
                    self._refused(response.status_code)
                    await response(scope, receive, send)
                    return
                scope[PRINCIPAL] = principal
        elif scope["type"] == "websocket":  # nothing here is served by one
            await send({"type": "websocket.close", "code": 1008})
            return
        await self._app(scope, receive, send)


def presented_key(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """The key in `Authorization: Bearer` or `X-API-Key`. Raises Unauthenticated for two, or another scheme."""
    found: list[str] = []
    for name, value in headers:
        if name == b"authorization":
            scheme, _, key = value.decode("latin-1").strip().partition(" ")
            if scheme.lower() != "bearer":
                raise Unauthenticated("the Authorization header is not `Bearer <key>`")
            found.append(key.strip())
        elif name == b"x-api-key":
            found.append(value.decode("latin-1").strip())
    if len(found) > 1:
        raise Unauthenticated("several keys were sent; send one, in one header")
    return found[0] if found else None


def principal_of(request: Any) -> Principal | None:
    """Whom a Starlette request is made for; None where nobody asked, or there is no request."""
    principal: Principal | None = request.scope.get(PRINCIPAL) if request is not None else None
    return principal


def _refusal(error: FraudrayError, needed: Needs) -> Response:
    document = problem_of(error)
    headers = {"retry-after": "1"} if document["status"] == 503 else {}
    if isinstance(error, Unauthenticated):
        headers = {"www-authenticate": 'Bearer realm="fraudray"'}
    elif isinstance(error, Forbidden):
        scopes = " ".join(sorted(needed))
        headers = {"www-authenticate": f'Bearer realm="fraudray", error="insufficient_scope", scope="{scopes}"'}
    return Response(orjson.dumps(document), document["status"], headers, "application/problem+json")
