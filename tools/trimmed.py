"""Header fields as RFC 9110 (5.5) has them read: the spaces around a value are no part of it."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send


class Trimmed:
    """Serves `app` without spaces and tabs around header values.

    uvicorn's parser leaves them at the end; the SDK compares `Mcp-Name` and others with the body as they come.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on."""
        headers = [(name, value.strip(b" \t")) for name, value in scope["headers"]]
        await self._app({**scope, "headers": headers}, receive, send)
