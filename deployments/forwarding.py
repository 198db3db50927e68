"""Passes an HTTP request on to another gateway, as it is, and its answer back: the bytes of both as they come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import httpx
from starlette.types import Receive, Scope, Send

PASSED_ON = b"x-fraudray-passed-on"
"""Counts the gateways that a request has passed."""
PASSED_MAX = 4
_CONNECT_S = 2.0
_IDLE_S = 2.0
"""Less than a server keeps a connection that nothing comes on."""
# Of one connection, not of the message (RFC 9110, 7.6.1); the length of a body is said anew by who sends it.
_OF_THE_CONNECTION = frozenset(
    (b"connection", b"keep-alive", b"te", b"trailer", b"transfer-encoding", b"upgrade", b"proxy-connection")
)


class NotReached(Exception):
    """Nobody listens there; nothing of the request was sent, so it may go elsewhere."""


class BrokenOff(Exception):
    """The connection ended before an answer began; the request may have had its effect."""


class Forwarder:
    """Passes requests on to one gateway."""

    def __init__(self, url: str) -> None:
        """`url` is where it listens, without a slash at the end."""
        self.url = url
        timeout = httpx.Timeout(None, connect=_CONNECT_S)
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=64, keepalive_expiry=_IDLE_S)
        self._client = httpx.AsyncClient(timeout=timeout, limits=limits, trust_env=False)
        self._client.headers.clear()  # a request has its own, and no others

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request by what the other answers. Raises NotReached, BrokenOff."""
        passed = passed_on(scope)
        body = _Body(receive)
        headers = [(name, value) for name, value in scope["headers"] if name not in _OF_THE_CONNECTION | {PASSED_ON}]
        headers.append((PASSED_ON, str(passed + 1).encode()))
        query = scope.get("query_string", b"")
        path = scope.get("raw_path") or scope["path"].encode()
        url = httpx.URL(self.url, raw_path=path + (b"?" + query if query else b""))
        content = body.pieces() if _has_body(scope) else None
        request = self._client.build_request(scope["method"], url, headers=headers, content=content)
        try:
            response = await self._client.send(request, stream=True)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise NotReached(str(error)) from None
        except httpx.HTTPError as error:
            raise BrokenOff(str(error)) from None
        try:
            await _answer(response, body, send)
        finally:
            await response.aclose()

    async def is_alive(self) -> bool:
        """Whether somebody listens there still, if only to say nothing yet."""
        try:
            await self._client.get(f"{self.url}/healthz", timeout=_CONNECT_S)
        except (httpx.ConnectError, httpx.ConnectTimeout):
            return False
        except httpx.HTTPError:
            return True
        return True

    async def close(self) -> None:
        """End its connections."""
        await self._client.aclose()


def passed_on(scope: Scope) -> int:
    """How many gateways a request has passed."""
    for name, value in scope["headers"]:
        if name == PASSED_ON and value.isdigit():
            return int(value)
    return 0


class _Body:
    """A request's body in pieces, and whether who sent it has left."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive

    async def pieces(self) -> AsyncIterator[bytes]:
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise httpx.WriteError("the body ended early")
            yield message.get("body", b"")
            if not message.get("more_body", False):
                return

    async def left(self) -> None:
        """Returns when who asked has left."""
        while (await self._receive())["type"] != "http.disconnect":
            pass


async def _answer(response: httpx.Response, body: _Body, send: Send) -> None:
    async def all_of_it() -> None:
        async for piece in response.aiter_raw():
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    headers = [(name.lower(), value) for name, value in response.headers.raw if name.lower() not in _OF_THE_CONNECTION]
    await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
    answering, leaving = asyncio.create_task(all_of_it()), asyncio.create_task(body.left())
    try:
        await asyncio.wait((answering, leaving), return_when=asyncio.FIRST_COMPLETED)
        if answering.done():
            answering.result()
    finally:
        for task in (answering, leaving):
            task.cancel()
            with suppress(asyncio.CancelledError, httpx.HTTPError):
                await task


def _has_body(scope: Scope) -> bool:
    lengths = [value for name, value in scope["headers"] if name == b"content-length"]
    chunked = any(name == b"transfer-encoding" for name, _ in scope["headers"])
    return chunked or any(value != b"0" for value in lengths)
