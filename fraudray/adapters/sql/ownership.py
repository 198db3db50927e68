"""Who may write: one process to a data folder, and one to a database.

A folder, and a SQLite file, is held by a file lock. A PostgreSQL database is held by an advisory lock of the very
session that writes: who loses the session has lost the right to write, and a second data folder cannot gain it.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import socket
import time
from pathlib import Path
from typing import IO

from sqlalchemy import Connection, Engine, text

from fraudray.adapters.sql.driver import discard
from fraudray.domain.errors import SettingsError, StoreInUse

# One lock per schema, so that a database may hold several stores.
_KEY = "1718772089, ('x' || substr(md5(current_schema()), 1, 8))::bit(32)::int"
_TAKE = text(f"SELECT pg_try_advisory_lock({_KEY})")
_HOLDER = text(
    "SELECT a.pid, a.application_name FROM pg_locks l JOIN pg_stat_activity a USING (pid) "  # noqa: S608 - a constant
    "WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2 "
    "AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
    f"AND (l.classid::bigint::int, l.objid::bigint::bit(32)::int) = ({_KEY})"
)
_END = text("SELECT pg_terminate_backend(:pid, 5000)")
_ENDING_S, _LOOK_AGAIN_S = 6.0, 0.05
"""How long a session that ends may hold the lock, and how often it is asked for meanwhile."""


class OwnerLock:
    """Holds a data folder, or one file, for one process (flock, so that it ends with the process however that ends)."""

    def __init__(self, folder: Path, file: Path | None = None) -> None:
        """Lock `folder` or, named, a database file."""
        self._what = f"the database file {file}" if file else f"the data folder {folder}"
        self._path = file.with_name(file.name + ".lock") if file else folder / "store.lock"
        self._file: IO[str] | None = None

    def acquire(self) -> None:
        """Take it. Raises StoreInUse naming the holder's pid."""
        try:
            file = self._path.open("a+")
        except OSError as error:
            raise SettingsError(f"cannot write in the data folder {self._path.parent}: {error.strerror}") from None
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            file.close()
            raise StoreInUse(f"process {holder} has {self._what} open") from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        self._file = file

    def release(self) -> None:
        """Let go; harmless when it is not held."""
        if self._file is not None:
            self._file.close()
            self._file = None


def own_name() -> str:
    """What this store calls itself to a PostgreSQL server: host, pid, and a part that no other store has."""
    return f"fraudray {socket.gethostname()[:30]} {os.getpid()} {secrets.token_hex(4)}"


class Ownership:
    """Gives out the connection that owns the database."""

    def __init__(self, engine: Engine, name: str) -> None:
        self._engine, self._name = engine, name

    def connect(self) -> Connection:
        """A connection that may write, until it ends. Raises StoreInUse naming who owns the database."""
        connection = self._engine.connect()
        try:
            if connection.dialect.name == "postgresql":
                self._take(connection)
        except BaseException:
            discard(connection)
            raise
        return connection

    def _take(self, connection: Connection) -> None:
        give_up_at = time.monotonic() + _ENDING_S
        while not connection.execute(_TAKE).scalar():
            holder = connection.execute(_HOLDER).first()
            name = (holder.application_name or "") if holder else ""
            ours = name == self._name
            if time.monotonic() > give_up_at or (name and not ours):
                raise StoreInUse(f"{_named(name)} has the database open", elsewhere=True)
            if holder is not None and ours:
                # A session of our own that broke off; the server may not notice for hours.
                connection.execute(_END, {"pid": holder.pid})
            else:
                time.sleep(_LOOK_AGAIN_S)  # it ended between the two questions, or is just ending
            connection.rollback()  # within one transaction the server would show who there was at first
        connection.commit()


def _named(application: str) -> str:
    parts = application.split(" ")
    return f"process {parts[2]} on {parts[1]}" if parts[0] == "fraudray" and len(parts) == 4 else "another process"
