"""Where a benchmark keeps its decisions: a SQLite file, or a temporary schema of a PostgreSQL database."""

from __future__ import annotations

import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Protocol

from fraudray.adapters.sql.address import database_address, shown
from fraudray.domain.errors import StoreFailed
from fraudray.settings import Settings

if TYPE_CHECKING:
    import psycopg


class Storage(Protocol):
    """A database for the length of a benchmark."""

    @property
    def name(self) -> str: ...

    @property
    def url(self) -> str | None: ...

    def size(self) -> int:
        """Bytes in use."""
        ...

    def insert(self, count: int, size: int, *, batch: int) -> float:
        """Seconds to insert `count` bare rows of `size` bytes, `batch` in a commit, with the store's durability."""
        ...


def open_storage(settings: Settings, folder: Path) -> AbstractContextManager[Storage]:
    """What the settings name. Raises SettingsError, StoreFailed."""
    address = database_address(settings.database_url) if settings.database_url else None
    if address is None or address.get_backend_name() == "sqlite":
        return _sqlite(folder, settings.fsync)
    return _postgres(settings.database_url or "", settings.fsync)


@dataclass(frozen=True, slots=True)
class _SqliteFile:
    folder: Path
    fsync: str
    name: str = "sqlite"
    url: str | None = None

    def size(self) -> int:
        """See `Storage.size`; the write-ahead log is folded in."""
        with closing(sqlite3.connect(self.folder / "fraudray.sqlite")) as connection:
            pages: int = connection.execute("PRAGMA page_count").fetchone()[0]
            size: int = connection.execute("PRAGMA page_size").fetchone()[0]
        return pages * size

    def insert(self, count: int, size: int, *, batch: int) -> float:
        """See `Storage.insert`."""
        with closing(sqlite3.connect(self.folder / "baseline.sqlite", isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute(f"PRAGMA synchronous={'FULL' if self.fsync == 'full' else 'NORMAL'}")
            connection.execute("CREATE TABLE baseline (id TEXT PRIMARY KEY, body BLOB)")
            began = perf_counter()
            for rows in _batches(count, size, batch):
                connection.execute("BEGIN")
                connection.executemany("INSERT INTO baseline VALUES (?, ?)", rows)
                connection.execute("COMMIT")
            return perf_counter() - began


@contextmanager
def _sqlite(folder: Path, fsync: str) -> Iterator[Storage]:
    yield _SqliteFile(folder, fsync)


@dataclass(frozen=True, slots=True)
class _PostgresSchema:
    connection: psycopg.Connection
    schema: str
    url: str | None
    fsync: str
    name: str = "postgresql"

    def size(self) -> int:
        """See `Storage.size`; indexes count."""
        row = self.connection.execute(
            "SELECT coalesce(sum(pg_total_relation_size(oid)), 0)::bigint FROM pg_class "
            "WHERE relnamespace = %s::regnamespace AND relkind = 'r'",
            [self.schema],
        ).fetchone()
        return int(row[0]) if row else 0

    def insert(self, count: int, size: int, *, batch: int) -> float:
        """See `Storage.insert`."""
        connection = self.connection
        connection.execute("SET search_path TO " + self.schema)
        connection.execute(f"SET synchronous_commit TO {'on' if self.fsync == 'full' else 'off'}")
        connection.execute("CREATE TABLE baseline (id TEXT PRIMARY KEY, body BYTEA)")
        began = perf_counter()
        for rows in _batches(count, size, batch):
            with connection.transaction(), connection.cursor() as cursor:
                cursor.executemany("INSERT INTO baseline VALUES (%s, %s)", rows)
        return perf_counter() - began


@contextmanager
def _postgres(url: str, fsync: str) -> Iterator[Storage]:
    import psycopg

    address, schema = database_address(url), f"fraudray_bench_{secrets.token_hex(4)}"
    plain = address.set(drivername="postgresql").render_as_string(hide_password=False)
    try:
        connection = psycopg.connect(plain, autocommit=True, connect_timeout=5)
    except psycopg.Error as error:
        raise StoreFailed(f"cannot open the database {shown(address)}: {' '.join(str(error).split())}") from None
    with connection:
        try:
            connection.execute(f"CREATE SCHEMA {schema}".encode())
        except psycopg.Error as error:
            raise StoreFailed(f"cannot make a schema for the benchmark: {' '.join(str(error).split())}") from None
        try:
            own = address.update_query_dict({"options": f"-csearch_path={schema}"})
            yield _PostgresSchema(connection, schema, own.render_as_string(hide_password=False), fsync)
        finally:
            connection.execute(f"DROP SCHEMA {schema} CASCADE".encode())


def _batches(count: int, size: int, batch: int) -> Iterator[list[tuple[str, bytes]]]:
    body = os.urandom(size)
    for start in range(0, count, batch):
        yield [(f"bench-{index:09d}", body) for index in range(start, min(count, start + batch))]
