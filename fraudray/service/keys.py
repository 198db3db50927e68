"""API keys: made, listed and revoked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

from fraudray.bootstrap import App
from fraudray.desk import checked_text
from fraudray.domain.access import parse_scopes
from fraudray.domain.api_key import ApiKey, checked_name, digest_of, new_key
from fraudray.domain.duration import parse_end
from fraudray.domain.errors import FieldProblem, InvalidTransaction

Document = dict[str, Any]
LIST_MAX = 500


class Keys(Protocol):
    """API keys. Raises the errors of `fraudray.domain.errors`."""

    def create(self, name: str, *, scopes: Sequence[str], expires: str | None = None, author: str) -> Document:
        """Make a key. The answer is the only one that ever holds it, as `key`.

        `expires` is a date (to its end, UTC), a moment with its zone or a duration ("90d", "P90D"); never without it.
        Raises InvalidTransaction naming the field, Refused when the name is taken.
        """
        ...

    def list(self, *, limit: int = 50, offset: int = 0) -> Document:
        """Keys, newest first, expired and revoked ones too; never the keys themselves."""
        ...

    def revoke(self, key_id: str, *, author: str) -> Document:
        """Make a key useless, at once and for good. Raises NotFound, Refused when it is revoked already."""
        ...


class LocalKeys:
    """The keys of this process's own App."""

    def __init__(self, app: App) -> None:
        self._app = app

    def create(self, name: str, *, scopes: Sequence[str], expires: str | None = None, author: str) -> Document:
        """See `Keys.create`."""
        now = self._app.clock.now()
        key_id, text = new_key()
        key = ApiKey(
            key_id=key_id, name=checked_text(checked_name(name), "name"), digest=digest_of(text),
            scopes=parse_scopes(scopes), created_at=now, created_by=author, expires_at=_expiry(expires, now),
        )  # fmt: skip
        self._app.store.keyring.add(key)
        return _document(key, now) | {"key": text}

    def list(self, *, limit: int = 50, offset: int = 0) -> Document:
        """See `Keys.list`."""
        now = self._app.clock.now()
        found = self._app.store.keyring.list(limit=min(limit, LIST_MAX), offset=offset)
        return {"keys": [_document(key, now) for key in found]}

    def revoke(self, key_id: str, *, author: str) -> Document:
        """See `Keys.revoke`."""
        self._app.store.keyring.revoke(key_id, actor=author, at=self._app.clock.now())
        return {"key_id": key_id, "revoked": True}


def _expiry(text: object, now: datetime) -> datetime | None:
    """The moment that is meant, later than `now`. Raises InvalidTransaction."""
    if text is None:
        return None
    if not isinstance(text, str):
        raise _bad_expiry("string_type", "is not text")
    if text.casefold().rstrip().endswith(("ago", "earlier", "before")):
        raise _bad_expiry("past", "lies in the past")
    try:
        moment = parse_end(text.strip()[:100], now)
    except (ValueError, OverflowError):
        raise _bad_expiry(
            "expiry", "is no date (2027-01-31), no moment with its zone (2027-01-31T12:00:00Z) and no duration (90d)"
        ) from None
    if moment <= now:
        raise _bad_expiry("past", "lies in the past")
    return moment


def _bad_expiry(code: str, message: str) -> InvalidTransaction:
    return InvalidTransaction([FieldProblem("expires", code, message)])


def _document(key: ApiKey, now: datetime) -> Document:
    return {
        "key_id": key.key_id, "name": key.name, "scopes": sorted(key.scopes), "status": key.status(now),
        "created_at": key.created_at.isoformat(), "created_by": key.created_by, "expires_at": _written(key.expires_at),
        "last_used_at": _written(key.last_used_at), "revoked_at": _written(key.revoked_at),
        "revoked_by": key.revoked_by,
    }  # fmt: skip


def _written(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
