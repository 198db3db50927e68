"""Shared fixtures: an App of its own folder and clock for each test."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from fraudray.bootstrap import App
from fraudray.settings import PREFIX, load_settings
from fraudray.testing.clock import FixedClock
from tests.engines.moto import Moto, running_moto
from tests.engines.postgres import Postgres


@pytest.fixture(autouse=True)
def _own_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test sees the settings or data of whoever runs it."""
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "aws-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "aws-credentials"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "xdg"))


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def make_app(tmp_path: Path, clock: FixedClock) -> Iterator[Callable[..., App]]:
    """Opens Apps on this test's folder (or another), closed at its end. The outbox is worked by hand."""
    opened: list[App] = []

    def make(folder: str = "data", *, tools: Any = None, **settings: Any) -> App:
        app = App(load_settings(data_dir=tmp_path / folder, **settings), clock=clock, tools=tools, work=False)
        opened.append(app)
        return app

    yield make
    for app in opened:
        app.close()


@pytest.fixture
def app(make_app: Callable[..., App]) -> App:
    return make_app()


@pytest.fixture
def samples() -> list[dict[str, Any]]:
    """The three sample transactions: low, high, medium risk."""
    text = resources.files("fraudray.data").joinpath("samples.ndjson").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture
def plain() -> Callable[..., dict[str, Any]]:
    """An unremarkable transaction with a fresh id, changed as told; None takes a field out."""
    count = iter(range(1_000_000))

    def make(**fields: Any) -> dict[str, Any]:
        tx = {
            "transaction_id": f"T-{next(count)}", "customer_id": "C-12345", "amount": "25.00",
            "merchant": "Corner Shop", "location": "Seattle, WA", "card_present": True, "device_id": "dev-abc123",
        } | fields  # fmt: skip
        return {name: value for name, value in tx.items() if value is not None}

    return make


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server for all tests; whoever stops it starts it again."""
    server = Postgres.make()
    yield server
    server.remove()


@pytest.fixture
def postgres_url(postgres: Postgres) -> str:
    """The address of an empty database on it."""
    return postgres.new_database()


@pytest.fixture(scope="session")
def moto_server() -> Iterator[Moto]:
    """Moto's HTTP server for all tests."""
    with running_moto() as moto:
        yield moto


@pytest.fixture
def moto(moto_server: Moto, monkeypatch: pytest.MonkeyPatch) -> Moto:
    """That server, empty, and credentials for it where boto3 looks for them."""
    moto_server.reset()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    return moto_server
