"""Signing in with an API key, signing out, and a visitor's name: forms, and cookies that no script reads."""

from __future__ import annotations

import re

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from fraudray.ui.config import PageConfig
from fraudray.ui.visit import KEY_COOKIE, KEY_MAX, NAME_COOKIE, clean_name, name_cookie

_BODY_BYTES_MAX = 4096
_KEY_S = 12 * 3600
"""A working day."""
_NAME_S = 365 * 24 * 3600
_OWN_PATH = re.compile(r"[a-z]*(\?[^\s\\#]*)?")


class Signing:
    """The forms' targets."""

    def __init__(self, config: PageConfig) -> None:
        self._root = config.root_path + "/"

    async def sign_in(self, request: Request) -> Response:
        """Keep the key in the browser, for this page only."""
        form = await _form(request)
        answer = self._back(form)
        key = form.get("key", "").strip()
        if key and len(key) <= KEY_MAX and key.isascii() and key.isprintable() and " " not in key:
            self._set(request, answer, KEY_COOKIE, key, _KEY_S)
        return answer

    async def sign_out(self, request: Request) -> Response:
        """Forget the key."""
        answer = self._back(await _form(request))
        answer.delete_cookie(KEY_COOKIE, path=self._root, httponly=True, samesite="strict", secure=_is_https(request))
        return answer

    async def rename(self, request: Request) -> Response:
        """Take another name for what is done without a key."""
        form = await _form(request)
        answer = self._back(form)
        name = clean_name(form.get("name", ""))
        if name:
            self._set(request, answer, NAME_COOKIE, name_cookie(name), _NAME_S)
        return answer

    def _set(self, request: Request, answer: Response, cookie: str, value: str, age_s: int) -> None:
        answer.set_cookie(
            cookie, value, max_age=age_s, path=self._root, httponly=True, samesite="strict", secure=_is_https(request)
        )

    def _back(self, form: dict[str, str]) -> Response:
        """To the page that the form was on, and to no other site."""
        wanted = form.get("back", "").removeprefix(self._root)
        target = wanted if _OWN_PATH.fullmatch(wanted) else ""
        return RedirectResponse(self._root + target, 303, headers={"cache-control": "no-store"})


async def _form(request: Request) -> dict[str, str]:
    """The form's fields; none where it is no such form or too long."""
    length = request.headers.get("content-length", "")
    if not length.isdigit() or int(length) > _BODY_BYTES_MAX:
        return {}
    async with request.form(max_files=0, max_fields=8) as form:
        return {name: value for name, value in form.items() if isinstance(value, str)}


def _is_https(request: Request) -> bool:
    return request.headers.get("x-forwarded-proto", request.url.scheme).split(",")[0].strip() == "https"
