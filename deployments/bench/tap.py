"""A transport that notes when each piece of an engine's answer comes: the engine's own time, within the same run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from time import perf_counter

import httpx2

_CHUNK = b"data: {"
"""With what each token of a stream begins (server-sent events; vLLM sends one for each)."""


@dataclass(slots=True)
class Exchange:
    """One request and what has come of its answer; moments are of `perf_counter`, in seconds."""

    body: bytes
    sent_at: float
    taken_at: float
    """When the newest piece that the reader has taken had come."""

    @property
    def engine_s(self) -> float:
        """What the reader was kept waiting, from its request to that piece."""
        return self.taken_at - self.sent_at


class Tap(httpx2.AsyncBaseTransport):
    """Passes everything on. It reads as fast as the engine sends, so that a slow reader does not slow the clock."""

    def __init__(self, inner: httpx2.AsyncBaseTransport) -> None:
        """`inner` carries the requests."""
        self._inner = inner
        self.exchanges: list[Exchange] = []
        self.tokens = 0
        """Tokens that have come, of all answers."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """See `httpx2.AsyncBaseTransport`."""
        body = await request.aread()
        sent_at = perf_counter()
        answer = await self._inner.handle_async_request(request)
        exchange = Exchange(body, sent_at, perf_counter())
        self.exchanges.append(exchange)
        assert isinstance(answer.stream, httpx2.AsyncByteStream)  # noqa: S101 - of an asynchronous transport
        stream = _Pumped(answer.stream, exchange, self)
        return httpx2.Response(
            answer.status_code, headers=answer.headers, stream=stream, extensions=answer.extensions, request=request
        )

    async def aclose(self) -> None:
        """Close what carries the requests."""
        await self._inner.aclose()


class _Pumped(httpx2.AsyncByteStream):
    """A stream that is read ahead in a task of its own."""

    def __init__(self, inner: httpx2.AsyncByteStream, exchange: Exchange, tap: Tap) -> None:
        self._inner, self._exchange, self._tap = inner, exchange, tap
        self._came: asyncio.Queue[tuple[float, bytes | BaseException | None]] = asyncio.Queue()
        self._pump: asyncio.Task[None] | None = None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self._pump is None:  # else what is left is read on
            self._pump = asyncio.create_task(self._run())
        while True:
            at, piece = await self._came.get()
            self._exchange.taken_at = at
            if piece is None:
                return
            if isinstance(piece, BaseException):
                raise piece
            yield piece

    async def _run(self) -> None:
        try:
            async for piece in self._inner:
                self._tap.tokens += piece.count(_CHUNK)
                self._came.put_nowait((perf_counter(), piece))
        except Exception as error:
            self._came.put_nowait((perf_counter(), error))
        else:
            self._came.put_nowait((perf_counter(), None))

    async def aclose(self) -> None:
        """Leave the answer."""
        if self._pump is not None:
            self._pump.cancel()
            await asyncio.wait({self._pump})
        await self._inner.aclose()
