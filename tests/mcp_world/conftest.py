"""The programs, and the six servers with a blocked transaction to work on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import pytest

from fraudray.bootstrap import App
from fraudray.service import LocalService
from fraudray.settings import load_settings
from tests.mcp_world.programs import Programs
from tests.mcp_world.servers import Addresses, alone, mounted


@dataclass(frozen=True)
class World:
    """A data folder with a blocked transaction, and where its servers are."""

    folder: Path
    transaction_id: str
    case_id: str
    addresses: Addresses


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Programs:
    return Programs.install(tmp_path_factory.mktemp("node-home"))


def blocked(folder: Path) -> World:
    """A new data folder in which the second sample was decided; nothing serves it."""
    text = resources.files("fraudray.data").joinpath("samples.ndjson").read_text(encoding="utf-8")
    with App(load_settings(data_dir=folder), work=False) as app:
        decision = app.engine.decide(json.loads(text.splitlines()[1]))
    assert decision.case_id is not None
    return World(folder, decision.transaction_id, decision.case_id, {})


@pytest.fixture(scope="session")
def together(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The gateway with all six."""
    made = blocked(tmp_path_factory.mktemp("together"))
    with mounted(made.folder) as addresses:
        yield World(made.folder, made.transaction_id, made.case_id, addresses)


@pytest.fixture(scope="session")
def apart(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Each of the six in a process of its own, over HTTP."""
    made = blocked(tmp_path_factory.mktemp("apart"))
    with alone(made.folder) as addresses:
        yield World(made.folder, made.transaction_id, made.case_id, addresses)


@pytest.fixture(scope="session")
def unserved(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A folder for tools that a client starts itself."""
    return blocked(tmp_path_factory.mktemp("unserved"))


@dataclass(frozen=True)
class Keyed:
    """A gateway that asks for keys."""

    world: World
    reads: str
    acts: str


@pytest.fixture(scope="session")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keyed]:
    made = blocked(tmp_path_factory.mktemp("keyed"))
    with App(load_settings(data_dir=made.folder), work=False) as app:
        service = LocalService(app)
        reads, acts = (
            str(service.keys.create(scope, scopes=[scope], author="test")["key"]) for scope in ("read", "act")
        )  # fmt: skip
    with mounted(made.folder) as addresses:
        yield Keyed(World(made.folder, made.transaction_id, made.case_id, addresses), reads, acts)
