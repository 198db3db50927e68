"""Trying policies: files of cases, and two policies on one stream."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib import resources
from typing import Any

import pytest

from fraudray.bootstrap import read_customers
from fraudray.domain.decision import Outcome
from fraudray.domain.errors import ConflictingTransaction, InvalidTransaction, PolicyError
from fraudray.domain.transaction import Transaction
from fraudray.evidence.context import Reference
from fraudray.policy.book import PolicyBook
from fraudray.policy.policy import Policy
from fraudray.reference import load_reference
from fraudray.settings import load_settings
from fraudray.trial.cases import parse_cases
from fraudray.trial.changes import Changes
from fraudray.trial.engine import Trials
from fraudray.trial.run_cases import CaseRun, run_cases
from tests.policies import small

UNREACHABLE = {"identity-unavailable", "place-unavailable", "transaction-risk-unavailable"}
"""They hold only while a tool is down."""
TX = "{customer_id: c, amount: 1, merchant: m}"
HEAD = "cases:\n"


def case(name: str = "one", tx: str = TX, expect: str = "{score: 10}", more: str = "") -> str:
    return f"  - name: {name}\n{more}    transaction: {tx}\n    expect: {expect}\n"


@pytest.fixture(scope="module")
def reference() -> Reference:
    return load_reference(load_settings())


@pytest.fixture(scope="module")
def trials(reference: Reference) -> Iterator[Trials]:
    with Trials(PolicyBook.of(Policy.parse(small())), reference, load_settings()) as trials:
        yield trials


def run(trials: Trials, text: str) -> CaseRun:
    file = parse_cases(text, file="cases.yaml")
    return run_cases(trials, file.cases, file.customers, start=file.start)


def test_the_default_policy_passes_its_own_cases_and_every_rule_and_floor_holds_in_one(reference: Reference) -> None:
    folder = resources.files("fraudray")
    file = parse_cases((folder / "policy" / "default_cases.yaml").read_text(encoding="utf-8"), file="default_cases")
    with resources.as_file(folder / "data" / "sample_customers.yaml") as path:
        customers = [*read_customers(path), *file.customers]
    with Trials(PolicyBook.load(), reference, load_settings()) as trials:
        done = run_cases(trials, file.cases, customers, start=file.start)
    assert [(result.case.name, result.failures) for result in done.results if result.failures] == []
    assert {rule for _, rule in done.unreached} == UNREACHABLE
    assert len(done.results) >= 25
    named = {code for c in file.cases for code in c.expect.reasons}
    document = trials.book.default.document
    assert {line.code for line in (*document.rules, *document.floors) if line.id not in UNREACHABLE} <= named


@pytest.mark.parametrize(
    ("text", "line", "column", "says"),
    [
        ("cases: []\n", 1, 8, "at least 1"),
        ("case: []\n", 1, 1, "cases: Field required"),
        (HEAD + case() + "colour: red\n", 5, 9, "colour: is not a field of a file of cases"),
        (HEAD + case() + case(), 5, 11, "this name is used twice"),
        (HEAD + case(expect="{}"), 4, 13, "expects nothing"),
        (HEAD + case(expect="{decision: ALLOW}"), 4, 24, "'APPROVE', 'REVIEW' or 'BLOCK'"),
        (HEAD + case(expect="{score: 101}"), 4, 21, "less than or equal to 100"),
        (HEAD + case(expect="{score: {from: 1}}"), 4, 21, "expect.score"),
        (HEAD + case(expect="{reason: [X]}"), 4, 22, "not a field of a file of cases"),
        (HEAD + case(tx="{customer_id: c, amount: -1, merchant: m}"), 3, 43, "cases.0.transaction.amount"),
        (HEAD + case(tx="{customer_id: c, merchant: m}"), 3, 18, "amount: Field required"),
        (HEAD + case(tx="{customer_id: c, amount: 1, merchant: m, mcc: 5944}"), 3, 64, "mcc: Input should be a valid"),
        (HEAD + case(tx="{customer_id: c, amount: 1, merchant: m, place: x}"), 3, 66, "not a field of a transaction"),
        (HEAD + case(tx="{customer_id: c, amount: 1, merchant: m, repeat: 2}"), 3, 67, "only a history repeats"),
        (HEAD + case(tx="{customer_id: c, amount: 1, merchant: m, after: soon}"), 3, 66, "after: cannot be read"),
        (HEAD + case(more="    history: [{customer_id: c}]\n"), 3, 15, "history.0.amount: Field required"),
        (HEAD + case(more="    history: [{customer_id: c, amount: 1, merchant: m, repeat: 0}]\n"), 3, 64, "from 1 to"),
        (HEAD + case(more="    history: [{customer_id: c, amount: 1, merchant: m, repeat: 1500},"
                          " {customer_id: c, amount: 1, merchant: m, repeat: 1500}]\n"), 3, 14, "3,000 messages"),
        ("customers: [{name: x}]\n" + HEAD + case(), 1, 13, "customers.0.customer_id: Field required"),
        ("customers: [sample]\n" + HEAD + case(), 1, 13, "customers.0"),
        ("customers: samples\n" + HEAD + case(), 1, 12, "valid list"),
        ("now: 2026-03-02T15:30:00\n" + HEAD + case(), 1, 6, "needs a time zone"),
        (HEAD + "  - [\n", 3, 1, "is not YAML"),
    ],
)  # fmt: skip
def test_a_bad_file_of_cases_is_refused_with_its_place(text: str, line: int, column: int, says: str) -> None:
    with pytest.raises(PolicyError) as caught:
        parse_cases(text, file="cases.yaml")
    assert says in str(caught.value)
    assert (caught.value.line, caught.value.column) == (line, column)


@pytest.mark.parametrize(
    ("expect", "failures"),
    [
        ("{decision: APPROVE, score: 10, reasons: [ALWAYS], without: [KIOSK], policy: cards}", []),
        ("{score: {min: 10, max: 10}}", []),
        ("{score: {max: 9}}", ["score: expected 0 to 9, got 10"]),
        ("{decision: BLOCK, score: 80}", ["decision: expected BLOCK, got APPROVE", "score: expected 80, got 10"]),
        ("{reasons: [KIOSK]}", ["reasons: expected KIOSK, got ALWAYS"]),
        ("{reasons: [KIOSKS]}",
         ["reasons: expected KIOSKS, got ALWAYS; no policy here has the code KIOSKS; did you mean KIOSK?"]),
        ("{without: [ALWAYS]}", ["without: ALWAYS is there"]),
        ("{without: [KIOSKS]}",
         ["without: KIOSKS means nothing; no policy here has the code KIOSKS; did you mean KIOSK?"]),
        ("{policy: wallets}", ["policy: expected wallets, got cards"]),
    ],
)  # fmt: skip
def test_what_differs_from_the_expected_is_said(trials: Trials, expect: str, failures: list[str]) -> None:
    done = run(trials, HEAD + case(expect=expect))
    assert list(done.results[0].failures) == failures
    assert done.failed == bool(failures)


def test_every_case_has_an_empty_store_and_its_own_history(trials: Trials) -> None:
    twice = "    history: [{transaction_id: same, customer_id: c, amount: 1, merchant: m}]\n"
    other = "{transaction_id: same, customer_id: c, amount: 2, merchant: m}"
    done = run(trials, HEAD + case("a", more=twice) + case("b", more=twice) + case("c", tx=other, more=twice))
    assert [bool(result.failures) for result in done.results] == [False, False, True]
    assert "cannot be decided: same was already decided" in done.results[2].failures[0]
    assert done.results[2].document()["got"] is None


def test_messages_arrive_one_after_another(reference: Reference) -> None:
    text = small().replace("when: spending", "when: attempts_10m == 3")
    history = "    history: [{customer_id: c, amount: 1, merchant: m, after: 4 minutes, repeat: 2}]\n"
    near = case("near", tx="{customer_id: c, amount: 2, merchant: m, after: 5 minutes}", more=history)
    far = case(
        "far", tx="{customer_id: c, amount: 2, merchant: m, after: 7 minutes}", expect="{score: 0}", more=history
    )
    with Trials(PolicyBook.of(Policy.parse(text)), reference, load_settings()) as trials:
        assert [list(result.failures) for result in run(trials, HEAD + near + far).results] == [[], []]


NOW = datetime(2026, 3, 2, tzinfo=UTC)


def row(number: int, **fields: Any) -> dict[str, Any]:
    return {"transaction_id": f"T{number}", "customer_id": "c", "amount": 5, "merchant": "m"} | fields


@pytest.fixture
def changes(reference: Reference, trials: Trials) -> Iterator[Changes]:
    stricter = Policy.parse(small(weight=50, code="STRICT"))
    with Trials(PolicyBook.of(stricter), reference, load_settings()) as other:
        yield Changes(
            trials.begin(start=NOW, remember_max=0), other.begin(start=NOW, remember_max=0), NOW
        )  # fmt: skip


def test_two_policies_on_one_stream(changes: Changes) -> None:
    found = [changes.take(row(number)) for number in range(3)]
    refund = changes.take(row(3, transaction_type="refund", original_transaction_id="T1"))
    assert found[0] == {
        "transaction_id": "T0",
        "a": {"decision": "APPROVE", "score": 10, "policy": "cards"},
        "b": {"decision": "REVIEW", "score": 50, "policy": "cards"},
        "gained": ["STRICT"],
        "lost": ["ALWAYS"],
    }
    assert refund is None
    document = changes.document()
    assert document["outcomes"] == [
        {"a": "APPROVE", "b": "APPROVE", "count": 1}, {"a": "APPROVE", "b": "REVIEW", "count": 3},
    ]  # fmt: skip
    assert (document["decided"], document["changed"], document["scores_changed"]) == (4, 3, 3)
    assert document["reasons"] == {"ALWAYS": {"a": 3, "b": 0}, "STRICT": {"a": 0, "b": 3}}


def test_a_repeated_or_bad_row_changes_no_count(changes: Changes) -> None:
    changes.take(row(1))
    assert changes.take(row(1)) is None
    with pytest.raises(ConflictingTransaction):
        changes.take(row(1, amount=6))
    with pytest.raises(InvalidTransaction):
        changes.take(row(2, amount=-1))
    with pytest.raises(InvalidTransaction):
        changes.take(row(3, timestamp="2030-01-01T00:00:00Z"))
    assert (changes.decided, changes.repeated) == (1, 1)


def test_only_so_many_decisions_are_remembered(trials: Trials) -> None:
    trial = trials.begin(start=NOW, remember_max=2)
    txs = [Transaction.model_validate(row(number)) for number in range(4)]
    assert [trial.decide(tx).replayed for tx in txs] == [False] * 4
    assert [trial.decide(tx).replayed for tx in reversed(txs)] == [True, True, False, False]


def test_each_arrives_at_its_timestamp_and_never_before_another(trials: Trials) -> None:
    trial = trials.begin(start=NOW)
    day = timedelta(days=1)
    at = [NOW - 9 * day, None, NOW - 5 * day, NOW - 7 * day, None]
    decided = [
        trial.decide(Transaction.model_validate(row(n, **({"timestamp": when} if when else {}))))
        for n, when in enumerate(at)
    ]
    arrived = [answer.decision.decided_at for answer in decided]
    assert arrived == [NOW - 9 * day, NOW - 9 * day, NOW - 5 * day, NOW - 5 * day, NOW - 5 * day]
    assert {answer.decision.decision for answer in decided} == {Outcome.APPROVE}
