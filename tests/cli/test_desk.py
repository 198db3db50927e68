"""Cases, accounts, customers and the outbox from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .support import Cli, payment

BLOCKED = "TXN-20251201-191354"


@pytest.fixture
def decided(cli: Cli) -> str:
    """The samples are decided; the id of the blocked one's case."""
    assert cli("decide", "--samples", "--no-wait").code == 0
    assert cli("outbox", "run").code == 0
    return str(cli("decision", BLOCKED, "--json").json["case_id"])


def test_a_case_is_listed_shown_noted_and_closed_once(cli: Cli, decided: str) -> None:
    assert decided in cli("cases", "list", "--status", "open").out
    assert [case["case_id"] for case in cli("cases", "list", "--search", "crypto-ex", "--json").json["cases"]] == [
        decided
    ]

    assert cli("cases", "note", decided, "\x1b[31mred").code == 2
    note = cli("cases", "note", decided, "Card 4111 1111 1111 1111", "--author", "Ana")
    shown = cli("cases", "show", decided)
    closed = cli("cases", "close", decided, "--disposition", "fraud", "--reason", "confirmed", "--json")

    assert note.code == 0
    assert "Ana" in shown.out
    assert "4111 1111 1111 1111" not in shown.out
    assert closed.json["status"] == "closed"
    assert cli("cases", "close", decided, "--disposition", "fraud", "--reason", "again").code == 4
    assert cli("cases", "list", "--status", "closed", "--json").json["cases"][0]["case_id"] == decided


@pytest.mark.parametrize(
    "args",
    [
        ("cases", "show", "FRD-1999-0001"), ("cases", "note", "FRD-1999-0001", "x"),
        ("report", "case", "FRD-1999-0001"),
        ("decision", "T-none"), ("customers", "show", "C-none"), ("outbox", "retry", "out_none"),
        ("accounts", "unfreeze", "C-67890", "--reason", "none holds"),
        ("customers", "hold", "C-none", "--reason", "x"), ("customers", "erase", "C-none", "--reason", "x", "--yes"),
    ],
)  # fmt: skip
def test_what_is_not_stored_ends_with_3(cli: Cli, args: tuple[str, ...]) -> None:
    ran = cli(*args)

    assert ran.code == 3, ran
    assert ran.err.startswith("error: no ")
    assert ran.out == ""


def test_a_lifted_freeze_says_whether_the_last_transaction_would_pass(cli: Cli, decided: str) -> None:
    assert "is frozen until" in cli("accounts", "show", "C-12345").out
    refused = cli("decide", "-", "--json", stdin=json.dumps(payment(1, customer_id="C-12345")))
    assert refused.json["reasons"][0]["code"] == "ACCOUNT_FROZEN"

    ran = cli("accounts", "unfreeze", "C-12345", "--reason", "it was her", "--json")

    assert ran.code == 0
    assert ran.json["last_transaction_id"] == "T-1"
    assert isinstance(ran.json["would_pass_now"], bool)
    assert "ACCOUNT_FROZEN" not in {refusal["code"] for refusal in ran.json["refused_by"]}
    assert "is not frozen" in cli("accounts", "show", "C-12345").out
    assert cli("accounts", "unfreeze", "C-12345", "--reason", "again").code == 3


def test_a_freeze_is_not_lifted_without_a_reason(cli: Cli, decided: str) -> None:
    ran = cli("accounts", "unfreeze", "C-12345", "--reason", "  ")

    assert ran.code == 2
    assert "reason: is needed" in ran.err
    assert cli("accounts", "show", "C-12345", "--json").json["frozen"] is True


def test_an_unfreeze_that_changes_nothing_else_names_the_rules(cli: Cli, decided: str) -> None:
    ran = cli("accounts", "unfreeze", "C-12345", "--reason", "it was her")

    assert f"The last transaction, {BLOCKED}, would still get BLOCK" in ran.out
    assert "IMPOSSIBLE_TRAVEL" in ran.out


def test_a_legal_hold_stops_an_erasure_until_it_is_lifted(cli: Cli, decided: str) -> None:
    erase = ("customers", "erase", "C-12345", "--reason", "request", "--yes")
    assert cli("customers", "hold", "C-12345", "--reason", "court order").code == 0

    held = cli(*erase)
    assert held.code == 4
    assert "hold" in held.err
    assert cli("customers", "show", "C-12345").code == 0

    assert cli("customers", "unhold", "C-12345").code == 0
    assert cli(*erase).code == 0

    assert cli("customers", "show", "C-12345").code == 3
    assert cli("decision", BLOCKED).code in (3, 4)
    assert cli("report", "case", decided).code == 4
    assert cli("cases", "show", decided, "--json").json["erased"] is True
    assert "erased" in cli("cases", "show", decided).out
    assert cli("audit", "verify").code == 0


def test_an_erasure_without_a_terminal_needs_yes(cli: Cli) -> None:
    ran = cli("customers", "erase", "C-12345", "--reason", "request")

    assert ran.code == 2
    assert "--yes" in ran.err
    assert cli("customers", "show", "C-12345").code == 0


def test_customers_are_imported_all_or_none_and_put_one_by_one(cli: Cli) -> None:
    Path("new.yaml").write_text("- {customer_id: C-1, home: Graz}\n- {customer_id: C-2, phone: '+43 1 5551234'}\n")
    Path("bad.yaml").write_text("- {customer_id: C-3}\n- {customer_id: C-4, phone: nope}\n")

    assert "Registered 2" in cli("customers", "import", "new.yaml").out
    bad = cli("customers", "import", "bad.yaml")
    put = cli("customers", "put", stdin='{"customer_id": "C-5", "usual_amounts": {"low": 1.10, "high": 20}}')

    assert bad.code == 2
    assert "1.phone" in bad.err
    assert put.code == 0, put.err
    assert cli("customers", "list", "--json").json["customers"] == [
        "C-1", "C-12345", "C-2", "C-45678", "C-5", "C-67890",
    ]  # fmt: skip
    assert cli("customers", "show", "C-5", "--json").json["usual_amounts"]["low"] == "1.10"
    assert cli("customers", "put", stdin='{"customer_id": "C-6", "nme": "x"}').code == 2
    assert cli("customers", "put", stdin="[]").code == 2
    assert cli("customers", "import", "none.yaml").code == 2


def test_what_cannot_leave_is_dead_visibly_and_is_retried(cli: Cli, data: Path) -> None:
    (Path("customers.yaml")).write_text("- {customer_id: C-12345}\n")
    assert cli("customers", "import", "customers.yaml").code == 0  # no phone any more
    cli("decide", "--samples")

    dead = cli("outbox", "list", "--status", "dead", "--json").json["entries"]
    assert [entry["kind"] for entry in dead] == ["customer_sms"]
    assert "no phone number" in cli("outbox", "list").out

    assert cli("outbox", "retry", dead[0]["entry_id"]).code == 0
    assert cli("outbox", "retry", dead[0]["entry_id"]).code == 4
    ran = cli("outbox", "run", "--json")
    assert ran.code == 1
    assert ran.json == {"tried": 1, "pending": 0, "dead": 1}


@pytest.mark.parametrize("author", ["", "a" * 129, "a\nb", "\x1b[2J"])
def test_an_author_is_a_short_printable_name(cli: Cli, author: str) -> None:
    assert cli("customers", "hold", "C-12345", "--reason", "x", "--author", author).code == 2


def test_a_sample_is_enrolled_as_a_template_and_compared(cli: Cli, data: Path) -> None:
    Path("sample.txt").write_text("thumb-1\n")

    ran = cli("customers", "enrol", "C-45678", "--sample-file", "sample.txt")
    own = cli("decide", "-", "--json", stdin=json.dumps(payment(1, biometric_sample="thumb-1")))
    other = cli("decide", "-", "--json", stdin=json.dumps(payment(2, biometric_sample="thumb-2")))

    assert ran.code == 0, ran.err
    assert "no liveness" in ran.out
    assert own.json["evidence"]["identity-verifier"]["items"]["biometric"]["matched"] is True
    assert "BIOMETRIC_FAILED" in {reason["code"] for reason in other.json["reasons"]}
    assert b"thumb-1" not in b"".join(path.read_bytes() for path in data.iterdir() if path.is_file())


@pytest.mark.parametrize(("content", "code", "told"), [("", 2, "0 characters"), ("x" * 4097, 2, "4,097")])
def test_what_is_no_sample_is_refused(cli: Cli, content: str, code: int, told: str) -> None:
    ran = cli("customers", "enrol", "C-45678", "--sample-file", "-", stdin=content)

    assert ran.code == code
    assert told in ran.err
    assert cli("customers", "enrol", "C-none", "--sample-file", "-", stdin="x").code == 3


def test_a_step_up_is_answered_once(cli: Cli) -> None:
    assert cli("decide", "--samples", "--no-wait").code == 0
    failed = cli("step-up", "TXN-20251201-150000", "failed", "--reference", "call-7", "--author", "ana", "--json")
    assert (failed.code, failed.json["decision"], failed.json["step_up"]["reference"]) == (0, "BLOCK", "call-7")
    assert "BLOCK" in cli("decision", "TXN-20251201-150000").out
    refused = cli("step-up", "TXN-20251201-150000", "passed")
    assert (refused.code, "answered failed before" in refused.err) == (4, True)
    assert cli("step-up", "TXN-20251201-150000", "perhaps").code == 2
