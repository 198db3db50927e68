"""A cluster to ask, and the command line on it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from fraudray.cli.exits import exit_code
from fraudray.deployments.cluster.command import app
from fraudray.domain.errors import FraudrayError
from tests.kuberay.api_server import ApiServer, Document, running, write_kubeconfig


@dataclass(frozen=True)
class Ended:
    """How a command ended: its code, what it printed, and the failure that it was told with."""

    code: int
    out: str
    error: str

    @property
    def json(self) -> Any:
        """What it printed, as JSON."""
        return json.loads(self.out)


Serve = Callable[[list[Document]], ApiServer]
Run = Callable[..., Ended]


@pytest.fixture
def serve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Starts an API server with these objects; KUBECONFIG leads to it."""
    with ExitStack() as stack:

        def start(objects: list[Document]) -> ApiServer:
            server = stack.enter_context(running(ApiServer(objects)))
            monkeypatch.setenv("KUBECONFIG", str(write_kubeconfig(tmp_path / "kubeconfig", server.url)))
            return server

        yield start


@pytest.fixture
def run() -> Run:
    """`fraudray cluster …`. An expected failure ends with its code, as the root command does it."""

    def invoke(*arguments: object, answer: str | None = None) -> Ended:
        result = CliRunner().invoke(app, [str(one) for one in arguments], input=answer, env={"COLUMNS": "400"})
        if isinstance(result.exception, FraudrayError):
            return Ended(exit_code(result.exception), result.stdout, str(result.exception))
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Ended(result.exit_code, result.stdout, result.stderr)

    return invoke
