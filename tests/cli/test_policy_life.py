"""`fraudray policy` over a policy's life: cases, comparison, books, reload."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fraudray.policy.source import default_policy_text
from tests.policies import BOOK, small, write_book

from .support import Cli, ndjson, payment

CASES = """\
cases:
  - name: a small payment
    transaction: {customer_id: C-1, amount: 5, merchant: Corner Shop}
    expect: {decision: APPROVE, score: 10}
  - name: at a kiosk
    transaction: {customer_id: C-1, amount: 5, merchant: Kiosk}
    expect: {score: 12, reasons: [KIOSK], without: [ALWAYS]}
"""


@pytest.fixture
def written() -> None:
    """The cases, and policies that pass and fail them."""
    Path("cases.yaml").write_text(CASES)
    Path("p.yaml").write_text(small())


@pytest.mark.usefixtures("written")
def test_failed_cases_say_expected_got_and_why_and_end_with_1(cli: Cli, data: Path) -> None:
    ran = cli("policy", "test", "cases.yaml", "--policy", "p.yaml")
    document = cli("policy", "test", "cases.yaml", "--policy", "p.yaml", "--json")

    assert (ran.code, document.code) == (1, 1)
    assert "2 cases by cards 1: 1 passed, 1 failed" in ran.out
    for told in ("score: expected 12, got 11", "without: ALWAYS is there", "+10 ALWAYS: 1", "+1 KIOSK: a kiosk"):
        assert told in ran.out
    assert "In no case held: too-fast" in ran.out
    assert (document.json["passed"], document.json["failed"]) == (1, 1)
    failed = document.json["results"][1]
    assert (failed["name"], failed["line"], failed["got"]["score"]) == ("at a kiosk", 5, 11)
    assert failed["expected"] == {"score": 12, "reasons": ["KIOSK"], "without": ["ALWAYS"]}
    assert document.json["never_held"] == [{"policy": "cards", "rule": "too-fast"}]
    assert not data.exists()


@pytest.mark.usefixtures("written")
def test_k_selects_and_the_settings_name_the_policy(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRAUDRAY_POLICY_FILE", "p.yaml")
    ran = cli("policy", "test", "cases.yaml", "-k", "SMALL", "--json")

    assert ran.code == 0
    assert [result["name"] for result in ran.json["results"]] == ["a small payment"]
    assert "never_held" not in ran.json
    assert cli("policy", "test", "cases.yaml", "-k", "nothing like it").code == 2
    assert (
        "reasons: expected KIOSK, got NO_CUSTOMER_PROFILE"
        in cli("policy", "test", "cases.yaml", "--policy", "default").out
    )


def test_the_default_policy_passes_its_own_cases(cli: Cli) -> None:
    ran = cli("policy", "test")

    assert ran.code == 0, ran.out
    assert "none failed" in ran.out


def test_a_changed_policy_is_tried_on_the_default_cases(cli: Cli) -> None:
    Path("mine.yaml").write_text(default_policy_text().replace("> 2000.0", "> 2600.0"))
    ran = cli("policy", "test", "--policy", "mine.yaml", "-k", "stays an approval")

    assert ran.code == 1
    assert "reasons: expected VERY_HIGH_AMOUNT" in ran.out


@pytest.mark.usefixtures("written")
def test_bad_cases_and_policies_end_with_2_and_their_place(cli: Cli) -> None:
    Path("bad.yaml").write_text(CASES.replace("amount: 5", "amount: five", 1))
    ran = cli("policy", "test", "bad.yaml", "--policy", "p.yaml")
    assert ran.code == 2
    assert "bad.yaml:3:45: cases.0.transaction.amount: is not a decimal number" in ran.err

    Path("bad-policy.yaml").write_text(small(base="EURO"))
    ran = cli("policy", "test", "cases.yaml", "--policy", "bad-policy.yaml")
    assert ran.code == 2
    assert "bad-policy.yaml:3:16: base_currency" in ran.err
    assert cli("policy", "test", "none.yaml").code == 2


def test_diff_says_in_words_what_differs(cli: Cli) -> None:
    Path("mine.yaml").write_text(default_policy_text().replace("ceiling: 95", "ceiling: 90"))

    ran = cli("policy", "diff", "default", "mine.yaml")
    document = cli("policy", "diff", "default", "mine.yaml", "--json", "--exit-code")

    assert (ran.code, document.code) == (0, 1)
    assert ran.out == "ceiling 95 → 90\n"
    assert document.json["differences"] == [
        {"policy": "card-payments", "where": ["ceiling"], "was": 95, "now": 90, "text": "ceiling 95 → 90"}
    ]
    same = cli("policy", "diff", "default", "default", "--exit-code")
    assert (same.code, same.out) == (0, "Nothing differs.\n")
    Path("mine.yaml").write_text("# mine\n" + default_policy_text())
    assert "but comments and layout" in cli("policy", "diff", "default", "mine.yaml").out


def test_diff_on_transactions_says_which_decisions_change(cli: Cli, data: Path) -> None:
    Path("a.yaml").write_text(small())
    Path("b.yaml").write_text(small(weight=45))
    refund = payment(3, transaction_type="refund", original_transaction_id="T-1")
    rows: list[Any] = [payment(1), payment(2, merchant="Kiosk"), refund, payment(1), [1], payment(5, amount=-1)]
    Path("day.ndjson").write_text(ndjson(*rows))
    args = ("policy", "diff", "a.yaml", "b.yaml", "--transactions", "day.ndjson", "--customers", "samples")

    ran = cli(*args, "--out", "changed.ndjson")
    document = cli(*args, "--json").json["transactions"]

    assert ran.code == 1, "two rows were refused"
    assert "row 6: amount" in ran.err
    assert "read 6 = decided 3 + repeated 1 + refused 2" in ran.out
    assert "2 decisions change (66.67%); 2 scores do" in ran.out
    assert (document["decided"], document["changed"], document["refused"], document["left_out"]) == (3, 2, 2, 0)
    assert document["outcomes"] == [
        {"a": "APPROVE", "b": "APPROVE", "count": 1}, {"a": "APPROVE", "b": "REVIEW", "count": 2},
    ]  # fmt: skip
    lines = [json.loads(line) for line in Path("changed.ndjson").read_text().splitlines()]
    assert lines == document["changes"]
    assert [(line["row"], line["transaction_id"], line["b"]["score"]) for line in lines] == [
        (1, "T-1", 45),
        (2, "T-2", 46),
    ]
    assert not data.exists()


def test_diff_refuses_what_it_cannot_use_before_it_decides(cli: Cli) -> None:
    Path("a.yaml").write_text(small())
    Path("day.ndjson").write_text(ndjson(payment(1)))
    for args, told in (
        (("a.yaml", "none.yaml"), "none.yaml: cannot be read"),
        (("a.yaml", "a.yaml", "--transactions", "none.ndjson"), "cannot read none.ndjson"),
        (("a.yaml", "a.yaml", "--transactions", "a.yaml", "--customers", "none.yaml"), "none.yaml"),
        (("a.yaml", "a.yaml", "--out", "x"), "belong to --transactions"),
        (("a.yaml", "a.yaml", "--transactions", "day.ndjson", "--out", "./day.ndjson"), "would overwrite"),
    ):
        ran = cli("policy", "diff", *args)
        assert ran.code == 2, args
        assert told in ran.err
    assert Path("day.ndjson").read_text() == ndjson(payment(1))


def test_diff_with_the_policies_in_force(cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FRAUDRAY_POLICY_FILE", str(write_book(tmp_path)))
    assert cli("policy", "diff", "current", "book.yaml").out == "Nothing differs.\n"
    (tmp_path / "other.yaml").write_text(BOOK.replace("default: cards", "default: wallets"))
    assert cli("policy", "diff", "current", "other.yaml").out == 'default: "cards" → "wallets"\n'


def test_check_of_a_book_checks_every_policy_in_it(cli: Cli, tmp_path: Path) -> None:
    write_book(tmp_path)
    ran = cli("policy", "check", "book.yaml")
    assert ran.code == 0
    assert "usable book; cards decides where no choice fits" in ran.out
    assert "wallets 1, 3 rules in 1 families, 0 floors" in ran.out
    assert cli("policy", "check", "-", stdin=BOOK).code == 0

    (tmp_path / "wallets.yaml").write_text(small("wallets").replace("when: spending", "when: spendign"))
    ran = cli("policy", "check", "book.yaml")
    assert ran.code == 1
    assert ran.err.startswith("wallets.yaml:12:")
    excerpt, caret = ran.err.splitlines()[-2:]
    assert "when: spendign" in excerpt
    assert excerpt[caret.index("^") :].startswith("spendign")
    found = cli("policy", "check", "book.yaml", "--json").json
    assert (found["usable"], found["file"], found["line"], found["rule"]) == (False, "wallets.yaml", 12, "always")

    write_book(tmp_path, "policies: [cards.yaml, wallets.yaml]\ndefault: cards\n")
    assert cli("policy", "check", "book.yaml", "--json").json["never_chosen"] == ["wallets"]


def test_show_takes_a_name(cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FRAUDRAY_POLICY_FILE", str(write_book(tmp_path)))
    shown = cli("policy", "show", "wallets")
    assert shown.out == (tmp_path / "wallets.yaml").read_text()
    assert "also in force: cards" in shown.err
    assert cli("policy", "show").out == (tmp_path / "cards.yaml").read_text()
    assert cli("policy", "show", "walets").code == 3


def test_explain_names_the_policy_and_why(cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FRAUDRAY_POLICY_FILE", str(write_book(tmp_path)))
    online = cli("policy", "explain", "-", stdin=json.dumps(payment(1, channel="mobile"))).out
    in_person = cli("policy", "explain", "-", stdin=json.dumps(payment(1))).out
    assert "How wallets 1 weighs T-1 now (chosen for channel ecommerce or mobile):" in online
    assert "How cards 1 weighs T-1 now (no choice fits, so the default decides):" in in_person


def test_facts_of_a_policys_own_evidence_are_listed(cli: Cli) -> None:
    call = (
        "{tool: watch, arguments: {name: merchant}, facts: {watch_listed: {kind: bool, key: listed, meaning: on it}}}"
    )
    Path("p.yaml").write_text(small() + f"evidence:\n  watch: {{mcp: {call}}}\n")
    facts = {fact["name"]: fact for fact in cli("policy", "facts", "p.yaml", "--json").json["facts"]}
    assert (facts["watch_listed"]["kind"], facts["watch_listed"]["meaning"]) == ("bool", "on it")
    assert "watch_available" in facts
    assert "watch_listed" not in {fact["name"] for fact in cli("policy", "facts", "--json").json["facts"]}


def test_reload_says_that_nothing_runs(cli: Cli, data: Path) -> None:
    ran = cli("policy", "reload")
    assert ran.code == 5
    assert "no server is running" in ran.err
    assert not data.exists()
    data.mkdir()
    (data / "server.json").write_text(json.dumps({"url": "http://127.0.0.1:9"}))
    ran = cli("policy", "reload")
    assert ran.code == 5
    assert "any more" in ran.err


@pytest.mark.usefixtures("written")
def test_rules_that_no_case_reached_are_told_by_policy_of_a_book(cli: Cli) -> None:
    Path("q.yaml").write_text(small().replace("name: cards", "name: wallets"))
    Path("book.yaml").write_text("policies: [p.yaml, q.yaml]\ndefault: cards\n")
    ran = cli("policy", "test", "cases.yaml", "--policy", "book.yaml")
    assert "In no case held of cards: too-fast" in ran.out
    assert "In no case held of wallets: " in ran.out
