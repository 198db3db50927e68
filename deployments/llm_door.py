"""Who may use the model's HTTP front.

With `FRAUDRAY_LLM_API_KEY`, who sends it. Without one, only this machine, and as `FRAUDRAY_ALLOWED_HOSTS` and
`FRAUDRAY_ALLOWED_ORIGINS` say: a page in a browser must not reach it under a name of its own (DNS rebinding).
"""

from __future__ import annotations

import hmac

from starlette.requests import Request

from fraudray.gate import is_loopback
from fraudray.settings import Settings


class Door:
    """Decides who may in."""

    def __init__(self, settings: Settings, host: str) -> None:
        key = settings.llm_api_key
        self._key = key.get_secret_value().encode() if key else None
        self._local = is_loopback(host)
        self._hosts, self._origins = tuple(settings.allowed_hosts), tuple(settings.allowed_origins)

    def refuse(self, request: Request) -> str | None:
        """Why a request is refused; None lets it in."""
        if self._key is not None:
            kind, _, presented = request.headers.get("authorization", "").partition(" ")
            if kind.lower() == "bearer" and hmac.compare_digest(presented.strip().encode(), self._key):
                return None
            return "a key is needed: send `Authorization: Bearer <key>` with the key of FRAUDRAY_LLM_API_KEY"
        if not self._local:
            return "this server is reached from outside and has no FRAUDRAY_LLM_API_KEY; set one"
        host, origin = request.headers.get("host", ""), request.headers.get("origin")
        if not any(_matches(host, allowed) for allowed in self._hosts):
            return "without a key, only the hosts of FRAUDRAY_ALLOWED_HOSTS may be asked for"
        if origin is not None and not any(_matches(origin, allowed) for allowed in self._origins):
            return "without a key, only pages of FRAUDRAY_ALLOWED_ORIGINS may ask"
        return None


def _matches(value: str, allowed: str) -> bool:
    """Whether a Host or Origin is the one allowed; `:*` at its end stands for any port."""
    if not allowed.endswith(":*"):
        return value == allowed
    name, _, port = value.rpartition(":")
    return name == allowed[:-2] and port.isdigit()
