"""`fraudray labels`: one by one, from files, and what holds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from .support import Cli, ndjson, payment

BLOCKED = "TXN-20251201-191354"
AT = "2025-12-03T09:30:00Z"


def test_a_label_is_added_shown_listed_and_corrected(cli: Cli) -> None:
    cli("decide", "--samples", "--no-wait")
    said = ("--source", "chargeback", "--scenario", "card testing", "--at", AT, "--author", "Ana")

    added = cli("labels", "add", BLOCKED, "--fraud", *said)
    again = cli("labels", "add", BLOCKED, "--fraud", *said, "--json")
    older = cli("labels", "add", BLOCKED, "--genuine", "--at", "2025-12-02T00:00:00Z")
    corrected = cli("labels", "add", BLOCKED, "--genuine", "--source", "customer", "--author", "Bea")
    shown = cli("labels", "show", BLOCKED, "--json").json

    assert added.code == 0
    assert added.out == f"{BLOCKED}: fraud (chargeback, 2025-12-03 09:30:00 UTC).\n"
    assert again.json | {"recorded_at": ""} == {
        "transaction_id": BLOCKED, "label": "fraud", "source": "chargeback", "scenario": "card testing",
        "labelled_at": "2025-12-03T09:30:00.000Z", "recorded_at": "", "author": "Ana", "revision": 1,
        "waiting": False, "outcome": "unchanged",
    }  # fmt: skip
    assert f"{BLOCKED}: fraud (chargeback, 2025-12-03 09:30:00 UTC) still: what was said now is older." in older.out
    assert "genuine (customer, " in corrected.out
    assert "corrected" in corrected.out
    assert shown["transaction_id"] == BLOCKED
    assert [(row["revision"], row["label"], row["author"]) for row in shown["labels"]] == [
        (2, "genuine", "Bea"), (1, "fraud", "Ana"),
    ]  # fmt: skip
    table = cli("labels", "show", BLOCKED).out
    assert table.index("customer") < table.index("card testing")
    assert [row["label"] for row in cli("labels", "list", "--json").json["labels"]] == ["genuine"]
    assert cli("audit", "list", "--subject", BLOCKED).out.count("labelled") == 2


def test_a_label_of_an_undecided_transaction_waits_for_it(cli: Cli) -> None:
    added = cli("labels", "add", "T-1", "--fraud")
    assert "It was not decided yet: the label waits for it." in added.out
    assert "T-1" in cli("labels", "list", "--waiting").out

    assert cli("decide", "-", stdin=json.dumps(payment(1))).code == 0

    assert cli("labels", "list", "--waiting").out == "No labels.\n"
    assert [row["transaction_id"] for row in cli("labels", "list", "--decided", "--json").json["labels"]] == ["T-1"]


@pytest.mark.parametrize(
    ("args", "code", "told"),
    [
        (("add", "T-1"), 2, "--fraud"), (("add", "T-1", "--fraud", "--source", "rumour"), 2, "rumour"),
        (("add", "T-1", "--fraud", "--scenario", "<b>"), 2, "scenario"),
        (("add", "T-1", "--fraud", "--at", "yesterday"), 2, "labelled_at: is not an RFC 3339"),
        (("add", "T-1", "--fraud", "--at", "2999-01-01T00:00:00Z"), 2, "future"),
        (("add", "4111111111111111", "--fraud"), 2, "is a card number"), (("show", "T-none"), 3, "no label of"),
        (("add", "T-1", "--fraud", "--author", "\n"), 2, "--author"), (("list", "--label", "perhaps"), 2, "perhaps"),
        (("import", "none.csv"), 2, "cannot read none.csv"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_ends_with_its_code(cli: Cli, args: tuple[str, ...], code: int, told: str) -> None:
    ran = cli("labels", *args)

    assert ran.code == code, ran
    assert told in ran.err
    assert "4111111111111111" not in ran.err + ran.out
    assert cli("labels", "list").out == "No labels.\n"


ROWS: list[dict[str, Any]] = [
    {"transaction_id": "T-1", "label": "fraud", "source": "chargeback", "scenario": "mule account", "labelled_at": AT},
    {"transaction_id": "T-2", "label": "maybe", "labelled_at": AT},
    {"transaction_id": "T-3", "label": True, "labelled_at": AT},
    {"transaction_id": "T-4", "label": 0, "source": "customer", "labelled_at": AT},
    {"transaction_id": "T-3", "label": "genuine", "labelled_at": "2025-12-04T00:00:00Z"},
    {"transaction_id": "T-4", "label": "1", "labelled_at": "2025-12-01T00:00:00Z"},
]
CSV = (
    "\ufefftransaction_id,Label,source,scenario,labelled_at\n"
    f'T-1,Fraud,chargeback,"mule account",{AT}\n\n'
    f"T-2,maybe,,,{AT}\n"
    f"T-3,TRUE,,,{AT}\n"
    f"T-4,0,customer,,{AT}\n"
    "T-3,false,,,2025-12-04T00:00:00Z\n"
    "T-4,1,,,2025-12-01T00:00:00Z\n"
)


@pytest.mark.parametrize(
    ("name", "text", "bad_row"),
    [("a.csv", CSV, 4), ("a.ndjson", ndjson(*ROWS), 2), ("a.json", json.dumps(ROWS), 2), ("a.txt", CSV, 4)],
)
def test_an_import_keeps_what_is_good_names_what_is_not_and_adds_up(
    cli: Cli, name: str, text: str, bad_row: int
) -> None:
    Path(name).write_text(text)

    ran = cli("labels", "import", name, "--rejects", "bad.ndjson", "--json")
    told = cli("labels", "import", name)

    assert ran.code == told.code == 1
    assert ran.json == {
        "read": 6, "recorded": 3, "corrected": 1, "unchanged": 0, "older": 1, "refused": 1, "waiting": 5,
    }  # fmt: skip
    (reject,) = [json.loads(line) for line in Path("bad.ndjson").read_text().splitlines()]
    assert (reject["row"], reject["problem"]["errors"][0]["field"]) == (bad_row, "label")
    # What is dated in the file changes nothing when it is imported again.
    assert "read 6 = recorded 0 + corrected 0 + unchanged 3 + older 2 + refused 1" in told.out
    assert "(5 wait for their transaction to be decided)" in told.out
    assert f"row {bad_row}: label: " in told.err
    held = {row["transaction_id"]: row for row in cli("labels", "list", "--json").json["labels"]}
    assert {name: row["label"] for name, row in held.items()} == {"T-1": "fraud", "T-3": "genuine", "T-4": "genuine"}
    assert (held["T-1"]["scenario"], held["T-1"]["source"]) == ("mule account", "chargeback")


@pytest.mark.parametrize("text", [CSV, ndjson(*ROWS), json.dumps(ROWS), "\n \n" + ndjson(*ROWS)])
def test_standard_input_is_taken_for_what_it_is(cli: Cli, text: str) -> None:
    ran = cli("labels", "import", "-", "--json", stdin=text.encode())

    assert ran.code == 1
    assert (ran.json["read"], ran.json["recorded"]) == (6, 3)


def test_an_import_without_a_bad_row_ends_with_0(cli: Cli) -> None:
    rows = [{"transaction_id": f"T-{number}", "label": "fraud", "labelled_at": AT} for number in range(1200)]

    ran = cli("labels", "import", "-", stdin=ndjson(*rows))
    one = cli("labels", "import", "-", "--json", stdin=json.dumps(rows[0]))

    assert (ran.code, one.code) == (0, 0)
    assert "read 1,200 = recorded 1,200 + corrected 0 + unchanged 0 + older 0 + refused 0" in ran.out
    assert one.json["unchanged"] == 1


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("a.csv", b"", "lacks transaction_id, label"), ("a.csv", b"4111111111111111,fraud\n", "lacks transaction_id"),
        ("a.csv", b"transaction_id,label,colour\n", "'colour'"), ("a.csv", b"label,label,transaction_id\n", "twice"),
        ("a.csv", b'"label\n', "not CSV"), ("a.csv", CSV.encode("utf-16"), "lacks transaction_id"),
        ("a.json", b"{", "not JSON"), ("a.ndjson", b"", "empty"), ("a.ndjson", CSV.encode(), "is not JSON"),
        ("-", b"", "empty"),
    ],
)  # fmt: skip
def test_a_file_of_no_use_is_refused(cli: Cli, name: str, text: bytes, told: str) -> None:
    if name != "-":
        Path(name).write_bytes(text)

    ran = cli("labels", "import", name, stdin=text if name == "-" else b"")

    assert ran.code in (1, 2), ran
    assert told in ran.err
    assert "Traceback" not in ran.err
    assert "4111111111111111" not in ran.err
    assert cli("labels", "list", "--json").json == {"labels": []}


def test_rows_of_csv_that_cannot_be_text_or_cells_stop_no_other(cli: Cli) -> None:
    body = b'T-1,fraud\nT-\xff,fraud\nT-\0,fraud\nT-4,fraud,x,y\nT-5,fr"aud\n"T"6,fraud\nT-7,genuine\n'
    Path("a.csv").write_bytes(b"transaction_id,label,source\n" + body)

    ran = cli("labels", "import", "a.csv")

    assert ran.code == 1
    assert "read 7 = recorded 2 + corrected 0 + unchanged 0 + older 0 + refused 5" in ran.out
    assert "row 5: has 4 cells under 3 columns" in ran.err
    assert "row 3: transaction_id: " in ran.err
    assert "row 4: transaction_id: contains a control character" in ran.err
    assert "row 7: is not CSV" in ran.err


def test_an_import_does_not_overwrite_itself(cli: Cli) -> None:
    Path("a.csv").write_text(CSV)

    ran = cli("labels", "import", "a.csv", "--rejects", "./a.csv")

    assert ran.code == 2
    assert "is the file to read" in ran.err
    assert Path("a.csv").read_text() == CSV


def test_many_refused_rows_are_told_up_to_a_limit(cli: Cli) -> None:
    rows = ndjson(*({"transaction_id": f"T-{number}"} for number in range(30)))

    ran = cli("labels", "import", "-", stdin=rows)

    assert ran.err.count("label: Field required") == 20
    assert "--rejects FILE keeps all" in ran.err
    assert "refused 30" in ran.out


def test_a_case_that_is_closed_as_fraud_labels_its_transaction(cli: Cli) -> None:
    cli("decide", "--samples", "--no-wait")
    case = cli("decision", BLOCKED, "--json").json["case_id"]

    closed = cli("cases", "close", case, "--disposition", "confirmed fraud", "--reason", "called", "--author", "Ana")

    assert closed.code == 0
    (label,) = cli("labels", "show", BLOCKED, "--json").json["labels"]
    assert (label["label"], label["source"], label["author"]) == ("fraud", "disposition", "Ana")
