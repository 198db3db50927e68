"""The page below a prefix, behind a proxy that keeps it in the paths it forwards, or strips it."""

from __future__ import annotations

from starlette.datastructures import URL
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send


class Prefix:
    """Takes the prefix off, where it is there: what is inside always answers at the root."""

    def __init__(self, app: ASGIApp, prefix: str) -> None:
        self._app, self._prefix = app, prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI has it."""
        path: str = scope.get("path", "")
        if scope["type"] == "http" and self._prefix:
            if path == self._prefix:
                await RedirectResponse(str(URL(f"{self._prefix}/")), 307)(scope, receive, send)
                return
            if path.startswith(self._prefix + "/"):
                inside = path[len(self._prefix) :]
                scope = {**scope, "path": inside, "raw_path": inside.encode()}
        await self._app(scope, receive, send)
