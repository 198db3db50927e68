"""A cluster to ask, and the command line on it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from fraudray.cli.exits import exit_code
from fraudray.deployments.cluster.command import app
from fraudray.domain.errors import FraudrayError
from tests.engines.moto import Moto
from tests.kuberay.api_server import ApiServer, Document, running, write_kubeconfig
from tests.kuberay.aws_answers import AwsAnswers, answering
from tests.kuberay.cloud import Cloud
from tests.kuberay.cloud_formation import CloudFormation, forming
from tests.kuberay.tree import Tree


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


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tree:
    """A tree `kuberay` with one overlay, in the folder that commands run in."""
    monkeypatch.chdir(tmp_path)
    return Tree(tmp_path / "kuberay")


@pytest.fixture
def cloud(moto: Moto, tree: Tree, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    """An empty AWS account."""
    with answering(AwsAnswers()) as beside, forming(CloudFormation()) as stacks:
        monkeypatch.setenv("AWS_ENDPOINT_URL", moto.url)
        monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDFORMATION", stacks.url)
        for service in ("EC2", "SERVICE_QUOTAS", "FSX"):
            monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service}", beside.url)
        yield Cloud(moto, beside, stacks, tree)


@pytest.fixture
def eksctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Eksctl:
    """A program `eksctl` on PATH that notes what it is asked for, and does nothing."""
    found = Eksctl(tmp_path / "bin")
    monkeypatch.setenv("PATH", f"{found.folder}{os.pathsep}{os.environ['PATH']}")
    return found


class Eksctl:
    """What stands in for eksctl: a program that writes down its arguments and what it is given."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self._write("0")

    @property
    def calls(self) -> list[str]:
        """The arguments of each call, in one line."""
        file = self.folder / "calls"
        return file.read_text(encoding="utf-8").splitlines() if file.exists() else []

    @property
    def given(self) -> Document:
        """The document that it was given last."""
        found: Document = yaml.safe_load((self.folder / "given").read_text(encoding="utf-8"))
        return found

    def fails(self) -> None:
        """From now on it ends with 1."""
        self._write("1")

    def _write(self, code: str) -> None:
        program = self.folder / "eksctl"
        lines = (
            "#!/bin/sh", f'echo "$*" >> "{self.folder}/calls"',
            f'case "$*" in *"--config-file -"*) cat > "{self.folder}/given" ;; esac', f"exit {code}", "",
        )  # fmt: skip
        program.write_text("\n".join(lines), encoding="utf-8")
        program.chmod(0o755)
