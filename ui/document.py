"""A page's document: the one that Gradio writes, with our head and our frame, without what we do not need.

The frame (the way around, who is signed in) and the first words are in the document itself, so that they are seen
before any script has run. Each document allows its own scripts by a number that is used once.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from http.cookies import CookieError, SimpleCookie

from starlette.datastructures import Headers
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fraudray.ui.assets import Assets
from fraudray.ui.config import PageConfig
from fraudray.ui.page import Page
from fraudray.ui.templates import render
from fraudray.ui.visit import KEY_COOKIE, key_id, name_in

_UNUSED = (
    re.compile(r"\s*<meta\s+(?:property|name)=\"(?:og|twitter):[^>]*>"),
    re.compile(r"\s*<link rel=\"manifest\"[^>]*>"),
    # It looks for the window of another site around ours, which there never is.
    re.compile(
        r"<script>\s*\(\(\) => \{(?:(?!</script>).)*iframeResizer\.contentWindow(?:(?!</script>).)*</script>", re.DOTALL
    ),
)
_BASE = re.compile(r"<base href=\"[^\"]*\"\s*/?>")
_API_INFO = re.compile(r"<script>window\.gradio_api_info = (?:(?!</script>).)*</script>", re.DOTALL)


class Documents:
    """Answers for the pages' addresses with their documents, and hands on everything else."""

    def __init__(self, app: ASGIApp, config: PageConfig, assets: Assets, pages: Sequence[Page], home: Page) -> None:
        self._app, self._config, self._assets, self._pages = app, config, assets, pages
        self._by_path = {"/": home, **{f"/{page.path}": page for page in pages}}

    @property
    def paths(self) -> frozenset[str]:
        """The addresses that it answers for."""
        return frozenset(self._by_path)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI has it."""
        page = self._by_path.get(scope.get("path", ""))
        if scope["type"] != "http" or page is None or scope["method"] not in ("GET", "HEAD"):
            await self._app(scope, receive, send)
            return
        # As the bytes that it is, not as the browser might have it packed.
        plain = [(name, value) for name, value in scope["headers"] if name != b"accept-encoding"]
        # Without the address's query, of which Gradio takes some for its own.
        asked = {**scope, "method": "GET", "headers": plain, "query_string": b""}
        status, written = await _answer(self._app, asked, receive)
        response: Response
        if status == 200:
            nonce = secrets.token_urlsafe(16)
            cookies = cookies_of(Headers(scope=scope).get("cookie", ""))
            response = HTMLResponse(self._framed(written, page, nonce, cookies))
            response.headers["content-security-policy"] = content_policy(nonce)
            response.headers["cache-control"] = "no-store"
        else:
            response = HTMLResponse(written, status)
        await response(scope, receive, send)

    def _framed(self, written: str, page: Page, nonce: str, cookies: dict[str, str]) -> str:
        """Gradio's document as we serve it. It escapes every `<` of its data, so that tags are told from text."""
        for unused in _UNUSED:
            written = unused.sub("", written)
        key = cookies.get(KEY_COOKIE)
        values = {
            "root": self._config.root_path, "page": page, "assets": self._assets.addresses,
            "pages": [one for one in self._pages if one.in_navigation],
            "name": name_in(cookies), "key": key_id(key) if key else None,
        }  # fmt: skip
        written = _BASE.sub("", written, count=1)
        written = written.replace(
            '<meta charset="utf-8" />', '<meta charset="utf-8" />' + render("base.html", values), 1
        )
        written = written.replace("</head>", render("head.html", values) + "</head>", 1)
        written = written.replace("<gradio-app", render("frame.html", values) + "<gradio-app", 1)
        return written.replace("<script", f'<script nonce="{nonce}"')


def content_policy(nonce: str) -> str:
    """What a document may load and run: its own server's files, and the scripts that are in it.

    Gradio compiles the templates of `gr.HTML` as code ('unsafe-eval') and sets styles on elements ('unsafe-inline').
    """
    return "; ".join(
        (
            "default-src 'self'",
            f"script-src 'self' 'nonce-{nonce}' 'unsafe-eval'",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "font-src 'self'",
            "connect-src 'self'",
            "frame-src 'self'",
            "object-src 'none'",
            "base-uri 'self'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )


def cookies_of(header: str) -> dict[str, str]:
    """The cookies of a request."""
    try:
        return {name: morsel.value for name, morsel in SimpleCookie(header).items()}
    except CookieError:
        return {}


async def _answer(app: ASGIApp, scope: Scope, receive: Receive) -> tuple[int, str]:
    """The status and the whole text that an app answers with."""
    status, pieces = 500, []

    async def collect(message: Message) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
        elif message["type"] == "http.response.body":
            pieces.append(message.get("body", b""))

    await app(scope, receive, collect)
    return status, b"".join(pieces).decode("utf-8", "replace")
