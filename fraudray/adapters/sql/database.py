"""Opening the database: one owner for SQLite, migrations, and the pragmas that decide durability."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import IO, Any, Literal

from sqlalchemy import Engine, create_engine, event, inspect, text
from sqlalchemy.exc import SQLAlchemyError

from fraudray.domain.errors import SettingsError, StoreFailed, StoreInUse

Fsync = Literal["full", "normal"]
HEAD = "0002"


class OwnerLock:
    """Holds a data folder for one process (flock, so that it ends with the process however that ends)."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "store.lock"
        self._file: IO[str] | None = None

    def acquire(self) -> None:
        """Take the folder. Raises StoreInUse naming the holder's pid."""
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
            raise StoreInUse(f"process {holder} has the data folder {self._path.parent} open") from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        self._file = file

    def release(self) -> None:
        """Let go of the folder; harmless when it is not held."""
        if self._file is not None:
            self._file.close()
            self._file = None


def connect(url: str, *, fsync: Fsync, read_only: bool = False) -> Engine:
    """A SQLAlchemy engine on `url`. SQLite gets write-ahead logging and a busy timeout of 5 s."""
    if not url.startswith("sqlite"):
        return create_engine(url, pool_pre_ping=True)
    engine = create_engine(url, connect_args={"timeout": 5.0, "check_same_thread": False})

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        if read_only:
            cursor.execute("PRAGMA query_only=ON")
        else:
            cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute(f"PRAGMA synchronous={'FULL' if fsync == 'full' else 'NORMAL'}")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()

    return engine


def migrate(engine: Engine) -> None:
    """Bring the schema to this version (Alembic). Raises StoreFailed when the database is newer or broken."""
    try:
        if _current(engine) == HEAD:
            return
        # Alembic takes a while to import and is not needed on most starts.
        from alembic import command
        from alembic.config import Config

        config = Config()
        config.set_main_option("script_location", "fraudray.adapters.sql:migrations")
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except SQLAlchemyError as error:
        raise StoreFailed(f"cannot prepare the database: {error}") from error
    except Exception as error:
        if type(error).__module__.startswith("alembic"):
            raise StoreFailed(f"cannot migrate the database (made by another version?): {error}") from error
        raise


def _current(engine: Engine) -> str | None:
    if not inspect(engine).has_table("alembic_version"):
        return None
    with engine.connect() as connection:
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
