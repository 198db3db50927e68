"""One gateway after another on the same store, without a request lost between them.

Only one process may own a store. In an upgrade, or when a node is emptied, the next gateway starts while the one before
still decides:

    waiting ──owns the store──▶ deciding ──the next one asks──▶ passing on
       ▲                                                            │
       └────────────── the next one is gone: takes the store back ──┘

Who waits holds requests until it decides. It asks the owner to give way by `POST /v1/_handover`, at the address that
the owner wrote into the data folder, with the token that lies there too: only who may read the folder may ask. The
owner answers what it has begun, lets go of the store, and passes on what still comes to it.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import orjson
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fraudray.adapters.local_token import read_local_token
from fraudray.deployments.bodies import problem_response
from fraudray.deployments.forwarding import PASSED_MAX, BrokenOff, Forwarder, NotReached, passed_on
from fraudray.deployments.handover_metrics import CONTENT_TYPE, HandoverMetrics, State
from fraudray.domain.errors import FraudrayError, StoreInUse
from fraudray.problems import problem

HANDOVER_PATH = "/v1/_handover"
OWNER_FILE = "owner.json"
"""In the data folder: where the gateway that owns the store listens."""
HOLD_S = 25.0
"""How long a request is held for a gateway that does not decide yet."""
FINISH_S = 15.0
"""How long requests under way may take before the store is let go."""
_TRY_S, _LOOK_S = 0.25, 1.0
_MISSED_MAX = 3
_MARK = b"x-fraudray-gateway"
_log = logging.getLogger(__name__)

Build = Callable[[], ASGIApp]
"""Opens the store and makes the gateway on it; raises StoreInUse while another has it. Blocks."""


class Standby:
    """A gateway that takes the store over from the one before, and gives it to the one after."""

    def __init__(
        self, build: Build, folder: Path, address: str, *, first: ASGIApp | None, fail: Callable[[], None]
    ) -> None:
        """`address` leads to this process, directly or through a proxy on its machine: http://10.0.1.7:8000. `first` is
        the gateway where it could be built already; `fail` is called when it cannot be built at all."""
        self._build, self._folder, self._address, self._fail = build, folder, address.rstrip("/"), fail
        self._first = first
        self._building: asyncio.Future[ASGIApp] | None = None
        self._mark = secrets.token_hex(8).encode()
        self._port: int | None = None
        self._running: _Running | None = None
        """The gateway that was started last here, which may have ended."""
        self._inner: ASGIApp | None = None
        """The same while it decides."""
        self._next: Forwarder | None = None
        self._under_way = 0
        self._settled = asyncio.Event()
        """Set while requests can be answered here or passed on."""
        self._quiet = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._metrics = HandoverMetrics(self._state)

    def _state(self) -> State:
        if self._inner is not None:
            return "deciding"
        return "waiting" if self._next is None else "passing-on"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] != "http":
            raise RuntimeError(f"{scope['type']} is not spoken here")
        elif scope["path"] == "/healthz" and self._is_own_question(scope):
            self._port = scope["server"][1] if scope.get("server") else None
            await _say(send, 200)
        elif scope["path"] == HANDOVER_PATH:
            await self._asked(scope, receive, send)
        elif scope["path"] == "/metrics" and scope["method"] == "GET":
            await self._scraped(scope, receive, send)
        else:
            await self._request(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        self._task = asyncio.create_task(self._take())
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
        if self._building is not None:  # a store that is just being opened is closed again
            with suppress(FraudrayError):
                self._running = await _Running.start(await self._building)
        if self._running is not None:
            await self._running.stop()
        if self._next is not None:
            await self._next.close()
        await send({"type": "lifespan.shutdown.complete"})

    async def _scraped(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Who waits has no keys to ask for one, and says no more than `/readyz` would: that it waits."""
        if self._state() == "waiting":
            await Response(self._metrics.document(), media_type=CONTENT_TYPE)(scope, receive, send)
        else:
            await self._request(scope, receive, self._metrics.after(send))

    async def _request(self, scope: Scope, receive: Receive, send: Send) -> None:
        while True:
            try:
                async with asyncio.timeout(HOLD_S):
                    await self._settled.wait()
            except TimeoutError:
                await _refuse(scope, receive, send, "the gateway does not decide yet: another one holds the store")
                return
            inner, forwarder = self._inner, self._next
            if inner is not None:
                self._under_way += 1
                try:
                    await inner(scope, receive, send)
                finally:
                    self._under_way -= 1
                    if not self._under_way:
                        self._quiet.set()
                return
            if forwarder is None:
                continue
            if passed_on(scope) >= PASSED_MAX:
                await _refuse(scope, receive, send, "no gateway decides now")
                return
            try:
                await forwarder(scope, receive, send)
            except NotReached:
                self._take_back(forwarder)
            except BrokenOff:
                self._metrics.passed_on("lost")
                await _refuse(scope, receive, send, "the answer was lost; send it again under the same id")
                return
            else:
                self._metrics.passed_on("answered")
                return

    async def _take(self) -> None:
        """Come to own the store, asking its owner to give way. Then say where this one listens."""
        try:
            self._running = await _Running.start(await self._open())
            self._inner = self._running.app
        except (FraudrayError, RuntimeError):
            # Whoever gave way takes the store back when this process is gone.
            _log.exception("cannot decide")
            self._fail()
            return
        self._settled.set()
        _log.info("deciding (gateway %s)", self._metrics.gateway)
        _write(self._folder / OWNER_FILE, await self._own_url())

    async def _open(self) -> ASGIApp:
        """The gateway, once the store can be had. Raises as `build` does, but for StoreInUse."""
        asked = 0
        app, self._first = self._first, None
        while app is None:
            self._building = asyncio.ensure_future(asyncio.to_thread(self._build))
            try:
                app = await asyncio.shield(self._building)
            except StoreInUse as busy:
                if asked % 40 == 0:
                    _log.info("waiting: %s (gateway %s)", busy, self._metrics.gateway)
                asked += 1
                await self._ask()
                await asyncio.sleep(_TRY_S)
            finally:
                if self._building.done():
                    self._building = None
        return app

    async def _ask(self) -> None:
        """Ask whoever owns the store, where it said so and this one can be reached."""
        url, token = _owner(self._folder), read_local_token(self._folder)
        if url is None or token is None:
            return
        own = await self._own_url()
        if url == own:
            return
        with suppress(httpx.HTTPError):
            async with httpx.AsyncClient(timeout=5, trust_env=False) as client:
                headers = {"authorization": f"Bearer {token}"}
                await client.post(url + HANDOVER_PATH, json={"to": own}, headers=headers)

    async def _own_url(self) -> str:
        """Where this very process listens: asks its address until this process answers itself."""
        async with httpx.AsyncClient(timeout=2, trust_env=False) as client:
            while self._port is None:
                with suppress(httpx.HTTPError):
                    await client.get(f"{self._address}/healthz", headers={_MARK.decode(): self._mark.decode()})
                if self._port is None:
                    await asyncio.sleep(_TRY_S)
        address = urlsplit(self._address)
        host = f"[{address.hostname}]" if ":" in (address.hostname or "") else address.hostname
        return f"http://{host}:{self._port}"

    def _is_own_question(self, scope: Scope) -> bool:
        return any(name == _MARK and value == self._mark for name, value in scope["headers"])

    async def _asked(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Another gateway asks for the store."""
        token = read_local_token(self._folder)
        given = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
        if scope["method"] != "POST" or not token or not hmac.compare_digest(given, b"Bearer " + token.encode()):
            await problem_response(problem(403, "only who may read the data folder may ask"))(scope, receive, send)
            return
        body = b""
        while (message := await receive())["type"] == "http.request":
            body += message.get("body", b"")
            if not message.get("more_body", False) or len(body) > 4096:
                break
        url = _address_in(body)
        if url is None:
            await problem_response(problem(422, "to: is the http address of a gateway"))(scope, receive, send)
            return
        if self._inner is not None and self._next is None:
            self._next = Forwarder(url)
            self._task = asyncio.create_task(self._give_way())
        await _say(send, 202)

    async def _give_way(self) -> None:
        """Answer what was begun, let go of the store, and watch that the next one is there."""
        assert self._next is not None  # noqa: S101 - set by who starts this
        forwarder = self._next
        _log.info("giving way to %s", forwarder.url)
        self._inner = None  # from here on, requests are passed on
        with suppress(TimeoutError):
            async with asyncio.timeout(FINISH_S):
                while self._under_way:
                    self._quiet.clear()
                    await self._quiet.wait()
        if self._running is not None:
            await self._running.stop()
        missed = 0
        while missed < _MISSED_MAX:
            await asyncio.sleep(_LOOK_S)
            missed = 0 if await forwarder.is_alive() else missed + 1
        self._take_back(forwarder)

    def _take_back(self, forwarder: Forwarder) -> None:
        """The next one is gone: decide again."""
        if self._next is not forwarder:
            return
        _log.warning("%s is gone: taking the store back", forwarder.url)
        self._next = None
        self._settled.clear()
        before, self._task = self._task, asyncio.create_task(self._take())
        if before is not None and before is not asyncio.current_task():
            before.cancel()


class _Running:
    """An ASGI app whose lifespan runs in a task."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._to_app: asyncio.Queue[Message] = asyncio.Queue()
        self._from_app: asyncio.Queue[Message] = asyncio.Queue()
        self._task: asyncio.Task[Any] | None = None
        self._stopping: asyncio.Task[None] | None = None

    @classmethod
    async def start(cls, app: ASGIApp) -> _Running:
        """Run its start to the end. Raises RuntimeError when it fails."""
        running = cls(app)
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": {}}
        running._task = asyncio.create_task(app(scope, running._to_app.get, running._from_app.put))  # type: ignore[arg-type]
        await running._to_app.put({"type": "lifespan.startup"})
        answer = await running._from_app.get()
        if answer["type"] != "lifespan.startup.complete":
            raise RuntimeError(answer.get("message", "the gateway did not start"))
        return running

    async def stop(self) -> None:
        """Run its end, once, and to the end whatever becomes of who asked."""
        if self._stopping is None:
            self._stopping = asyncio.create_task(self._stop())
        await asyncio.shield(self._stopping)

    async def _stop(self) -> None:
        await self._to_app.put({"type": "lifespan.shutdown"})
        await self._from_app.get()
        if self._task is not None:
            await self._task


def _address_in(body: bytes) -> str | None:
    try:
        url = orjson.loads(body)["to"]
        parts = urlsplit(url)
        return url if parts.scheme == "http" and parts.hostname and parts.port and not parts.path else None
    except (ValueError, KeyError, TypeError):
        return None


def _owner(folder: Path) -> str | None:
    with suppress(OSError, ValueError, KeyError, TypeError):
        return str(json.loads((folder / OWNER_FILE).read_text())["url"])
    return None


def _write(path: Path, url: str) -> None:
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.write_text(json.dumps({"url": url}))
    draft.replace(path)


async def _refuse(scope: Scope, receive: Receive, send: Send, why: str) -> None:
    await problem_response(problem(503, why), {"retry-after": "2"})(scope, receive, send)


async def _say(send: Send, status: int) -> None:
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})
