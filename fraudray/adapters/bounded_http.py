"""HTTP answers of a bounded size: what another server sends never fills the memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import cast

import httpx2


class BoundedTransport(httpx2.AsyncBaseTransport):
    """Ends an answer that grows beyond `answer_max` bytes with httpx2.StreamError. Compressed ones are refused: they
    would grow after they were counted."""

    def __init__(self, answer_max: int) -> None:
        self._inner, self._answer_max = httpx2.AsyncHTTPTransport(), answer_max

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """See `httpx2.AsyncBaseTransport`."""
        request.headers["accept-encoding"] = "identity"
        response = await self._inner.handle_async_request(request)
        if response.headers.get("content-encoding", "identity") != "identity":
            await response.aclose()
            raise httpx2.StreamError("the answer is compressed, which was not asked for")
        response.stream = _Bounded(cast("httpx2.AsyncByteStream", response.stream), self._answer_max)
        return response

    async def aclose(self) -> None:
        """See `httpx2.AsyncBaseTransport`."""
        await self._inner.aclose()


class _Bounded(httpx2.AsyncByteStream):
    def __init__(self, inner: httpx2.AsyncByteStream, left: int) -> None:
        self._inner, self._left = inner, left

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._inner:
            self._left -= len(chunk)
            if self._left < 0:
                raise httpx2.StreamError("the answer is too large")
            yield chunk

    async def aclose(self) -> None:
        await self._inner.aclose()
