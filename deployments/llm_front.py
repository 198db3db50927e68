"""The model's HTTP front, under /llm: the OpenAI-compatible paths of the engine, for clients outside the deployments.

It forwards over the engine's handle and imports no vLLM. `llm_door` says who may in.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any, cast

import httpx2
from ray.serve.handle import DeploymentHandle
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from fraudray.deployments.engine_call import error_body
from fraudray.deployments.llm_door import Door
from fraudray.deployments.llm_handle import ENGINE_URL, EngineHandle, HandleTransport
from fraudray.settings import load_settings

BODY_BYTES_MAX = 2 * 1024 * 1024
READ_TIMEOUT_S = 300.0
"""What the next piece of an answer may take; a caller may give up sooner."""

_PATHS = {
    "GET": re.compile(r"v1/models(/[A-Za-z0-9._/-]{1,128})?|metrics|health"),
    "POST": re.compile(r"v1/chat/completions|v1/completions|tokenize"),
}
_DROPPED = frozenset({"host", "content-length", "connection", "transfer-encoding", "authorization", "cookie"})


class LlmFront:
    """One ingress for the engine of its application."""

    def __init__(self, engine: DeploymentHandle[Any], host: str) -> None:
        """`host` is the address that Serve's HTTP listens on."""
        self._client = httpx2.AsyncClient(
            transport=HandleTransport(cast(EngineHandle, engine.options(stream=True))),
            base_url=ENGINE_URL.removesuffix("v1"),
            timeout=READ_TIMEOUT_S,
        )
        self._door = Door(load_settings(), host)

    async def __serve_build_asgi_app__(self) -> Starlette:
        """What Serve asks an ingress for, in the replica."""
        return Starlette(routes=[Route("/{path:path}", self.forward, methods=["GET", "POST"])])

    async def forward(self, request: Request) -> Response:
        """The engine's answer, piece by piece."""
        path = request.path_params["path"]
        if path != "health" and (refusal := self._door.refuse(request)):
            return _refused(401, refusal)
        if not _PATHS["GET" if request.method == "HEAD" else request.method].fullmatch(path):
            return _refused(404, f"there is no {request.method} {path} here")
        body = await _bounded(request)
        if body is None:
            return _refused(413, f"the request has more than {BODY_BYTES_MAX} bytes")
        headers = {name: value for name, value in request.headers.items() if name not in _DROPPED}
        outward = self._client.build_request(request.method, path, headers=headers, content=body)
        try:
            answer = await self._client.send(outward, stream=True)
        except httpx2.TimeoutException as error:
            return _refused(504, str(error))
        except httpx2.TransportError as error:
            return _refused(502, str(error))
        inward = {name: value for name, value in answer.headers.items() if name not in _DROPPED}
        return StreamingResponse(_pieces(answer), answer.status_code, headers=inward)


async def _pieces(answer: httpx2.Response) -> AsyncIterator[bytes]:
    """The body; a client that leaves ends the engine's work."""
    try:
        async for piece in answer.aiter_raw():
            yield piece
    finally:
        await answer.aclose()


async def _bounded(request: Request) -> bytes | None:
    """The body; None when it is too long."""
    pieces, length = [], 0
    async for piece in request.stream():
        length += len(piece)
        if length > BODY_BYTES_MAX:
            return None
        pieces.append(piece)
    return b"".join(pieces)


def _refused(status: int, message: str) -> Response:
    kind = "authentication_error" if status == 401 else "invalid_request_error" if status < 500 else "server_error"
    return Response(error_body(message, kind), status, media_type="application/json")
