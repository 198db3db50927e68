"""The engine's replica: vLLM under `ray.serve.llm`, ready only once it has answered, with its HTTP API on a handle.

Importing this module imports vLLM, which takes 15 s; only the engine's replicas and who builds them do.
"""

from __future__ import annotations

import asyncio
import json
import os
import threading
import time
from collections.abc import AsyncIterator, MutableMapping
from contextlib import suppress
from typing import Any

from ray.serve.llm import LLMServer
from starlette.types import ASGIApp

from fraudray.deployments.engine_call import EngineCall, EngineHead, error_body
from fraudray.deployments.start_deadline import LIMIT_VARIABLE, StartDeadline, end_process, lines_of_cluster

STREAM_INTERVAL_S = 0.01
"""After the first piece of an answer, what comes within this time crosses the handle as one message."""

_LEAVING_S = 2.0  # what vLLM may take to notice that the client has left

_WARM_UP_SCHEMA = {
    "type": "object",
    "properties": {"risk": {"type": "integer", "minimum": 0, "maximum": 100}},
    "required": ["risk"],
    "additionalProperties": False,
}

Event = MutableMapping[str, Any]


class EngineServer(LLMServer):
    """`LLMServer`, whose engine's own HTTP API is reached through `http`; all else is Ray's."""

    async def start(self) -> None:
        """Start the engine and have it answer once. Raises RuntimeError when it cannot, which fails the replica."""
        limit_s = float(os.environ.get(LIMIT_VARIABLE, "inf"))
        with StartDeadline(min(limit_s, threading.TIMEOUT_MAX), lines_of_cluster, end_process):
            await super().start()  # type: ignore[no-untyped-call]
            self._app: ASGIApp = await self.__serve_build_asgi_app__()  # type: ignore[no-untyped-call]
            await self._warm_up()

    async def http(self, call: EngineCall) -> AsyncIterator[EngineHead | bytes]:
        """Answer an HTTP request: first its head, then its body in pieces. Closing it aborts the engine's work."""
        if self._llm_config.accelerator_type is None and _has_seed(call.body):
            yield EngineHead(400, (("content-type", "application/json"),))
            yield error_body("on a CPU this engine takes no seed", "invalid_request_error")
            return
        events: asyncio.Queue[Event] = asyncio.Queue()
        left = asyncio.Event()
        task = asyncio.create_task(self._run(call, events, left))
        try:
            head = await events.get()
            if head["type"] != "http.response.start":
                raise RuntimeError(f"the engine did not answer {call.method} {call.path}")
            headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in head["headers"])
            yield EngineHead(head["status"], headers)
            async for piece in _coalesced(events):
                yield piece
        finally:
            left.set()  # vLLM works on in a task of its own when only the outer one is cancelled
            await asyncio.wait((task,), timeout=_LEAVING_S)
            task.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await task

    async def _run(self, call: EngineCall, events: asyncio.Queue[Event], left: asyncio.Event) -> None:
        """One request through vLLM's application. Ends with an event in any case; what it raises is logged by vLLM.

        `left` tells it that nobody waits for the answer any more.
        """
        received = False

        async def receive() -> Event:
            nonlocal received
            if received:
                await left.wait()
                return {"type": "http.disconnect"}
            received = True
            return {"type": "http.request", "body": call.body, "more_body": False}

        async def send(event: Event) -> None:
            events.put_nowait(event)

        headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in call.headers]
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": call.method,
            "scheme": "http",
            "path": call.path,
            "raw_path": call.path.encode(),
            "root_path": "",
            "query_string": b"",
            "headers": [*headers, (b"content-length", str(len(call.body)).encode())],
            "client": None,
            "server": None,
        }
        try:
            await self._app(scope, receive, send)
        finally:
            events.put_nowait({"type": "ended"})

    async def _warm_up(self) -> None:
        """A short answer bound by a schema: loads what the first request would otherwise wait for."""
        schema = {"name": "warm_up", "strict": True, "schema": _WARM_UP_SCHEMA}
        body = {
            "model": self._llm_config.model_id,
            "messages": [{"role": "user", "content": "Answer with a risk."}],
            "max_tokens": 16,
            "response_format": {"type": "json_schema", "json_schema": schema},
        }
        call = EngineCall.make(
            "POST", "/v1/chat/completions", {"content-type": "application/json"}, json.dumps(body).encode()
        )
        pieces = [piece async for piece in self.http(call)]
        head, text = pieces[0], b"".join(piece for piece in pieces[1:] if isinstance(piece, bytes))
        if not isinstance(head, EngineHead) or head.status != 200:
            raise RuntimeError(f"the engine started, but does not answer: {head!r} {text[:2000]!r}")


def _has_seed(body: bytes) -> bool:
    """Whether a request names a seed. On a CPU it ends vLLM's engine as soon as a prompt is read in pieces, a long one
    or one among others ("CPU Generator does not use offset", 0.32)."""
    if b"seed" not in body and b"\\u" not in body:
        return False
    try:
        content = json.loads(body)
    except ValueError:
        return False  # vLLM says what is wrong with it
    return isinstance(content, dict) and content.get("seed") is not None


async def _coalesced(events: asyncio.Queue[Event]) -> AsyncIterator[bytes]:
    """The body's pieces until its end: the first at once, the others as they come, but at most one each interval.

    Raises RuntimeError where the body is cut off.
    """
    next_at = 0.0
    while True:
        waiting = [await events.get()]
        await asyncio.sleep(max(0.0, next_at - time.monotonic()))
        while not events.empty():
            waiting.append(events.get_nowait())
        if body := b"".join(event.get("body", b"") for event in waiting):
            next_at = time.monotonic() + STREAM_INTERVAL_S
            yield body
        for event in waiting:
            if event["type"] == "ended":
                raise RuntimeError("the engine's answer was cut off")
            if not event.get("more_body", False):
                return
