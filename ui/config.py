"""How the page's process is set up."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Self

ANY_HOST = "*"
LOOPBACK_HOSTS = ("127.0.0.1", "127.0.0.1:*", "localhost", "localhost:*", "[::1]", "[::1]:*")


@dataclass(frozen=True, slots=True, kw_only=True)
class PageConfig:
    """Where the API is, where the page listens, and how its visitors reach it."""

    api: str
    """The API's address, without a slash at the end."""
    host: str = "127.0.0.1"
    port: int = 7860
    root_path: str = ""
    """What its paths begin with for those who reach it through a proxy: `/fraud`."""
    hosts: tuple[str, ...] = LOOPBACK_HOSTS
    """The Host headers that it answers to, `name` or `name:*`; `*` stands for any."""
    key: str | None = None
    """Sent for visitors that have not signed in: `fraudray page --key`, on loopback only. The server gives none."""
    until_eof: bool = False
    """Whether the process stops when its standard input ends."""

    @classmethod
    def from_json(cls, text: str) -> Self:
        """What the server hands to its page's process."""
        values: dict[str, Any] = json.loads(text)
        return cls(**values | {"hosts": tuple(values.get("hosts") or LOOPBACK_HOSTS)})
