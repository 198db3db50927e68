"""Every store test runs on SQLite and on PostgreSQL: `store`, `make_store`, `app` and `make_app` open on both."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import NullPool, create_engine, text

from fraudray.adapters.sql.address import database_address
from fraudray.adapters.sql.schema import metadata
from fraudray.adapters.sql.store import SqlStore
from fraudray.bootstrap import App


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of this test's own."""
    return database(request, tmp_path)


def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database of the kind that `request.param` names."""
    if request.param == "postgres":
        url: str = request.getfixturevalue("postgres_url")
        return url
    return f"sqlite:///{tmp_path / 'database.sqlite'}"


@pytest.fixture
def make_store(tmp_path: Path, database_url: str) -> Iterator[Callable[..., SqlStore]]:
    """Opens the test's database from a data folder, `store` by default; closed at the test's end."""
    opened: list[SqlStore] = []

    def make(folder: str = "store", **options: Any) -> SqlStore:
        opened.append(SqlStore(tmp_path / folder, url=database_url, **options))
        return opened[-1]

    yield make
    for store in opened:
        store.close()


@pytest.fixture
def store(make_store: Callable[..., SqlStore]) -> SqlStore:
    return make_store()


@pytest.fixture
def make_app(make_app: Callable[..., App], database_url: str) -> Callable[..., App]:
    """`make_app` of all tests, on the test's database."""
    return partial(make_app, database_url=database_url)


@pytest.fixture
def sql(database_url: str) -> Callable[..., list[Any]]:
    """Runs a statement on the test's database past the store, as somebody else would; its rows."""

    def run(statement: str, **values: Any) -> list[Any]:
        engine = create_engine(database_address(database_url), poolclass=NullPool)
        with engine.begin() as connection:
            result = connection.execute(text(statement), values)
            return [*result] if result.returns_rows else []

    return run


@pytest.fixture
def at_rest(sql: Callable[..., list[Any]], tmp_path: Path) -> Callable[[], bytes]:
    """All that lies on disk: every file of the test, and every value of every table."""

    def read() -> bytes:
        files = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
        rows = [row for table in metadata.sorted_tables for row in sql(f"SELECT * FROM {table.name}")]  # noqa: S608
        values = [value for row in rows for value in row]
        return b"\0".join(files + [bytes(v) if isinstance(v, bytes | memoryview) else str(v).encode() for v in values])

    return read
