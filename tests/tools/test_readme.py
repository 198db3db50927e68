"""Every command in the tools' README is one that exists, and those that need no server run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from fraudray.cli.root import app as fraudray
from fraudray.settings import load_settings
from fraudray.tools.catalogue import TOOLS
from fraudray.tools.main import parser_for
from tests.tools.plain_environment import PlainEnvironment
from tests.tools.serving import free_port

README = (Path(__file__).parents[2] / "tools" / "README.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```bash example\n(.*?)^```", README, flags=re.DOTALL | re.MULTILINE)
BLOCKS = re.findall(r"```sh\n(.*?)```", README, flags=re.DOTALL)


def commands() -> list[list[str]]:
    """The commands of the README, as a shell would split them."""
    found: list[list[str]] = []
    for block in BLOCKS:
        text = block.replace("\\\n", " ")
        found += [shlex.split(command) for command in re.split(r"\n(?=fraudray|python|export)", text)]
    return found


@pytest.mark.parametrize("command", [c for c in commands() if c[0] == "fraudray"], ids=lambda c: " ".join(c)[:50])
def test_a_command_of_the_readme_runs(command: list[str]) -> None:
    result = CliRunner().invoke(fraudray, command[1:])
    assert result.exit_code == 0, result.output


def test_the_others_are_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    others = [command for command in commands() if command[0] != "fraudray"]
    assert len(others) == 3
    for command in others:
        if command[0] == "export":
            monkeypatch.setenv(*command[1].split("=", 1))
        else:
            entry = next(entry for entry in TOOLS if entry.module == command[2])
            assert parser_for(entry).parse_args(command[3:]).transport == "http"
    assert "fraud.internal:*" in load_settings().allowed_hosts


def test_every_tool_is_in_the_readme() -> None:
    assert all(f"`{entry.name}` | {entry.kind}" in README for entry in TOOLS)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "says"),
    [(0, "REVIEW  45 of 100"), (1, "REVIEW  45 of 100"), (2, "25 points, by amount")],
    ids=["class", "server", "scoring"],
)
def test_a_worked_example_runs_as_it_stands(number: int, says: str, tmp_path: Path) -> None:
    """In an empty folder and an environment of its own; the server's port is one that is free here."""
    environment = PlainEnvironment.make(tmp_path / "environment")
    folder = tmp_path / "empty"
    folder.mkdir()
    script = "set -euo pipefail\n" + EXAMPLES[number].replace("8765", str(free_port()))
    told = environment.run(
        "bash", "-c", script, cwd=folder, timeout=280, UV_OFFLINE="1", UV_NO_DEPS="1", XDG_DATA_HOME=str(tmp_path),
        COLUMNS="200",
    )  # fmt: skip
    assert says in told


def test_every_example_is_run() -> None:
    assert len(EXAMPLES) == README.count("```bash") == 3
