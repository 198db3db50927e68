"""API keys in the database; what requests ask is answered from memory."""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, Row, inspect, select, update

from fraudray.adapters.sql import schema as t
from fraudray.adapters.sql.address import database_address, sqlite_file
from fraudray.adapters.sql.database import connect
from fraudray.adapters.sql.driver import failing
from fraudray.adapters.sql.rows import Rows
from fraudray.adapters.sql.writer import Writer
from fraudray.domain.access import Scope
from fraudray.domain.api_key import ApiKey, Ring
from fraudray.domain.errors import NotFound, Refused, StoreFailed
from fraudray.ports.ledger import AuditNote

KEYS_MAX = 1000
USE_NOTED_EVERY = timedelta(minutes=1)


class SqlKeyring:
    """The keys of the store that this process owns. A change is in force here when the call returns."""

    def __init__(self, engine: Engine, writer: Writer, rows: Rows) -> None:
        self._engine, self._writer, self._rows = engine, writer, rows
        self._lock = threading.Lock()
        with failing(), engine.connect() as connection:
            self._keys = _unrevoked(connection)
        self._used = {key_id: key.last_used_at for key_id, key in self._keys.items()}
        self._ring = Ring(self._keys)

    def ring(self) -> Ring:
        """See `Keyring.ring`."""
        return self._ring

    def used(self, key_id: str, now: datetime) -> None:
        """See `Keyring.used`; at most one write a minute and key."""
        before = self._used.get(key_id)
        if before is not None and now - before < USE_NOTED_EVERY:
            return
        self._used[key_id] = now
        statement = update(t.api_keys).where(t.api_keys.c.key_id == key_id).values(last_used_us=t.to_us(now))
        with suppress(StoreFailed):  # a store that is busy or closing: the request is still its holder's
            self._writer.submit(lambda connection: connection.execute(statement))

    def add(self, key: ApiKey) -> None:
        """Keep a new key. Raises Refused when an unrevoked one has its name, or 1,000 are in use."""
        at_us = t.to_us(key.created_at)
        scopes = sorted(key.scopes)

        def write(_connection: Connection) -> None:
            self._rows.insert(
                t.api_keys,
                {
                    "key_id": key.key_id, "name": key.name, "digest": key.digest, "scopes": " ".join(scopes),
                    "created_us": at_us, "created_by": key.created_by,
                    "expires_us": t.to_us(key.expires_at) if key.expires_at else None,
                },
            )  # fmt: skip
            body = {"name": key.name, "scopes": scopes, "expires_at": key.expires_at and key.expires_at.isoformat()}
            self._rows.note(at_us, AuditNote("api_key_created", key.key_id, key.created_by, body))

        with self._lock:
            if any(other.name.casefold() == key.name.casefold() for other in self._keys.values()):
                raise Refused(f"there is a key named {key.name}; revoke it first, or choose another name")
            if len(self._keys) >= KEYS_MAX:
                raise Refused(f"there are {KEYS_MAX:,} keys, and not more may be in use; revoke some first")
            self._writer.submit(write).result()
            self._hold(self._keys | {key.key_id: key})

    def revoke(self, key_id: str, *, actor: str, at: datetime) -> None:
        """Make a key useless for good. Raises NotFound, or Refused when it is revoked already."""
        at_us = t.to_us(at)

        def write(connection: Connection) -> None:
            row = connection.execute(select(t.api_keys).where(t.api_keys.c.key_id == key_id)).first()
            if row is None:
                raise NotFound("key", key_id)
            if row.revoked_us is not None:
                raise Refused(f"the key {key_id} was revoked on {t.from_us(row.revoked_us):%Y-%m-%d}")
            connection.execute(
                update(t.api_keys).where(t.api_keys.c.key_id == key_id).values(revoked_us=at_us, revoked_by=actor)
            )
            self._rows.note(at_us, AuditNote("api_key_revoked", key_id, actor, {"name": row.name}))

        with self._lock:
            self._writer.submit(write).result()
            self._hold({other: key for other, key in self._keys.items() if other != key_id})

    def list(self, *, limit: int = 50, offset: int = 0) -> list[ApiKey]:
        """Keys, newest first, revoked ones too."""
        k = t.api_keys.c
        statement = select(t.api_keys).order_by(k.created_us.desc(), k.key_id).limit(limit).offset(offset)
        with failing(), self._engine.connect() as connection:
            found = [_key(row) for row in connection.execute(statement)]
        return [replace(key, last_used_at=self._used.get(key.key_id) or key.last_used_at) for key in found]

    def _hold(self, keys: dict[str, ApiKey]) -> None:
        self._keys, self._ring = keys, Ring(keys)


class StoredKeys:
    """The keys of a store that another process may own: read anew each time, never written."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._engine: Engine | None = None

    def ring(self) -> Ring:
        """See `Keyring.ring`. A store that is not there yet has no keys."""
        if self._engine is None:
            # Opening a SQLite file that is not there would make it.
            address = database_address(self._url)
            file = sqlite_file(address)
            if file is not None and not file.is_file():
                return Ring({})
            self._engine = connect(address, fsync="full", read_only=True)
        with failing(), self._engine.connect() as connection:
            return Ring(_unrevoked(connection) if inspect(connection).has_table(t.api_keys.name) else {})

    def used(self, key_id: str, now: datetime) -> None:
        """See `Keyring.used`: left to the store's owner."""


def _unrevoked(connection: Connection) -> dict[str, ApiKey]:
    rows = connection.execute(select(t.api_keys).where(t.api_keys.c.revoked_us.is_(None)))
    return {row.key_id: _key(row) for row in rows}


def _key(row: Row[Any]) -> ApiKey:
    def moment(us: int | None) -> datetime | None:
        return None if us is None else t.from_us(us)

    return ApiKey(
        key_id=row.key_id, name=row.name, digest=bytes(row.digest),
        scopes=frozenset(Scope(name) for name in row.scopes.split()), created_at=t.from_us(row.created_us),
        created_by=row.created_by, expires_at=moment(row.expires_us), last_used_at=moment(row.last_used_us),
        revoked_at=moment(row.revoked_us), revoked_by=row.revoked_by,
    )  # fmt: skip
