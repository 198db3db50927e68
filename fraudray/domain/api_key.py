"""API keys: what is kept of one, and finding the key that was presented."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

from fraudray.domain.access import LOCAL, Principal, Scope
from fraudray.domain.cards import never_masked
from fraudray.domain.errors import FieldProblem, InvalidTransaction
from fraudray.domain.text import has_control_characters

PREFIX = "frk"
NAME_MAX = 64
TEXT_MAX = 200
_NO_DIGEST = bytes(32)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as it is kept: everything but the key itself."""

    key_id: str
    name: str
    digest: bytes = field(repr=False)
    scopes: frozenset[Scope]
    created_at: datetime
    created_by: str
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None
    revoked_by: str | None = None

    def status(self, now: datetime) -> Literal["active", "expired", "revoked"]:
        """Whether the key opens anything at that moment."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and now >= self.expires_at else "active"


class Ring:
    """The keys that are not revoked, for telling in microseconds whose key was presented."""

    def __init__(self, keys: Mapping[str, ApiKey]) -> None:
        self._keys = {
            key_id: (key, Principal(key.name, key.scopes, key_id))
            for key_id, key in keys.items()
            if key.revoked_at is None
        }

    @property
    def in_use(self) -> bool:
        """Whether keys are needed at all. An expired one counts: time alone must never open a server."""
        return bool(self._keys)

    def usable(self, now: datetime) -> bool:
        """Whether any key opens something at that moment."""
        return any(key.status(now) == "active" for key, _ in self._keys.values())

    def authenticate(self, text: str, now: datetime) -> Principal | None:
        """Whom the key was given to; None for a key that is unknown, wrong, revoked or expired."""
        found = self._keys.get(_id_of(text))
        # The same work for an id that does not exist, and a comparison whose time tells nothing about the secret.
        matches = hmac.compare_digest(digest_of(text), found[0].digest if found else _NO_DIGEST)
        if found is None or not matches or found[0].status(now) != "active":
            return None
        return found[1]


class Keyring(Protocol):
    """Where keys are kept."""

    def ring(self) -> Ring:
        """The keys as of now. Raises StoreFailed."""
        ...

    def used(self, key_id: str, now: datetime) -> None:
        """Note that a key was used; never waits for the store."""
        ...


def new_key() -> tuple[str, str]:
    """A fresh key: its id and its text, `frk_<id>_<secret>`, of which only the digest is kept."""
    key_id = never_masked(lambda: secrets.token_hex(6))
    return key_id, f"{PREFIX}_{key_id}_{secrets.token_urlsafe(32)}"


def digest_of(text: str) -> bytes:
    """What is kept of a key. Its secret is 32 random bytes, which nobody guesses however fast the hash is: a slow one,
    made for passwords, would only cost time on every request."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def checked_name(name: object) -> str:
    """A key's name: 1 to 64 printable characters without `/`, which parts it from what its holder claims.

    Raises InvalidTransaction.
    """
    if not isinstance(name, str) or not name.strip():
        raise InvalidTransaction([FieldProblem("name", "missing", "is needed: who or what holds the key")])
    name = name.strip()
    problem = None
    if len(name) > NAME_MAX:
        problem = FieldProblem("name", "too_long", f"may have {NAME_MAX} characters at most")
    elif "/" in name or not name.isprintable() or has_control_characters(name):
        problem = FieldProblem("name", "characters", "has printable characters only, and no slash")
    elif name.casefold() == LOCAL.name:
        problem = FieldProblem("name", "reserved", "stands for whoever can read the data folder; choose another")
    if problem:
        raise InvalidTransaction([problem])
    return name


def _id_of(text: str) -> str:
    """The id in a key's text; it is no secret."""
    parts = text.split("_", 2)
    return parts[1] if len(parts) == 3 and parts[0] == PREFIX else ""
