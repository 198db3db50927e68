"""Every store test runs on SQLite and on PostgreSQL: `store`, `make_store`, `app` and `make_app` open on both."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fraudray.adapters.sql.store import SqlStore
from fraudray.bootstrap import App


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of this test's own."""
    if request.param == "postgres":
        url: str = request.getfixturevalue("postgres_url")
        return url
    return f"sqlite:///{tmp_path / 'database.sqlite'}"


@pytest.fixture
def make_store(tmp_path: Path, database_url: str) -> Iterator[Callable[..., SqlStore]]:
    """Opens the test's database from a data folder, `store` by default; closed at the test's end."""
    opened: list[SqlStore] = []

    def make(folder: str = "store") -> SqlStore:
        opened.append(SqlStore(tmp_path / folder, url=database_url))
        return opened[-1]

    yield make
    for store in opened:
        store.close()


@pytest.fixture
def store(make_store: Callable[..., SqlStore]) -> SqlStore:
    return make_store()


@pytest.fixture
def app(make_app: Callable[..., App], database_url: str) -> App:
    return make_app(database_url=database_url)
