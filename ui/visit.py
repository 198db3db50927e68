"""Who looks: the visitor's cookies, and the client that acts with the visitor's rights and name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import quote, unquote

from fraudray.client import Client
from fraudray.domain.errors import SettingsError, Unauthenticated

KEY_COOKIE = "fraudray_key"
NAME_COOKIE = "fraudray_analyst"
LOCAL_NAME = "analyst"
NAME_MAX = 64
KEY_MAX = 200
READ_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Visit:
    """One request of one visitor: with whose rights and in whose name, and what its address asks for."""

    api: str
    key: str | None = field(default=None, repr=False)
    author: str = LOCAL_NAME
    query: Mapping[str, str] = field(default_factory=dict)

    @contextmanager
    def client(self, timeout_s: float = READ_TIMEOUT_S) -> Iterator[Client]:
        """The API as this visitor may use it. Raises Unauthenticated for a cookie that cannot be a key."""
        try:
            client = Client(self.api, key=self.key, timeout_s=timeout_s)
        except SettingsError:
            raise Unauthenticated("what was signed in with is no API key") from None
        with client:
            yield client


def visit_of(
    cookies: Mapping[str, str], *, api: str, key: str | None = None, query: Mapping[str, str] | None = None
) -> Visit:
    """The visit that a request's cookies speak of; `key` is for those who have not signed in."""
    return Visit(api, cookies.get(KEY_COOKIE) or key, name_in(cookies), dict(query or {}))


def name_in(cookies: Mapping[str, str]) -> str:
    """The name that the visitor goes by."""
    return clean_name(unquote(cookies.get(NAME_COOKIE, ""))) or LOCAL_NAME


def clean_name(text: str) -> str:
    """A name as it may go on the audit trail: printable, one line, not too long."""
    return " ".join("".join(c for c in text if c.isprintable()).split())[:NAME_MAX]


def name_cookie(name: str) -> str:
    """The name as a cookie's value."""
    return quote(name)


def key_id(key: str) -> str:
    """The public part of a key, which tells keys apart."""
    parts = key.split("_")
    return parts[1] if len(parts) > 2 else "…"
