"""What stands between a client and a server: a prefix, and answers that hang, are cut or refused as a test says."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from tests.ui.running import serving

Mood = Literal["well", "hangs", "overloaded", "cut"]


@dataclass
class Between:
    """A proxy on loopback; `mood` may change at any time, for paths that contain `only`."""

    url: str = ""
    mood: Mood = "well"
    only: str = ""


@contextmanager
def between(server: str, *, prefix: str = "", strips: bool = False) -> Iterator[Between]:
    """A proxy in front of that server, which is reached below `prefix`; it names itself to it by another Host."""
    state = Between()
    http = httpx.AsyncClient(base_url=server, timeout=60, limits=httpx.Limits(max_connections=None))

    async def forward(request: Request) -> Response:
        asked = request.url.path
        if not asked.startswith(prefix):
            return Response("not below the prefix", 404)
        asked = asked.removeprefix(prefix) if strips else asked
        mood = state.mood if state.only in asked else "well"
        if mood == "hangs":
            while state.mood == "hangs" and not await request.is_disconnected():  # noqa: ASYNC110 - two conditions
                await asyncio.sleep(0.02)
        if mood == "overloaded":
            return Response("<html>busy</html>", 503, media_type="text/html")
        headers = {n: v for n, v in request.headers.items() if n not in ("host", "content-length")}
        sent = http.build_request(
            request.method, asked, params=request.query_params, headers=headers, content=await request.body()
        )
        answer = await http.send(sent, stream=True)
        kept = {n: v for n, v in answer.headers.items() if n not in ("content-length", "transfer-encoding")}
        return StreamingResponse(_pieces(answer, cut=mood == "cut"), answer.status_code, headers=kept)

    methods = ["GET", "POST", "PUT", "DELETE"]
    with serving(Starlette(routes=[Route("/{path:path}", forward, methods=methods)])) as url:
        state.url = url
        yield state


async def _pieces(answer: httpx.Response, *, cut: bool) -> Any:
    async for piece in answer.aiter_raw():
        yield piece[: len(piece) // 2] if cut else piece
        if cut:
            raise ConnectionResetError("cut off")
