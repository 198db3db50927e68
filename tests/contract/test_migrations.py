"""A database of an older version, with its data, on every kind of database."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import MetaData, NullPool, create_engine, insert, text

from fraudray.adapters.sql.address import database_address
from fraudray.bootstrap import App
from fraudray.domain.case_query import CaseQuery
from fraudray.domain.errors import StoreFailed
from fraudray.testing.clock import FixedClock

Make = Callable[..., dict[str, Any]]
KEPT = ("master.key", "audit.anchor")


def upgrade(url: str, version: str) -> None:
    """Make the schema of that version."""
    config = Config()
    config.set_main_option("script_location", "fraudray.adapters.sql:migrations")
    with create_engine(database_address(url), poolclass=NullPool).begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, version)


def copy(source: str, target: str) -> int:
    """Every row of the tables of `target`, as far as they have its columns."""
    read, write = (create_engine(database_address(url), poolclass=NullPool) for url in (source, target))
    old, new = MetaData(), MetaData()
    old.reflect(write)
    new.reflect(read)
    copied = 0
    with read.connect() as reading, write.begin() as writing:
        for name, table in old.tables.items():
            if name == "alembic_version":
                continue
            columns = ", ".join(table.columns.keys())
            rows = [dict(row) for row in reading.execute(text(f"SELECT {columns} FROM {name}")).mappings()]  # noqa: S608
            if rows:
                writing.execute(insert(table), rows)
            copied += len(rows)
    return copied


@pytest.fixture
def old(
    make_app: Callable[..., App], database_url: str, tmp_path: Path, samples: list[dict[str, Any]],
    request: pytest.FixtureRequest,
) -> str:  # fmt: skip
    """The address of a database as 0001 left it, with decisions, a case, a freeze and a trail; its folder is `old`."""
    app = make_app("new")
    for sample in samples:
        app.engine.decide(sample)
    app.worker.drain()
    app.close()
    url = f"sqlite:///{tmp_path / 'old.sqlite'}"
    if database_url.startswith("postgres"):
        url = request.getfixturevalue("postgres").new_database()
    upgrade(url, "0001")
    assert copy(database_url, url) > 30
    (tmp_path / "old").mkdir()
    for name in KEPT:
        (tmp_path / "old" / name).write_bytes((tmp_path / "new" / name).read_bytes())
    return url


def test_a_database_of_0001_goes_on_with_its_data(
    make_app: Callable[..., App], old: str, samples: list[dict[str, Any]], plain: Make, clock: FixedClock
) -> None:
    app = make_app("old", database_url=old)
    decisions = [app.engine.decide(sample) for sample in samples]  # replayed
    assert [decision.score for decision in decisions] == [5, 95, 45]
    assert app.engine.decide(plain()).reasons[0].code == "ACCOUNT_FROZEN"
    found = app.store.cases.search(CaseQuery(), now=app.clock.now())
    assert {case.case_id for case in found} == {"FRD-2026-0001", "FRD-2026-0002"}
    assert app.store.reports.get("FRD-2026-0001")["summary"]["decision"] == "BLOCK"
    app.store.customers.hold("C-12345", reason="r" * 4000, actor="ana", at=clock.now())  # longer than 0001 took
    assert app.store.verify_audit().problems == ()


def test_a_migration_that_fails_changes_nothing_and_can_be_repeated(
    make_app: Callable[..., App], old: str, samples: list[dict[str, Any]]
) -> None:
    engine = create_engine(database_address(old), poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE webhooks (in_the_way INTEGER)"))  # made by the last step of 0002
    with pytest.raises(StoreFailed, match="webhooks"):
        make_app("old", database_url=old)
    with engine.begin() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == "0001"
        connection.execute(text("DROP TABLE webhooks"))
    app = make_app("old", database_url=old)
    assert app.engine.decide(samples[1]).score == 95
    assert app.store.verify_audit().whole
