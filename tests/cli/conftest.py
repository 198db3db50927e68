"""Running the command line: as a process of its own, and in this process for what needs no process."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from .support import FRAUDRAY, Cli, Ran


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("FRAUDRAY_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setenv("USER", "tester")
    monkeypatch.setenv("FRAUDRAY_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The data folder that every command of the test uses."""
    return tmp_path / "data"


@pytest.fixture
def cli() -> Cli:
    """The command line in this process."""

    def run(*args: object, stdin: str | bytes = "") -> Ran:
        from fraudray.cli.root import app

        result = CliRunner().invoke(app, [str(arg) for arg in args], input=stdin, prog_name="fraudray")
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Ran(result.exit_code, result.stdout, result.stderr)

    return run


@pytest.fixture
def process() -> Cli:
    """The installed command as a process of its own."""

    def run(*args: object, stdin: str | bytes = b"", **environment: str) -> Ran:
        body = stdin.encode() if isinstance(stdin, str) else stdin
        done = subprocess.run(
            [FRAUDRAY, *map(str, args)], input=body, capture_output=True, timeout=60, env=os.environ | environment
        )
        return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())

    return run
