"""The page's own files, each under an address that changes with its content."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from importlib import resources

from starlette.requests import Request
from starlette.responses import Response

TYPES = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}
_DIGEST_CHARS = 12
_FOR_EVER = "public, max-age=31536000, immutable"


def address_of(name: str) -> str:
    """The address of one of our files, relative to the page's own root."""
    return shared_assets().addresses[name]


@cache
def shared_assets() -> Assets:
    """The files of this process."""
    return Assets()


class Assets:
    """What `static/` holds, read once."""

    def __init__(self) -> None:
        folder = resources.files("fraudray.ui").joinpath("static")
        self._contents: dict[str, bytes] = {}
        self._addresses: dict[str, str] = {}
        for file in folder.iterdir():
            stem, _, kind = file.name.rpartition(".")
            if kind not in TYPES:
                continue
            content = file.read_bytes()
            versioned = f"{stem}.{hashlib.sha256(content).hexdigest()[:_DIGEST_CHARS]}.{kind}"
            self._contents[versioned] = content
            self._addresses[file.name] = f"page/static/{versioned}"

    @property
    def addresses(self) -> Mapping[str, str]:
        """File name → address, relative to the page's own root."""
        return self._addresses

    async def serve(self, request: Request) -> Response:
        """One file; what is not of this version is not here."""
        name = request.path_params["name"]
        content = self._contents.get(name)
        if content is None:
            return Response("no such file", 404, media_type="text/plain")
        return Response(content, headers={"content-type": TYPES[name.rpartition(".")[2]], "cache-control": _FOR_EVER})
