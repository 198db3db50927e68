"""The manual of policies: its files are valid, its cases pass, its commands run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from fraudray.cli.root import app as fraudray
from fraudray.policy.source import default_policy_text
from tests.policies import write_book

README = (Path(__file__).parents[2] / "fraudray" / "policy" / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w+)([^\n]*)\n(.*?)```", README, flags=re.DOTALL)
COMMANDS = [line for language, _, body in BLOCKS if language == "sh" for line in body.splitlines()]


def block(kind: str) -> str:
    (body,) = [body for _, given, body in BLOCKS if given.strip() == kind]
    return body


@pytest.fixture
def _files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FRAUDRAY_DATA_DIR", str(tmp_path / "data"))
    (tmp_path / "my-policy.yaml").write_text(default_policy_text(), encoding="utf-8")
    (tmp_path / "my-cases.yaml").write_text(block("cases"), encoding="utf-8")
    (tmp_path / "customers.yaml").write_text("- customer_id: C-1\n", encoding="utf-8")
    (tmp_path / "day.ndjson").write_text(
        '{"transaction_id": "1", "customer_id": "C-1", "amount": 5, "merchant": "m"}\n'
    )


@pytest.mark.usefixtures("_files")
@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_manual_runs(command: str) -> None:
    name, *args = shlex.split(command)
    assert name == "fraudray"
    result = CliRunner().invoke(fraudray, args)
    assert result.exit_code == 0, result.output


def test_the_manuals_book_is_usable(tmp_path: Path) -> None:
    path = write_book(tmp_path, block("book"))
    assert CliRunner().invoke(fraudray, ["policy", "check", str(path)]).exit_code == 0
