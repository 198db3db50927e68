"""`fraudray audit verify` on a database that somebody else wrote to."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from fraudray.cli.root import app

from .support import Cli


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed store with a trail of a dozen entries and several seals."""
    folder = tmp_path_factory.mktemp("trail") / "data"
    for command in (
        ["decide", "--samples"],
        ["cases", "list"],
        ["accounts", "unfreeze", "C-12345", "--reason", "it was her", "--author", "tester"],
    ):
        result = CliRunner().invoke(app, ["--data-dir", str(folder), *command])
        assert result.exit_code == 0, result.output
    return folder


@pytest.fixture
def trail(written: Path, data: Path) -> Path:
    """The database of a copy of that store."""
    shutil.copytree(written, data)
    return data / "fraudray.sqlite"


def test_a_trail_that_somebody_wrote_to_ends_with_code_1_also_later(cli: Cli, trail: Path) -> None:
    with closing(sqlite3.connect(trail)) as connection:
        connection.execute("UPDATE audit SET actor = 'somebody' WHERE kind = 'freeze_lifted'")
        connection.commit()

    first = cli("audit", "verify")
    cli("cases", "list")  # opens, seals and closes the store
    cli("decide", "-", stdin='{"transaction_id":"T-L","customer_id":"C-9","amount":5,"merchant":"Shop"}')
    later = cli("audit", "verify", "--json")

    assert first.code == 1
    assert "NOT whole" in first.err
    assert first.out == ""
    assert later.code == 1
    assert later.json["whole"] is False
    assert later.json["problems"]


def test_an_untouched_trail_is_whole_in_a_process_of_its_own(process: Cli, trail: Path) -> None:
    ran = process("audit", "verify", "--json")

    assert ran.code == 0
    assert ran.json["whole"] is True
    assert ran.json["entries"] > 10


def test_a_removed_anchor_is_a_problem(cli: Cli, trail: Path) -> None:
    (trail.parent / "audit.anchor").unlink()

    assert cli("audit", "verify").code == 1


def test_the_trail_says_who_did_what_and_why(cli: Cli, trail: Path) -> None:
    entries = cli("audit", "list", "--subject", "C-12345", "--json").json["entries"]

    lifted = next(entry for entry in entries if entry["kind"] == "freeze_lifted")
    assert lifted["actor"] == "tester"
    assert lifted["body"]["reason"] == "it was her"
    assert "freeze_lifted" in cli("audit", "list").out
