"""`fraudray audit verify` on a database that somebody else wrote to."""

from __future__ import annotations

import hashlib
import hmac
import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner

from fraudray.cli.root import app

from .support import Cli

Tamper = Callable[[sqlite3.Connection], None]
START = b"\0" * 32


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


def write(database: Path, tamper: Tamper) -> None:
    with closing(sqlite3.connect(database)) as connection:
        tamper(connection)
        connection.commit()


def change_an_author(connection: sqlite3.Connection) -> None:
    connection.execute("UPDATE audit SET actor = 'somebody' WHERE kind = 'freeze_lifted'")


def change_a_body(connection: sqlite3.Connection) -> None:
    connection.execute("UPDATE audit SET body = replace(body, 'BLOCK', 'APPROVE') WHERE kind = 'decision'")


def change_a_time(connection: sqlite3.Connection) -> None:
    connection.execute("UPDATE audit SET at_us = at_us + 1 WHERE seq = 2")


def remove_one(connection: sqlite3.Connection) -> None:
    connection.execute("DELETE FROM audit WHERE seq = 3")


def remove_and_renumber(connection: sqlite3.Connection) -> None:
    last = connection.execute("SELECT max(seq) FROM audit").fetchone()[0]
    connection.execute("DELETE FROM audit WHERE seq = 3")
    for seq in range(4, last + 1):
        connection.execute("UPDATE audit SET seq = ? WHERE seq = ?", (seq - 1, seq))


def remove_the_first(connection: sqlite3.Connection) -> None:
    connection.execute("DELETE FROM audit WHERE seq = 1")


def swap_two(connection: sqlite3.Connection) -> None:
    connection.execute("UPDATE audit SET seq = -1 WHERE seq = 3")
    connection.execute("UPDATE audit SET seq = 3 WHERE seq = 4")
    connection.execute("UPDATE audit SET seq = 4 WHERE seq = -1")


def cut_off_the_end(connection: sqlite3.Connection) -> None:
    last = connection.execute("SELECT max(seq) FROM audit").fetchone()[0]
    connection.execute("DELETE FROM audit WHERE seq > ?", (last - 2,))


def cut_off_the_end_and_its_seals(connection: sqlite3.Connection) -> None:
    """The lifted freeze and every seal that covers it, as if it had never happened."""
    seq = connection.execute("SELECT seq FROM audit WHERE kind = 'freeze_lifted'").fetchone()[0]
    connection.execute("DELETE FROM audit WHERE seq >= ?", (seq,))
    for number, heads in connection.execute("SELECT number, heads FROM seals").fetchall():
        if json.loads(heads)["main"]["seq"] >= seq:
            connection.execute("DELETE FROM seals WHERE number = ?", (number,))


def remove_everything(connection: sqlite3.Connection) -> None:
    connection.execute("DELETE FROM audit")
    connection.execute("DELETE FROM seals")


def change_a_seal(connection: sqlite3.Connection) -> None:
    connection.execute("UPDATE seals SET at_us = at_us - 1 WHERE number = 1")


def add_an_entry(connection: sqlite3.Connection) -> None:
    connection.execute(
        "INSERT INTO audit SELECT writer, seq + 1, at_us, 'case_note', subject, 'admin', body, hash "
        "FROM audit ORDER BY seq DESC LIMIT 1"
    )


def recompute_without_the_key(connection: sqlite3.Connection) -> None:
    """Every hash and seal made anew, consistently, after a change: only the key is missing."""
    connection.execute("UPDATE audit SET actor = 'somebody' WHERE kind = 'freeze_lifted'")
    key, previous, hashes = b"a guess", START, {}
    columns = "writer, seq, at_us, kind, subject, actor, body"
    for row in connection.execute(f"SELECT {columns} FROM audit ORDER BY seq").fetchall():  # noqa: S608
        previous = hmac.digest(key, previous + orjson.dumps(list(row)), hashlib.sha256)
        hashes[row[1]] = previous
        connection.execute("UPDATE audit SET hash = ? WHERE seq = ?", (previous, row[1]))
    previous = START
    for number, at_us, heads in connection.execute("SELECT number, at_us, heads FROM seals ORDER BY number").fetchall():
        seq = json.loads(heads)["main"]["seq"]
        fresh = json.dumps({"main": {"seq": seq, "hash": hashes[seq].hex()}}, sort_keys=True)
        previous = hmac.digest(key, b"seal" + previous + orjson.dumps([number, at_us, fresh]), hashlib.sha256)
        connection.execute("UPDATE seals SET heads = ?, hash = ? WHERE number = ?", (fresh, previous, number))


@pytest.mark.parametrize(
    "tamper",
    [
        change_an_author, change_a_body, change_a_time, remove_one, remove_and_renumber, remove_the_first, swap_two,
        cut_off_the_end, cut_off_the_end_and_its_seals, remove_everything, change_a_seal, add_an_entry,
        recompute_without_the_key,
    ],
)  # fmt: skip
def test_a_trail_that_somebody_wrote_to_is_found_out_also_later(cli: Cli, trail: Path, tamper: Tamper) -> None:
    write(trail, tamper)

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
