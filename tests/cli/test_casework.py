"""Working on cases from the command line."""

from __future__ import annotations

import csv
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from .support import Cli

BLOCKED, REVIEWED = "TXN-20251201-191354", "TXN-20251201-150000"


@pytest.fixture
def cases(cli: Cli) -> tuple[str, str]:
    """The samples are decided; the cases of the blocked one and of the reviewed one."""
    assert cli("decide", "--samples", "--no-wait").code == 0
    assert cli("outbox", "run").code == 0
    block, review = (str(cli("decision", name, "--json").json["case_id"]) for name in (BLOCKED, REVIEWED))
    return block, review


def test_a_day_of_work(cli: Cli, cases: tuple[str, str]) -> None:
    block, review = cases
    taken = cli("cases", "next", "--author", "ana", "--json")
    assert (taken.json["case_id"], taken.json["status"], taken.json["assignee"]) == (block, "claimed", "ana")
    refused = cli("cases", "wait", block, "--until", "2d", "--reason", "r", "--author", "bo")
    assert refused.code == 4
    assert "ana works on case" in refused.err
    put_off = cli("cases", "wait", block, "--until", "2d", "--reason", "asked the merchant", "--author", "ana")
    assert f"{block} is waiting" in put_off.out
    assert "until 20" in put_off.out
    assert cli("cases", "next", "--author", "ana", "--json").json["case_id"] == review
    assert cli("cases", "next", "--author", "bo").out.startswith("No case is ready")
    assert cli("cases", "release", review, "--author", "ana").code == 0
    escalated = cli("cases", "escalate", review, "--to", "team-two", "--reason", "a ring", "--author", "ana")
    assert "is escalated, for team-two" in escalated.out
    merged = cli("cases", "merge", block, "--into", review, "--reason", "one thief", "--author", "ana", "--json")
    assert merged.json["case_id"] == review
    assert cli("cases", "undo", block, "--author", "ana", "--json").json["status"] == "waiting"
    assert cli("cases", "close", block, "--disposition", "fraud", "--reason", "r", "--author", "ana").code == 0
    assert (
        cli("cases", "reopen", block, "--reason", "new facts", "--author", "ana", "--json").json["status"] == "reopened"
    )
    due = cli("cases", "due", block, "--at", "4h", "--reason", "the expert comes", "--author", "ana")
    assert "due 20" in due.out
    shown = cli("cases", "show", block).out
    assert "asked the merchant" in shown
    assert "before" not in shown
    assert cli("audit", "verify").code == 0


def test_who_acts_on_a_case_that_changed_is_told(cli: Cli, cases: tuple[str, str]) -> None:
    block, _ = cases
    version = str(cli("cases", "show", block, "--json").json["version"])
    cli("cases", "note", block, "a colleague's note")
    late = cli("cases", "claim", block, "--version", version)
    assert late.code == 4
    assert "changed meanwhile" in late.err
    assert cli("cases", "show", block, "--json").json["status"] == "open"


def test_files_are_attached_written_out_and_destroyed(cli: Cli, cases: tuple[str, str], tmp_path: Path) -> None:
    block, _ = cases
    letter, copy = tmp_path / "letter.txt", tmp_path / "copy.txt"
    letter.write_text("Dear bank")
    file_id = cli("cases", "attach", block, str(letter), "--json").json["file_id"]
    assert "letter.txt" in cli("cases", "show", block).out
    assert cli("cases", "file", block, file_id, "--out", str(copy)).code == 0
    assert copy.read_text() == "Dear bank"
    program = tmp_path / "program.exe"
    program.write_bytes(b"MZ")
    assert "of a type that is not taken" in cli("cases", "attach", block, str(program)).err
    assert cli("cases", "detach", block, file_id, "--reason", "wrong case").code == 0
    assert cli("cases", "file", block, file_id, "--out", str(copy)).code == 3


def test_cases_are_found_linked_and_exported(cli: Cli, cases: tuple[str, str], tmp_path: Path) -> None:
    block, review = cases
    cli("cases", "claim", review, "--author", "bo")
    for options, expected in (
        (("--sort", "risk"), [block, review]), (("--assignee", "bo"), [review]), (("--status", "ready"), [block]),
        (("--reason-code", "IMPOSSIBLE_TRAVEL"), [block]), (("--amount-min", "4000"), [block]), (("--overdue",), []),
        (("--search", "best"), [review]),
    ):  # fmt: skip
        found = cli("cases", "list", *options, "--json").json["cases"]
        assert [case["case_id"] for case in found] == expected, options
    assert cli("cases", "list", "--amount-min", "much").code == 2
    assert cli("cases", "links", block).code == 0
    table, columns = tmp_path / "cases.csv", tmp_path / "cases.parquet"
    assert cli("cases", "export", "--out", str(table), "--sort", "oldest").code == 0
    with table.open(newline="", encoding="utf-8") as file:
        assert {row["case_id"] for row in csv.DictReader(file)} == {block, review}
    assert cli("cases", "export", "--out", str(columns), "--format", "parquet", "--status", "open").code == 0
    assert pq.read_table(columns).column("case_id").to_pylist() == [block]
    sent = cli("cases", "alert", block, "--reason", "the first went to spam", "--json")
    assert sent.json["recipients"] == ["fraud-team@example.com"]


def test_a_label_is_withdrawn(cli: Cli, cases: tuple[str, str]) -> None:
    block, _ = cases
    cli("cases", "close", block, "--disposition", "fraud", "--reason", "r")
    assert cli("labels", "show", BLOCKED, "--json").json["labels"][0]["label"] == "fraud"
    cli("cases", "undo", block)
    assert cli("labels", "show", BLOCKED, "--json").json["labels"][0]["label"] == "unknown"
    assert cli("labels", "list", "--label", "unknown", "--json").json["labels"][0]["transaction_id"] == BLOCKED
