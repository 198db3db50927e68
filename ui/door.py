"""What every request passes: only hosts that we know, only our own pages' writes, only the parts of Gradio that we use.

Gradio itself lets any website read and write where the Host is not a loopback name, and forwards, uploads and serves
files for those who ask. None of that reaches it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fraudray.ui.config import ANY_HOST

BODY_BYTES_MAX = 1024 * 1024
FILE_BYTES_MAX = 10 * 1024 * 1024
_FILES = re.compile(r"/page/cases/[^/]+/files")
_SAFE = ("GET", "HEAD")
ALIVE_PATH = "/page/healthz"
_PATHS = {
    "GET": re.compile(
        r"/page/[A-Za-z0-9._/-]+|/theme\.css|/(assets|static|svelte)/.*|/config"
        r"|/gradio_api/(queue/data|heartbeat/[a-z0-9]+|startup-events|app_id|theme\.css)"
    ),
    "POST": re.compile(r"/page/[A-Za-z0-9._/-]+|/gradio_api/(queue/join|run/predict|cancel|reset)/?"),
}
_OWN_HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
NO_CONTENT_POLICY = "default-src 'none'; frame-ancestors 'none'"


class Door:
    """Lets through what is ours."""

    def __init__(self, app: ASGIApp, hosts: Iterable[str], documents: Iterable[str]) -> None:
        """`documents` are the paths of our pages."""
        self._app, self._hosts, self._documents = app, frozenset(hosts), frozenset(documents)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI has it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return  # nothing of ours speaks WebSocket
        headers = Headers(scope=scope)
        refusal = self._refusal(scope, headers)
        if refusal is not None:
            await refusal(scope, receive, _with_headers(send))
            return
        # The check is done: without its Origin, Gradio says nothing about other origins.
        kept = [(name, value) for name, value in scope["headers"] if name != b"origin"]
        await self._app({**scope, "headers": kept}, receive, _with_headers(send))

    def _refusal(self, scope: Scope, headers: Headers) -> PlainTextResponse | None:
        method, path = scope["method"], scope["path"]
        if path == ALIVE_PATH and method in _SAFE:
            return None  # load balancers and kubelets ask by address; it says nothing
        if not is_known_host(headers.get("host", ""), self._hosts):
            return PlainTextResponse(
                "This page does not answer to that Host. Name it in FRAUDRAY_ALLOWED_HOSTS (fraudray serve) or with "
                "--allow-host (fraudray page).", 421,
            )  # fmt: skip
        pattern = _PATHS.get("GET" if method == "HEAD" else method)
        opened = method in _SAFE and path in self._documents
        if not opened and (pattern is None or not pattern.fullmatch(path)):
            return PlainTextResponse("There is no such page.", 404)
        if method in _SAFE:
            return None
        if not is_same_origin(headers):
            return PlainTextResponse("Only this page itself may do that: the request came from elsewhere.", 403)
        length = headers.get("content-length", "")
        most = FILE_BYTES_MAX if _FILES.fullmatch(path) else BODY_BYTES_MAX
        if not length.isdigit() or int(length) > most:
            return PlainTextResponse(f"This is too large: {most // 1024:,} KiB at most may be sent here.", 413)
        return None


def is_known_host(host: str, known: frozenset[str]) -> bool:
    """Whether a Host header is one of `known`: `name`, `name:port`, `name:*`, or `*` for any."""
    if ANY_HOST in known or host in known:
        return True
    name, colon, port = host.rpartition(":")
    return bool(colon) and port.isdigit() and f"{name}:*" in known


def is_same_origin(headers: Mapping[str, str]) -> bool:
    """Whether a browser says that a page of ours sent this. What does not say where it comes from did not."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = urlsplit(headers.get("origin", ""))
    hosts = {headers.get("host"), headers.get("x-forwarded-host", "").split(",")[0].strip() or None}
    return origin.scheme in ("http", "https") and origin.netloc in hosts


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _OWN_HEADERS.items():
                headers[name] = value
            headers.setdefault("content-security-policy", NO_CONTENT_POLICY)
            if headers.get("content-type", "").startswith("text/event-stream"):
                headers["x-accel-buffering"] = "no"  # nginx would collect a stream
                headers["cache-control"] = "no-store"
        await send(message)

    return sending
