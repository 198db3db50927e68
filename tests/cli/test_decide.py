"""`fraudray decide`: what people see, what machines read, and a tally that adds up."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from .support import FRAUDRAY, Cli, Ran, ndjson, payment

SAMPLES = Path(__file__).parents[2] / "fraudray" / "data" / "samples.ndjson"
EXPECTED = [("APPROVE", 5), ("BLOCK", 95), ("REVIEW", 45)]


def decided(ran: Ran) -> list[tuple[str, int]]:
    return [(row["decision"]["decision"], row["decision"]["score"]) for row in ran.json]


def codes(decision: dict[str, Any]) -> set[str]:
    return {reason["code"] for reason in decision["reasons"]}


def test_the_samples_come_out_as_expected_on_an_empty_store_and_are_replayed_on_the_next_run(process: Cli) -> None:
    first = process("decide", "--samples")

    assert first.code == 0, first.err
    assert first.err == ""
    for word in ("APPROVE", "BLOCK", "95 of 100", "REVIEW", "CRITICAL", "MEDIUM", "FRD-", "Manual review recommended"):
        assert word in first.out
    assert "read 3 = decided 3 + replayed 0 + rejected 0" in first.out
    assert "pending" not in first.out

    second = process("decide", "--samples", "--json")

    assert second.code == 0
    assert decided(second) == EXPECTED
    assert [row["status"] for row in second.json] == [200, 200, 200]
    assert "read 3 = decided 0 + replayed 3 + rejected 0" in second.err
    block = second.json[1]["decision"]
    assert codes(block) >= {"IMPOSSIBLE_TRAVEL", "UNKNOWN_DEVICE", "HIGH_RISK_MERCHANT", "ANONYMISING_ADDRESS"}
    assert {action["kind"]: action["status"] for action in block["actions"]} == dict.fromkeys(
        ("open_case", "freeze_account", "email_alert", "customer_sms", "report"), "done"
    )


def test_bad_rows_go_to_the_rejects_file_and_stop_no_other(process: Cli, tmp_path: Path) -> None:
    file = tmp_path / "rows.ndjson"
    file.write_text(
        ndjson(payment(1), payment(2, amount=-1), payment(3))
        + "\nnot json\n[1]\n"
        + ndjson(payment(1, amount=26))
        + '{"transaction_id": "T-9", "transaction_id": "T-9"}\n'
        + ndjson(payment(4))
    )

    ran = process("decide", file, "--rejects", "bad.ndjson", "--out", "good.ndjson")

    assert ran.code == 1
    assert "read 8 = decided 3 + replayed 0 + rejected 5" in ran.out
    rejects = [json.loads(line) for line in (tmp_path / "bad.ndjson").read_text().splitlines()]
    assert [(row["row"], row["problem"]["status"]) for row in rejects] == [
        (2, 422), (5, 400), (6, 422), (7, 409), (8, 400),
    ]  # fmt: skip
    assert rejects[0]["problem"]["errors"][0]["field"] == "amount"
    good = [json.loads(line) for line in (tmp_path / "good.ndjson").read_text().splitlines()]
    assert [decision["transaction_id"] for decision in good] == ["T-1", "T-3", "T-4"]


def test_one_object_from_standard_input_answers_with_the_decision_document(process: Cli) -> None:
    ran = process("decide", "-", "--json", stdin=json.dumps(payment(1), indent=2))

    assert ran.code == 0, ran.err
    assert ran.json["transaction_id"] == "T-1"
    assert ran.json["decision"] == "APPROVE"
    assert ran.err == ""


@pytest.mark.parametrize(
    ("given", "code", "told"),
    [
        (payment(1, amount="NaN"), 2, "amount"),
        (payment(1, amount=0.001), 2, "amount"),
        (payment(1, merchnt="x"), 2, "merchnt: is not a field"),
        ({}, 2, "transaction_id"),
        (payment(1, customer_id="4111111111111111"), 2, "customer_id: is a card number"),
    ],
)
def test_one_refused_object_ends_with_2_and_names_every_bad_field(
    cli: Cli, given: dict[str, Any], code: int, told: str
) -> None:
    ran = cli("decide", "-", stdin=json.dumps(given))

    assert ran.code == code
    assert told in ran.err
    assert "4111111111111111" not in ran.err
    assert ran.out == ""


def test_another_body_under_a_decided_id_ends_with_4(cli: Cli) -> None:
    assert cli("decide", "-", stdin=json.dumps(payment(1))).code == 0
    assert cli("decide", "-", stdin=json.dumps(payment(1))).code == 0

    ran = cli("decide", "-", "--json", stdin=json.dumps(payment(1, amount=99)))

    assert ran.code == 4
    assert ran.out == ""
    assert "T-1" in ran.err


def test_the_same_number_in_another_spelling_is_a_replay(cli: Cli) -> None:
    rows = '{"transaction_id":"T-1","customer_id":"C-45678","amount":AMOUNT,"merchant":"Shop"}\n'

    ran = cli("decide", "-", "--json", stdin=rows.replace("AMOUNT", "250.00") + rows.replace("AMOUNT", '"2.5e2"'))

    assert [row["status"] for row in ran.json] == [201, 200]


def test_amounts_stay_exact_decimals(cli: Cli) -> None:
    row = '{"transaction_id":"T-1","customer_id":"C-9","amount":123456789012.35,"merchant":"Shop"}'

    ran = cli("decide", "-", "--json", stdin=row)

    assert ran.json["evidence"]["transaction-risk"]["items"]["amount"]["amount"] == "123456789012.35"


def test_a_json_array_is_decided_in_order(cli: Cli) -> None:
    ran = cli("decide", "-", "--json", stdin=json.dumps([payment(1), 7, payment(2)]))

    assert ran.code == 1
    assert [(row["row"], row["status"]) for row in ran.json] == [(1, 201), (2, 422), (3, 201)]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "is empty"),
        (b" \n\n", "is empty"),
        (b'[{"a": 1}, ]', "standard input:1:"),
        (b'{\n "transaction_id": "T",\n "amount": 1,,\n}\n', "standard input:3:14: is not JSON"),
        ("\ufeff{}".encode("utf-16"), "UTF-16"),
        (b'["\xff"]', "not UTF-8"),
        (b"[" * 100_000, "not JSON"),
    ],
)
def test_input_that_is_no_json_ends_with_2_and_its_place(cli: Cli, body: bytes, told: str) -> None:
    ran = cli("decide", "-", stdin=body)

    assert ran.code == 2
    assert told in ran.err
    assert ran.out == ""


def test_a_byte_order_mark_and_crlf_are_read(cli: Cli) -> None:
    body = b"\xef\xbb\xbf" + ndjson(payment(1), payment(2)).replace("\n", "\r\n").encode()

    assert "decided 2" in cli("decide", "-", stdin=body).out


def test_an_overlong_line_is_refused_and_the_next_one_is_decided(cli: Cli) -> None:
    body = ndjson(payment(1, memo="x" * 200_000), payment(2))

    ran = cli("decide", "-", "--json", stdin=body)

    assert [row["status"] for row in ran.json] == [413, 201]
    assert [row["row"] for row in ran.json] == [1, 2]


def test_many_rows_add_up_and_are_not_all_shown(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "many.ndjson"
    file.write_text(ndjson(*(payment(n, amount=-1 if n % 100 == 0 else 5) for n in range(1, 1201))))

    ran = cli("decide", file, "--out", "out.ndjson", "--rejects", "bad.ndjson", "--no-wait")

    assert ran.code == 1
    assert "read 1,200 = decided 1,188 + replayed 0 + rejected 12" in ran.out
    assert len((tmp_path / "out.ndjson").read_text().splitlines()) == 1188
    assert len(ran.out.splitlines()) < 5


def test_text_from_outside_is_neither_markup_nor_terminal_control(cli: Cli) -> None:
    ran = cli("decide", "-", stdin=json.dumps(payment(1, merchant="[bold red]Bitcoin[/] \u202eshop", amount=2500)))

    assert ran.code == 0
    assert "[bold red]Bitcoin[/]" in ran.out
    assert "\u202e" not in ran.out


@pytest.mark.parametrize("args", [(), ("--samples", "x.json"), ("no-such-file",), ("/",), ("--wrong",)])
def test_wrong_usage_ends_with_2(cli: Cli, args: tuple[str, ...]) -> None:
    ran = cli("decide", *args)

    assert ran.code == 2
    assert ran.err
    assert "Traceback" not in ran.err


def test_nothing_is_decided_when_an_output_cannot_be_written(cli: Cli) -> None:
    assert cli("decide", "--samples", "--out", "no/such/folder/x").code == 2
    assert cli("audit", "list", "--subject", "TXN-20251201-100000", "--json").json == {"entries": []}


def test_no_wait_leaves_actions_to_the_outbox(cli: Cli) -> None:
    ran = cli("decide", SAMPLES, "--no-wait", "--json")
    assert decided(ran) == EXPECTED

    cli("outbox", "run")

    decision = cli("decision", "TXN-20251201-191354", "--json").json
    assert {action["status"] for action in decision["actions"]} == {"done"}


def test_a_reader_that_goes_away_is_quiet(tmp_path: Path) -> None:
    with subprocess.Popen(
        [FRAUDRAY, "decide", SAMPLES, "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ
    ) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.close()
        told = running.stderr.read().decode()
    assert "Traceback" not in told
    assert "BrokenPipe" not in told
