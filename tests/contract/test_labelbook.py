"""What every book of labels must do, in memory, on SQLite and on PostgreSQL: statements, corrections, and rates."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from fraudray.adapters.sql.store import SqlStore
from fraudray.domain.customer import CustomerProfile
from fraudray.domain.errors import FraudrayError, InvalidTransaction, StoreFailed
from fraudray.domain.features import WINDOWS
from fraudray.domain.label import Label, Labelled, LabelSource, StoredLabel
from fraudray.domain.transaction import Transaction
from fraudray.engine import Engine
from fraudray.features.shared import KeyHistories
from fraudray.features.state import microseconds
from fraudray.labelling import Labelling
from fraudray.policy.book import PolicyBook
from fraudray.ports.labels import LabelUnit
from fraudray.ports.ledger import Ledger
from fraudray.reference import load_reference
from fraudray.rules.shelf import ToolShelf
from fraudray.settings import load_settings
from fraudray.testing.clock import CountingIds, FixedClock
from fraudray.testing.memory_ledger import MemoryLabels, MemoryLedger
from tests.contract.conftest import database
from tests.contract.test_store import broken_inserts
from tests.policies import small

Make = Callable[..., dict[str, Any]]
Sql = Callable[..., list[Any]]
Broken = Callable[[], AbstractContextManager[None]]
PROFILE = CustomerProfile.model_validate({"customer_id": "C-12345"})
POLICY = small() + (
    '  - {id: rate, code: RATE, family: any, weight: 1, when: terminal_fraud_rate_7d > 0.5, text: "fraud"}\n'
    '  - {id: frauds, code: FRAUDS, family: any, weight: 1, when: merchant_fraud_count_30d > 99, text: "fraud"}\n'
)
ON_SQL = pytest.mark.parametrize("database_url", ["sqlite", "postgres"], indirect=True)


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str | None:
    """As of the other contract tests, and no database at all."""
    return None if request.param == "memory" else database(request, tmp_path)


@pytest.fixture
def ledger(request: pytest.FixtureRequest, database_url: str | None, clock: FixedClock) -> Ledger:
    if database_url is None:
        return MemoryLedger([PROFILE])
    store: SqlStore = request.getfixturevalue("store")
    store.customers.put([PROFILE], actor="test", at=clock.now())
    return store.ledger


@pytest.fixture
def make_engine(clock: FixedClock, tmp_path: Path) -> Callable[[Ledger], Engine]:
    """An engine whose policy asks for what labels change."""
    settings = load_settings()
    (tmp_path / "rates.yaml").write_text(POLICY)
    rules = ToolShelf(settings).rules(PolicyBook.load(tmp_path / "rates.yaml"))
    reference = load_reference(settings)
    return lambda ledger: Engine(rules, ledger, reference, clock=clock, ids=CountingIds())


@pytest.fixture
def engine(ledger: Ledger, make_engine: Callable[[Ledger], Engine]) -> Engine:
    return make_engine(ledger)


@pytest.fixture
def broken(request: pytest.FixtureRequest, database_url: str | None, ledger: Ledger) -> Broken:
    """While it lasts, no label can be written."""

    @contextmanager
    def on_memory() -> Iterator[None]:
        assert isinstance(ledger, MemoryLedger)
        ledger.labels.failing = True
        yield
        ledger.labels.failing = False

    @contextmanager
    def on_sql() -> Iterator[None]:
        sql: Sql = request.getfixturevalue("sql")
        store: SqlStore = request.getfixturevalue("store")
        breaking, mending = broken_inserts(store.engine.dialect.name, "labels")
        for statement in breaking:
            sql(statement)
        yield
        sql(mending)

    return on_memory if database_url is None else on_sql


def said(transaction_id: str, label: str = "fraud", **more: Any) -> dict[str, Any]:
    return {"transaction_id": transaction_id, "label": label} | more


def outcomes(answers: list[Labelled | FraudrayError]) -> list[str]:
    return [answer.outcome if isinstance(answer, Labelled) else type(answer).__name__ for answer in answers]


def kept(ledger: Ledger, transaction_id: str) -> list[tuple[int, str, bool]]:
    return [(one.revision, one.label.label, one.waiting) for one in ledger.labels.of(transaction_id)]


def decide(engine: Engine, plain: Make, *ids: str, **fields: Any) -> None:
    for transaction_id in ids:
        engine.decide(plain(transaction_id=transaction_id, terminal_id="ATM-1") | fields)


def windows(engine: Engine, clock: FixedClock, plain: Make) -> tuple[float, int]:
    """What a payment at the terminal would read once the feedback delay has passed: the rate there, and how many known
    frauds the merchant has."""
    begun, clock.moment = clock.moment, clock.moment + timedelta(days=7, hours=1)
    tx = Transaction.parse(plain(terminal_id="ATM-1", customer_id="C-other"), now=clock.now())
    items = engine.preview(tx).evidence.tools["transaction-risk"].items
    clock.moment = begun
    return items["terminal_windows"]["terminal_fraud_rate_7d"], items["merchant_windows"]["merchant_fraud_count_30d"]


def test_a_label_is_recorded_and_kept_as_it_was_said(
    engine: Engine, ledger: Ledger, clock: FixedClock, plain: Make
) -> None:
    decide(engine, plain, "A")
    known = clock.now() - timedelta(days=2, microseconds=1)
    label = said("A", source="chargeback", scenario="card testing", labelled_at=known.isoformat())
    (answer,) = engine.label([label], author="ana")
    assert isinstance(answer, Labelled)
    assert answer.outcome == "recorded"
    stored = ledger.labels.in_force("A")
    assert stored == ledger.labels.of("A")[0]
    assert stored is not None
    assert (stored.label.fraud, stored.label.source, stored.label.scenario) == (
        True, LabelSource.CHARGEBACK, "card testing",
    )  # fmt: skip
    assert (stored.labelled_at, stored.recorded_at) == (known, clock.now())
    assert (stored.author, stored.revision, stored.waiting) == ("ana", 1, False)
    assert ledger.labels.in_force("none") is None
    assert ledger.labels.of("none") == []


def test_the_same_again_is_unchanged_whenever_it_became_known(
    engine: Engine, ledger: Ledger, clock: FixedClock
) -> None:
    engine.label([said("A", source="issuer")])
    clock.advance(hours=1)
    again = engine.label([said("A", source="issuer"), said("A", source="issuer", labelled_at="2001-01-01T00:00:00Z")])
    assert outcomes(again) == ["unchanged", "unchanged"]
    assert kept(ledger, "A") == [(1, "fraud", True)]


def test_a_later_statement_corrects_and_an_older_one_does_not(
    engine: Engine, ledger: Ledger, clock: FixedClock, plain: Make
) -> None:
    decide(engine, plain, "A")
    engine.label([said("A", labelled_at="2026-02-02T00:00:00Z")])
    older = engine.label([said("A", "genuine", labelled_at="2026-02-01T23:59:59Z")])
    assert outcomes(older) == ["older"]
    assert isinstance(older[0], Labelled)
    assert older[0].stored.label.fraud
    assert kept(ledger, "A") == [(1, "fraud", False)]
    assert outcomes(engine.label([said("A", "genuine", labelled_at="2026-02-02T00:00:00Z")])) == ["corrected"]
    assert outcomes(engine.label([said("A", "genuine", source="customer")])) == ["corrected"]  # somebody else says so
    assert kept(ledger, "A") == [(3, "genuine", False), (2, "genuine", False), (1, "fraud", False)]


def test_a_bad_label_stops_no_other_and_names_its_fields(engine: Engine, ledger: Ledger) -> None:
    bad: list[Any] = [
        said("A", "maybe"), said("\0"), said("4111111111111111"), said("A", colour=1), said("A", source="rumour"),
        said("A", labelled_at="2999-01-01T00:00:00Z"), said("A", labelled_at="1999-01-01T00:00:00Z"), [], 7, None,
        said("A", scenario="x" * 65), said("\ud800"), {},
    ]  # fmt: skip
    answers = engine.label([*bad, said("B")])
    assert outcomes(answers) == ["InvalidTransaction"] * len(bad) + ["recorded"]
    assert ledger.labels.of("A") == []
    first = answers[0]
    assert isinstance(first, InvalidTransaction)
    assert [problem.field for problem in first.problems] == ["label"]
    assert engine.label([]) == []


def test_several_labels_of_one_transaction_in_one_call_follow_each_other(
    engine: Engine, ledger: Ledger, clock: FixedClock, plain: Make
) -> None:
    decide(engine, plain, "A", "B")
    answers = engine.label([said("A"), said("A"), said("A", "genuine"), said("B"), said("A"), said("C"), said("C")])
    assert outcomes(answers) == [
        "recorded", "unchanged", "corrected", "recorded", "corrected", "recorded", "unchanged",
    ]  # fmt: skip
    assert {
        one.stored.revision for one in answers if isinstance(one, Labelled) and one.stored.label.transaction_id == "A"
    } == {3}
    assert kept(ledger, "A") == [(3, "fraud", False), (2, "genuine", False), (1, "fraud", False)]
    assert kept(ledger, "C") == [(1, "fraud", True)]
    assert windows(engine, clock, plain) == (1.0, 2)


def test_known_fraud_is_counted_once_the_feedback_delay_has_passed(
    engine: Engine, clock: FixedClock, plain: Make
) -> None:
    decide(engine, plain, "A", "B", "C", "D")
    assert windows(engine, clock, plain) == (0.0, 0)
    engine.label([said("A"), said("B", "genuine")])
    engine.label([said("A"), said("C", source="issuer")])
    assert windows(engine, clock, plain) == (0.5, 2)
    tx = Transaction.parse(plain(terminal_id="ATM-1"), now=clock.now())
    assert engine.preview(tx).evidence.tools["transaction-risk"].items["terminal_windows"] == {
        "terminal_fraud_rate_7d": 0.0
    }


def test_a_rule_on_the_rate_speaks_of_what_labels_said(engine: Engine, clock: FixedClock, plain: Make) -> None:
    decide(engine, plain, "A", "B", "C")
    engine.label([said("A"), said("B")])
    clock.advance(days=7, hours=1)
    decision = engine.decide(plain(terminal_id="ATM-1"))
    assert "RATE" in {reason.code for reason in decision.reasons}


def test_a_correction_takes_the_fraud_back_out_of_the_rate(engine: Engine, clock: FixedClock, plain: Make) -> None:
    decide(engine, plain, "A", "B")
    engine.label([said("A"), said("B")])
    clock.advance(hours=2)
    engine.label([said("A", "genuine")])
    engine.label([said("B", source="customer")])  # still fraud: counted once
    assert windows(engine, clock, plain) == (0.5, 1)
    clock.advance(hours=2)
    engine.label([said("A")])
    assert windows(engine, clock, plain) == (1.0, 2)


def test_a_label_waits_until_its_transaction_is_decided_and_counts_then(
    engine: Engine, ledger: Ledger, clock: FixedClock, plain: Make
) -> None:
    engine.label([said("A"), said("B"), said("C", "genuine"), said("D", "genuine")])
    engine.label([said("B", "genuine"), said("D")])
    assert kept(ledger, "B") == [(2, "genuine", True), (1, "fraud", True)]
    assert windows(engine, clock, plain) == (0.0, 0)
    decide(engine, plain, "A", "B", "C", "D")
    assert windows(engine, clock, plain) == (0.5, 2)
    assert kept(ledger, "B") == [(2, "genuine", False), (1, "fraud", False)]
    engine.label([said("A", "genuine")])
    assert windows(engine, clock, plain) == (0.25, 1)
    decide(engine, plain, "E")
    assert windows(engine, clock, plain)[1] == 1


def test_a_label_of_a_refund_changes_no_rate(engine: Engine, ledger: Ledger, clock: FixedClock, plain: Make) -> None:
    decide(engine, plain, "A")
    engine.label([said("R-2")])
    decide(engine, plain, "R-1", "R-2", transaction_type="refund", original_transaction_id="A")
    assert outcomes(engine.label([said("R-1"), said("R-2", "genuine")])) == ["recorded", "corrected"]
    assert kept(ledger, "R-1") == [(1, "fraud", False)]
    assert kept(ledger, "R-2")[0] == (2, "genuine", False)
    assert windows(engine, clock, plain) == (0.0, 0)


def test_a_failed_write_leaves_neither_label_nor_count(
    engine: Engine, ledger: Ledger, clock: FixedClock, plain: Make, broken: Broken
) -> None:
    decide(engine, plain, "A", "B")
    engine.label([said("B"), said("W")])
    with broken():
        for wanted in ([said("A")], [said("later")], [said("B", "genuine"), said("W", "genuine")]):
            with pytest.raises(StoreFailed):
                engine.label(wanted)
            assert windows(engine, clock, plain) == (0.5, 1)
    assert kept(ledger, "A") == kept(ledger, "later") == []
    assert kept(ledger, "B") == [(1, "fraud", False)]
    decide(engine, plain, "later", "W")
    assert windows(engine, clock, plain) == (0.5, 2)
    assert outcomes(engine.label([said("A")])) == ["recorded"]
    assert windows(engine, clock, plain) == (0.75, 3)


def test_labels_and_decisions_at_once_count_each_fraud_once(
    engine: Engine, ledger: Ledger, clock: FixedClock, plain: Make
) -> None:
    ids = [f"T{number}" for number in range(40)]
    rows = [plain(transaction_id=name, terminal_id="ATM-1", customer_id=f"K-{name}") for name in ids]
    with ThreadPoolExecutor(4) as pool:
        decided = [pool.submit(engine.decide, row) for row in rows]
        labelled = [pool.submit(engine.label, [said(name)]) for name in reversed(ids)]
        assert [outcomes(job.result(60)) for job in labelled] == [["recorded"]] * len(ids)
        assert {job.result(60).transaction_id for job in decided} == set(ids)
    assert windows(engine, clock, plain) == (1.0, len(ids))
    assert [kept(ledger, name) for name in ids] == [[(1, "fraud", False)]] * len(ids)


@ON_SQL
def test_labels_rates_and_what_waits_survive_reopening(
    make_store: Callable[..., SqlStore], make_engine: Callable[[Ledger], Engine], clock: FixedClock, plain: Make
) -> None:
    store = make_store()
    engine = make_engine(store.ledger)
    decide(engine, plain, "A", "B")
    engine.label([said("A", source="chargeback"), said("W"), said("V")], author="ana")
    engine.label([said("V", "genuine")])
    before = [store.ledger.labels.of(name) for name in ("A", "W", "V")]
    store.close()

    again = make_store()
    engine = make_engine(again.ledger)
    assert [again.ledger.labels.of(name) for name in ("A", "W", "V")] == before
    assert windows(engine, clock, plain) == (0.5, 1)
    decide(engine, plain, "W", "V")
    assert windows(engine, clock, plain) == (0.5, 2)
    assert outcomes(engine.label([said("A", source="chargeback"), said("W", "genuine")])) == ["unchanged", "corrected"]
    assert windows(engine, clock, plain) == (0.25, 1)
    assert again.verify_audit().whole
    again.close()

    last = make_store()
    assert windows(make_engine(last.ledger), clock, plain) == (0.25, 1)
    assert [kept(last.ledger, name)[0][2] for name in ("W", "V")] == [False, False]
    entries = last.audit_entries(subject="A")
    assert [(entry.kind, entry.actor) for entry in entries if entry.kind == "labelled"] == [("labelled", "ana")]


@ON_SQL
def test_a_label_that_is_written_with_its_decision_waits_no_longer(
    store: SqlStore, engine: Engine, clock: FixedClock, plain: Make
) -> None:
    begun, gate = threading.Event(), threading.Event()

    def hold(_: Connection) -> None:
        begun.set()
        gate.wait(30)

    label = StoredLabel(Label(transaction_id="A", label="fraud"), 1, clock.now(), clock.now(), "ana", waiting=True)
    held = store._writer.submit(hold)
    assert begun.wait(30)
    written = store.ledger.labels.keep([LabelUnit(label, ())])
    decided = engine.submit(plain(transaction_id="A", terminal_id="ATM-1"))  # in one database transaction
    gate.set()
    for job in (held, written, decided):
        job.result(30)
    assert kept(store.ledger, "A") == [(1, "fraud", False)]
    assert windows(engine, clock, plain) == (1.0, 1)


def test_a_transaction_that_is_decided_while_its_label_comes_is_not_waited_for(clock: FixedClock, plain: Make) -> None:
    tx = Transaction.parse(plain(transaction_id="A", terminal_id="ATM-1"), now=clock.now())
    looks = iter([None, (tx, clock.now())])
    histories = KeyHistories()
    book = MemoryLabels(histories)
    labelling = Labelling(book, lambda _: next(looks), clock, threading.RLock())
    (answer,) = labelling.take([said("A")])
    assert isinstance(answer, Labelled)
    assert not answer.stored.waiting
    found = histories.windows(
        "terminal",
        "ATM-1",
        [WINDOWS["terminal_fraud_count_7d"]],
        microseconds(clock.now()),
        microseconds(clock.now()),
        0,
    )
    assert found == {"terminal_fraud_count_7d": 1}


@ON_SQL
def test_a_closed_store_takes_no_label_and_waits_for_none(store: SqlStore, engine: Engine) -> None:
    store.close()
    with pytest.raises(StoreFailed, match="closed"):
        engine.label([said("A")])
    assert store.ledger.labels.settle("A") is None


@ON_SQL
def test_a_transaction_of_an_erased_customer_still_takes_a_label(
    store: SqlStore, engine: Engine, clock: FixedClock, plain: Make
) -> None:
    decide(engine, plain, "A", "B")
    engine.label([said("B")])
    store.customers.erase("C-12345", reason="asked", actor="ana", at=clock.now())
    assert outcomes(engine.label([said("A"), said("B", source="issuer")])) == ["recorded", "corrected"]
    assert kept(store.ledger, "A") == [(1, "fraud", False)]
    assert windows(engine, clock, plain)[0] == 0.5  # its keys are not known any more
    assert store.verify_audit().whole


@ON_SQL
def test_an_author_that_the_trail_cannot_name_is_refused_and_nothing_is_kept(store: SqlStore, engine: Engine) -> None:
    for author in ("", "a" * 129, "nul\0"):
        with pytest.raises(InvalidTransaction, match="author"):
            engine.label([said("A")], author=author)
    assert store.ledger.labels.of("A") == []
    assert store.ledger.labels.settle("A") is None


@ON_SQL
def test_labels_that_hold_are_found_by_source_label_and_waiting_newest_first(
    store: SqlStore, engine: Engine, clock: FixedClock, plain: Make
) -> None:
    decide(engine, plain, "A", "B")
    for label in (
        said("A", source="chargeback"), said("B", source="issuer"), said("C", "genuine", source="chargeback"),
        said("B", "genuine", source="issuer"),
    ):  # fmt: skip
        engine.label([label])
        clock.advance(minutes=1)

    def found(**wanted: Any) -> list[str]:
        return [one.label.transaction_id for one in store.ledger.labels.search(**wanted)]

    assert found() == ["B", "C", "A"]
    assert found(limit=1, offset=1) == ["C"]
    assert found(label="fraud") == ["A"]
    assert found(label="genuine") == ["B", "C"]
    assert found(source=LabelSource.CHARGEBACK) == ["C", "A"]
    assert found(source=LabelSource.CUSTOMER) == []
    assert found(waiting=True) == ["C"]
    assert found(waiting=False, source=LabelSource.ISSUER) == ["B"]
