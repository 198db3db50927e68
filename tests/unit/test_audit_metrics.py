"""What a scrape says of the audit trail: never more than somebody looked at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import delete, update

from fraudray.adapters.sql import schema as t
from fraudray.bootstrap import App
from fraudray.deployments.audit_metrics import AuditCollector
from fraudray.testing.clock import FixedClock

Make = Callable[..., dict[str, Any]]
ENTRIES, LAST = "fraudray_audit_entries_total", "fraudray_audit_last_entry_age_seconds"
UNSEALED = "fraudray_audit_unsealed_age_seconds"
WHOLE, VERIFIED = "fraudray_audit_whole", "fraudray_audit_verified_age_seconds"


@pytest.fixture(params=["sqlite", "postgresql"])
def app(request: pytest.FixtureRequest, make_app: Callable[..., App]) -> App:
    """On either database."""
    if request.param == "postgresql":
        return make_app(database_url=request.getfixturevalue("postgres_url"))
    return make_app()


@pytest.fixture
def audit(app: App, clock: FixedClock) -> AuditCollector:
    return AuditCollector(app.store.engine, clock)


def found(audit: AuditCollector) -> dict[str, float]:
    return {sample.name: sample.value for family in audit.collect() for sample in family.samples}


def test_entries_are_those_that_a_verification_counts_and_the_newest_has_its_age(
    app: App, audit: AuditCollector, clock: FixedClock, plain: Make
) -> None:
    counted = []
    for _ in range(2):
        clock.advance(minutes=1)
        app.engine.decide(plain())
        clock.advance(seconds=20)
        entries = app.store.verify_audit().entries
        assert (found(audit)[ENTRIES], found(audit)[LAST]) == (entries, 20)
        counted.append(entries)
    assert counted[1] > counted[0] > 0


def test_what_no_seal_signs_has_the_age_of_its_oldest(
    app: App, audit: AuditCollector, clock: FixedClock, plain: Make
) -> None:
    app.engine.decide(plain())
    app.store.verify_audit()  # which seals
    clock.advance(seconds=30)
    app.engine.decide(plain())
    app.store.verify_audit()
    clock.advance(seconds=5)
    assert found(audit)[UNSEALED] == 0
    with app.store.engine.begin() as connection:
        newest = app.store.verify_audit().seals
        connection.execute(delete(t.seals).where(t.seals.c.number == newest))
    assert found(audit)[UNSEALED] == 5
    with app.store.engine.begin() as connection:
        connection.execute(delete(t.seals))
    assert found(audit)[UNSEALED] == 35


def test_whether_it_is_whole_is_said_by_a_verification_alone(
    app: App, audit: AuditCollector, clock: FixedClock, plain: Make
) -> None:
    app.engine.decide(plain())
    assert not {WHOLE, VERIFIED} & found(audit).keys()
    audit.verified(whole=app.store.verify_audit().whole)
    with app.store.engine.begin() as connection:
        connection.execute(update(t.audit).values(actor="somebody else"))
    clock.advance(seconds=40)
    assert (found(audit)[WHOLE], found(audit)[VERIFIED]) == (1, 40)
    audit.verified(whole=app.store.verify_audit().whole)
    assert (found(audit)[WHOLE], found(audit)[VERIFIED]) == (0, 0)


def test_a_store_that_does_not_answer_leaves_only_what_was_verified(
    app: App, audit: AuditCollector, plain: Make
) -> None:
    app.engine.decide(plain())
    audit.verified(whole=app.store.verify_audit().whole)
    with app.store.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE audit RENAME TO away")
    assert found(audit) == {WHOLE: 1, VERIFIED: 0}
    with app.store.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE away RENAME TO audit")
    assert found(audit)[ENTRIES] > 0
