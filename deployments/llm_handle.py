"""The `openai` SDK over a deployment handle: an httpx2 transport whose other end is the engine's replica.

With `httpx2.AsyncClient(transport=HandleTransport(handle))` as its `http_client` and ENGINE_URL as its `base_url`,
`AsyncOpenAI` works as over HTTP: streams stream, refusals are statuses, read timeouts hold, and closing an answer early
aborts the engine's work.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Protocol, Self, cast

import httpx2
from ray import serve
from ray.exceptions import RayError
from ray.serve.exceptions import (
    BackPressureError,
    DeploymentUnavailableError,
    RayServeException,
    ReplicaUnavailableError,
)

from fraudray.deployments.engine_call import ENGINE, EngineCall, EngineHead, error_body

ENGINE_URL = "http://engine/v1"
"""A base URL for clients on this transport; only its path matters."""

_BODY_BYTES_MAX = 4 * 1024 * 1024
_DROPPED = frozenset({"content-length", "transfer-encoding", "connection"})


class Pieces(Protocol):
    """An answer that crosses the handle: Serve's `DeploymentResponseGenerator`."""

    def __aiter__(self) -> Self: ...

    async def __anext__(self) -> EngineHead | bytes: ...

    def cancel(self) -> None: ...


class EngineMethod(Protocol):
    """A method of a handle with `stream=True`."""

    def remote(self, call: EngineCall) -> Pieces: ...


class EngineHandle(Protocol):
    """A handle of the engine's deployment, with `stream=True`: `handle.options(stream=True)`."""

    @property
    def http(self) -> EngineMethod: ...


class EngineOf:
    """The engine of a Serve application, looked up when it is first asked: it may be deployed later than who asks."""

    def __init__(self, app_name: str) -> None:
        self._app_name = app_name
        self._handle: EngineHandle | None = None

    @property
    def http(self) -> EngineMethod:
        """See `EngineHandle.http`. Raises RayServeException while there is no such application."""
        if self._handle is None:
            handle = serve.get_deployment_handle(ENGINE, self._app_name).options(stream=True)
            self._handle = cast(EngineHandle, handle)
        return self._handle.http


class HandleTransport(httpx2.AsyncBaseTransport):
    """Carries requests to the engine. One for each process; the handle balances over replicas."""

    def __init__(self, engine: EngineHandle) -> None:
        """`engine` is the deployment's handle, `handle.options(stream=True)`."""
        self._engine = engine

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send the request. A busy or absent engine is a 503, as from a proxy.

        Raises httpx2.ReadTimeout, httpx2.ConnectError when the replica ends before it answers.
        """
        body = await request.aread()
        if len(body) > _BODY_BYTES_MAX:
            return _refusal(request, 413, f"the request has more than {_BODY_BYTES_MAX} bytes")
        call = EngineCall.make(request.method, request.url.path, request.headers, body)
        timeout_s = request.extensions.get("timeout", {}).get("read")
        try:
            answer = _Answer(self._engine.http.remote(call), timeout_s, request)
            head = await answer.next()
        except httpx2.RemoteProtocolError as error:
            raise httpx2.ConnectError(str(error), request=request) from error
        except (_Unavailable, RayServeException) as error:
            return _refusal(request, 503, str(error))
        if not isinstance(head, EngineHead):
            answer.cancel()
            raise httpx2.RemoteProtocolError("the engine's replica sent no status", request=request)
        headers = [(name, value) for name, value in head.headers if name.lower() not in _DROPPED]
        return httpx2.Response(head.status, headers=headers, stream=answer, request=request)


class _Unavailable(Exception):
    """No replica takes the request."""


class _Answer(httpx2.AsyncByteStream):
    """The pieces of one answer; each may take `timeout_s`, without limit where that is None."""

    def __init__(self, pieces: Pieces, timeout_s: float | None, request: httpx2.Request) -> None:
        self._pieces, self._timeout_s, self._request = pieces, timeout_s, request
        self._ended = False

    async def next(self) -> EngineHead | bytes:
        """The next piece. Raises StopAsyncIteration at the end, _Unavailable, httpx2.TransportError."""
        try:
            async with asyncio.timeout(self._timeout_s):
                return await anext(self._pieces)
        except asyncio.CancelledError:
            self.cancel()
            raise
        except TimeoutError:
            self.cancel()
            raise httpx2.ReadTimeout(f"nothing came for {self._timeout_s} s", request=self._request) from None
        except (BackPressureError, DeploymentUnavailableError, ReplicaUnavailableError) as error:
            self._ended = True
            raise _Unavailable(f"the engine takes no request now: {error}") from error
        except RayError as error:
            self._ended = True
            text = f"the engine's replica failed: {type(error).__name__}"
            raise httpx2.RemoteProtocolError(text, request=self._request) from error

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            try:
                piece = await self.next()
            except StopAsyncIteration:
                self._ended = True
                return
            except _Unavailable as error:
                raise httpx2.RemoteProtocolError(str(error), request=self._request) from error
            if isinstance(piece, bytes):
                yield piece

    async def aclose(self) -> None:
        """Give up what has not come yet."""
        self.cancel()

    def cancel(self) -> None:
        """The same, without waiting."""
        if not self._ended:
            self._ended = True
            self._pieces.cancel()


def _refusal(request: httpx2.Request, status: int, message: str) -> httpx2.Response:
    content = error_body(message, "service_unavailable" if status == 503 else "invalid_request_error")
    headers = {"content-type": "application/json"}
    return httpx2.Response(status, headers=headers, content=content, request=request)
