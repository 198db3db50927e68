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

README = (Path(__file__).parents[2] / "tools" / "README.md").read_text(encoding="utf-8")
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
