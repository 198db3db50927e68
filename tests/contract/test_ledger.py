"""What every ledger must do, in memory, on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from fraudray.adapters.sql.store import SqlStore
from fraudray.domain.customer import CustomerProfile
from fraudray.domain.decision import Outcome
from fraudray.domain.errors import ConflictingTransaction
from fraudray.engine import Engine
from fraudray.features.state import microseconds
from fraudray.policy.book import PolicyBook
from fraudray.ports.ledger import SIGHTED_MAX, Ledger
from fraudray.reference import load_reference
from fraudray.rules.shelf import ToolShelf
from fraudray.settings import load_settings
from fraudray.testing.clock import CountingIds, FixedClock
from fraudray.testing.memory_ledger import MemoryLedger
from tests.contract.conftest import database

Make = Callable[..., dict[str, Any]]
PROFILES = [
    CustomerProfile.model_validate({"customer_id": c, "devices": [{"device_id": d}]})
    for c, d in (("C-12345", "dev-abc123"), ("C-2", "dev-2"))
]


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str | None:
    """As of the other contract tests, and no database at all."""
    return None if request.param == "memory" else database(request, tmp_path)


@pytest.fixture
def ledger(request: pytest.FixtureRequest, database_url: str | None, clock: FixedClock) -> Ledger:
    if database_url is None:
        return MemoryLedger(PROFILES)
    store: SqlStore = request.getfixturevalue("store")
    store.customers.put(PROFILES, actor="test", at=clock.now())
    return store.ledger


@pytest.fixture
def engine(ledger: Ledger, clock: FixedClock) -> Engine:
    settings = load_settings()
    rules = ToolShelf(settings).rules(PolicyBook.load())
    return Engine(rules, ledger, load_reference(settings), clock=clock, ids=CountingIds())


def test_a_new_customer_is_an_empty_record(ledger: Ledger) -> None:
    record = ledger.customer("nobody")
    assert record.profile is None
    assert record.freeze is None
    assert record.state.attempts == []


def test_the_record_is_one_object_until_forgotten(ledger: Ledger) -> None:
    assert ledger.customer("C-2") is ledger.customer("C-2")
    before = ledger.customer("C-2")
    ledger.forget("C-2")
    assert ledger.customer("C-2") is not before
    assert ledger.customer("C-2").profile == PROFILES[1]


def test_devices_know_their_owners(ledger: Ledger) -> None:
    assert ledger.owners_of_device("dev-2") == {"C-2"}
    assert ledger.owners_of_device("dev-none") == frozenset()


def test_case_ids_are_never_given_twice(ledger: Ledger) -> None:
    given = [ledger.next_case_id(2026) for _ in range(3)]
    assert given == ["FRD-2026-0001", "FRD-2026-0002", "FRD-2026-0003"]
    assert ledger.next_case_id(2027) == "FRD-2027-0001"


def test_a_committed_decision_is_found_again(ledger: Ledger, engine: Engine, plain: Make) -> None:
    row = plain()
    assert ledger.find(row["transaction_id"]) is None
    decision = engine.decide(row)
    stored = ledger.find(row["transaction_id"])
    assert stored is not None
    assert stored.decision.decision_id == decision.decision_id
    assert stored.decision.reasons == decision.reasons


def test_the_engine_replays_and_conflicts_on_every_ledger(engine: Engine, plain: Make) -> None:
    row = plain()
    first = engine.decide(row)
    assert engine.decide(row).decision_id == first.decision_id
    with pytest.raises(ConflictingTransaction):
        engine.decide(row | {"amount": 1})


def test_a_block_freezes_on_every_ledger(engine: Engine, samples: list[dict[str, Any]], plain: Make) -> None:
    assert engine.decide(samples[1]).decision is Outcome.BLOCK
    assert engine.decide(plain()).reasons[0].code == "ACCOUNT_FROZEN"


def test_a_device_knows_the_customers_it_was_seen_with(ledger: Ledger, engine: Engine, plain: Make) -> None:
    assert ledger.customers_of_device("dev-shared", 0) == frozenset()
    for customer in ("C-1", "C-2", "C-2"):
        engine.decide(plain(customer_id=customer, device_id="dev-shared"))
    engine.decide(plain(customer_id="C-3", device_id=None, device_fingerprint="dev-shared"))

    assert ledger.customers_of_device("dev-shared", 0) == {"C-1", "C-2", "C-3"}
    assert ledger.customers_of_device("dev-other", 0) == frozenset()


def test_a_blocked_attempt_counts_as_seen(ledger: Ledger, engine: Engine, samples: list[dict[str, Any]]) -> None:
    assert engine.decide(samples[1]).decision is Outcome.BLOCK
    assert ledger.customers_of_device("dev-unknown", 0) == {"C-12345"}


def test_who_was_last_seen_long_ago_does_not_count(
    ledger: Ledger, engine: Engine, clock: FixedClock, plain: Make
) -> None:
    engine.decide(plain(customer_id="C-1", device_id="dev-shared"))
    clock.advance(days=31)
    engine.decide(plain(customer_id="C-2", device_id="dev-shared"))

    since_us = microseconds(clock.now() - timedelta(days=30))
    assert ledger.customers_of_device("dev-shared", since_us) == {"C-2"}
    # A message about an earlier time neither adds to nor takes from what was seen since.
    engine.decide(
        plain(customer_id="C-2", device_id="dev-shared", timestamp=(clock.now() - timedelta(days=3)).isoformat())
    )
    assert ledger.customers_of_device("dev-shared", microseconds(clock.now())) == {"C-2"}
    assert ledger.customers_of_device("dev-shared", 0) == {"C-1", "C-2"}


def test_of_very_many_customers_those_seen_last_count(
    ledger: Ledger, engine: Engine, clock: FixedClock, plain: Make
) -> None:
    for number in range(SIGHTED_MAX + 2):
        clock.advance(seconds=1)
        engine.decide(plain(customer_id=f"K-{number}", device_id="kiosk"))

    seen = ledger.customers_of_device("kiosk", 0)
    assert len(seen) == SIGHTED_MAX
    assert {"K-0", "K-1"}.isdisjoint(seen)
