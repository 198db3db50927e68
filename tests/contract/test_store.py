"""What every store must do: one owner, a writer that survives bad jobs, an outbox that loses nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text

from fraudray.adapters.sql import schema as t
from fraudray.adapters.sql.database import HEAD
from fraudray.adapters.sql.outbox import ATTEMPTS_MAX
from fraudray.adapters.sql.store import SqlStore
from fraudray.bootstrap import App
from fraudray.domain.case_query import CaseQuery
from fraudray.domain.errors import (
    InvalidTransaction,
    NotFound,
    Refused,
    SettingsError,
    StoreFailed,
    StoreInUse,
)
from fraudray.service import LocalService
from fraudray.testing.clock import FixedClock

Make = Callable[..., dict[str, Any]]
Sql = Callable[..., list[Any]]


def test_a_database_has_one_owner_whatever_the_data_folder(make_store: Callable[..., SqlStore]) -> None:
    first = make_store()
    for folder in ("store", "another"):
        with pytest.raises(StoreInUse, match=r"process \d+"):
            make_store(folder)
    first.close()
    make_store().close()
    make_store("another")


def test_a_newer_database_is_refused(make_store: Callable[..., SqlStore], sql: Sql) -> None:
    make_store().close()
    sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreFailed, match="another version"):
        make_store()
    sql("UPDATE alembic_version SET version_num = :head", head=HEAD)
    make_store()


def test_the_migrations_make_the_schema_that_the_code_uses(store: SqlStore) -> None:
    with store.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), t.metadata) == []
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == HEAD


def test_another_master_key_is_refused(make_store: Callable[..., SqlStore], app: App, tmp_path: Path) -> None:
    app.close()  # the sample customers are registered
    with pytest.raises(SettingsError, match=r"another.master\.key is not the master key"):
        make_store("another")
    (tmp_path / "another" / "master.key").write_bytes((tmp_path / "data" / "master.key").read_bytes())
    assert make_store("another").customers.count() == 3


def test_personal_data_is_not_readable_at_rest(app: App, samples: list[dict[str, Any]], sql: Sql) -> None:
    for sample in samples:
        app.engine.decide(sample)
    app.worker.drain()
    app.close()
    stored = b"\n".join(
        value if isinstance(value, bytes) else str(value).encode()
        for table in t.metadata.tables
        for row in sql(f"SELECT * FROM {table}")  # noqa: S608
        for value in row
    )
    for secret in ("jordan.avery", "Jordan Avery", "555 0142", "192.168.1.100", "dev-abc123", "185.220.101.5"):
        assert secret.encode() not in stored
    assert b"Best Buy" in stored  # merchants stay searchable


def test_one_bad_write_harms_no_other(store: SqlStore) -> None:
    gate = threading.Event()

    def wait(_: Connection) -> None:
        gate.wait(5)

    def fail(_: Connection) -> None:
        raise RuntimeError("bad job")

    def refused(connection: Connection) -> None:
        connection.execute(text("SELECT * FROM there_is_no_such_table"))

    first = store._writer.submit(wait)
    jobs = [store._writer.submit(lambda c, n=n: c.execute(text(f"SELECT {n}")).scalar()) for n in range(3)]
    bad = [store._writer.submit(fail), store._writer.submit(refused)]
    last = store._writer.submit(lambda c: c.execute(text("SELECT 9")).scalar())
    gate.set()
    assert [job.result(5) for job in [*jobs, last]] == [0, 1, 2, 9]
    assert first.result(5) is None
    for job in bad:
        with pytest.raises(StoreFailed):
            job.result(5)


def broken_inserts(dialect: str, table: str = "decisions") -> tuple[list[str], str]:
    """What makes every insert of a table fail, and what mends it."""
    if dialect == "sqlite":
        return (
            [f"CREATE TRIGGER broken BEFORE INSERT ON {table} BEGIN SELECT RAISE(ABORT, 'disk'); END"],
            "DROP TRIGGER broken",
        )
    body = "$$ BEGIN RAISE EXCEPTION 'disk'; END $$"
    return (
        [
            f"CREATE OR REPLACE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS {body}",
            f"CREATE TRIGGER broken BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION broken()",
        ],
        f"DROP TRIGGER broken ON {table}",
    )


def test_a_failed_write_decides_nothing(app: App, plain: Make, sql: Sql) -> None:
    app.engine.decide(plain())
    breaking, mending = broken_inserts(app.store.engine.dialect.name)
    for statement in breaking:
        sql(statement)
    row = plain()
    with pytest.raises(StoreFailed):
        app.engine.decide(row)
    sql(mending)
    decision = app.engine.decide(row)
    assert decision.evidence["transaction-risk"].items["velocity"]["attempts_10m"] == 2
    assert app.store.verify_audit().whole


def test_ids_of_a_restarted_store_are_seen(make_app: Callable[..., App], plain: Make) -> None:
    row = plain()
    first = make_app()
    decided = first.engine.decide(row)
    first.close()
    again = make_app()
    again.store.ledger._seen._thread.join()
    assert again.engine.decide(row).decision_id == decided.decision_id
    assert again.store.ledger._seen.never("never sent")


def test_customers_are_listed_by_code_point(app: App) -> None:
    ids = ["b", "B", "a", "_", "Ä", "1"]
    profiles = [app.store.customers.get("C-12345").model_copy(update={"customer_id": one}) for one in ids]
    app.store.customers.put(profiles, actor="test", at=app.clock.now())
    assert [one for one in app.store.customers.list() if one in ids] == sorted(ids)


@pytest.mark.parametrize("asked", ["best buy", "BEST BUY", "c-12345", "frd-2026", "IMPOSSIBLE_travel", "x%"])
def test_cases_are_found_whatever_the_case_of_letters(app: App, samples: list[dict[str, Any]], asked: str) -> None:
    blocked = app.engine.decide(samples[1] | {"merchant": "Best Buy 50% off"})
    assert blocked.case_id is not None
    found = [case.case_id for case in app.store.cases.search(CaseQuery(q=asked), now=app.clock.now())]
    assert found == ([] if asked == "x%" else [blocked.case_id])


@pytest.mark.parametrize("end", ["\0", "\ud800"])
def test_an_id_that_nothing_can_have_is_refused_or_not_found(app: App, end: str) -> None:
    for ask in (app.store.cases.case, app.store.cases.decision, app.store.customers.get, app.store.reports.get):
        with pytest.raises((InvalidTransaction, NotFound)):
            ask("C-12345" + end)


@pytest.mark.parametrize("end", ["\0", "\ud800"])
def test_a_change_of_what_nothing_can_be_called_is_refused_or_not_found_and_not_logged(
    app: App, end: str, caplog: pytest.LogCaptureFixture
) -> None:
    service = LocalService(app)
    for change in (
        lambda key: service.keys.revoke(key, author="ana"),
        lambda key: service.webhooks.rotate(key, author="ana"),
        lambda key: service.webhooks.remove(key, author="ana"),
        lambda key: service.webhooks.test(key, author="ana"),
        lambda key: service.webhooks.disable(key, reason="x", author="ana"),
        lambda key: service.lists.remove(key, reason="x", author="ana"),
        lambda key: service.note(key, text="x", author="ana"),
        lambda key: service.close_case(key, disposition="genuine", reason="x", author="ana"),
        lambda key: service.unfreeze(key, reason="x", author="ana"),
        lambda key: service.hold(key, reason="x", author="ana"),
        lambda key: service.erase(key, reason="x", author="ana"),
        lambda key: service.retry(key, author="ana"),
        lambda key: service.reports.make(key, author="ana"),
        lambda key: service.step_up(key, result="passed", author="ana"),
    ):
        with pytest.raises((InvalidTransaction, NotFound)):
            change("C-12345" + end)
    assert not caplog.records


def test_the_longest_reasons_and_authors_fit_and_longer_ones_are_refused_by_name(
    app: App, samples: list[dict[str, Any]]
) -> None:
    blocked = app.engine.decide(samples[1])
    assert blocked.case_id is not None
    author, reason = "ä" * 128, "ß" * 4000
    app.desk.note(blocked.case_id, text=reason, author=author)
    app.desk.unfreeze("C-12345", reason=reason, actor=author)
    app.store.customers.hold("C-12345", reason=reason, actor=author, at=app.clock.now())
    app.case_desk.close(blocked.case_id, disposition=reason, reason=reason, author=author)
    for wrong in ("a" * 129, "", "nul\0"):
        with pytest.raises(InvalidTransaction, match="author"):
            app.desk.note(blocked.case_id, text="x", author=wrong)
    with pytest.raises(InvalidTransaction, match="alert_type"):
        app.desk.request_alert(
            transaction_id=blocked.transaction_id, alert_type="x" * 101, details="", recipients=None, author="a"
        )
    with pytest.raises(InvalidTransaction, match="case_id"):
        app.desk.log_case(
            case_id="x" * 65, transaction_id=blocked.transaction_id, notes="x", claimed_decision="", evidence=None,
            author="a",
        )  # fmt: skip
    assert app.store.verify_audit().whole


def test_what_another_system_answers_is_stored_whatever_it_is(
    app: App, clock: FixedClock, samples: list[dict[str, Any]]
) -> None:
    app.engine.decide(samples[1])
    row, *_ = app.store.outbox.lease(clock.now())
    app.store.outbox.fail(row, clock.now(), reason="nul \0 half \ud800 " + "x" * 5000, permanent=True)
    outcome = app.store.outbox.get(row.entry.entry_id).outcome
    assert outcome is not None
    assert outcome.startswith("nul \ufffd half ?")


def test_an_erased_customer_cannot_be_read_again(app: App, samples: list[dict[str, Any]]) -> None:
    blocked = app.engine.decide(samples[1])
    app.store.customers.hold("C-12345", reason="court", actor="ana", at=app.clock.now())
    with pytest.raises(Refused, match="court"):
        app.store.customers.erase("C-12345", reason="asked", actor="ana", at=app.clock.now())
    app.store.customers.hold("C-12345", reason=None, actor="ana", at=app.clock.now())
    app.store.customers.erase("C-12345", reason="asked", actor="ana", at=app.clock.now())
    with pytest.raises(NotFound):
        app.store.customers.get("C-12345")
    assert blocked.case_id is not None
    assert app.store.cases.case(blocked.case_id).erased
    assert app.store.verify_audit().whole


class TestOutbox:
    """Entries leave at least once, in order, and end done or dead."""

    def test_an_unfinished_entry_is_taken_again_after_its_lease(
        self, app: App, clock: FixedClock, samples: list[dict[str, Any]]
    ) -> None:
        app.engine.decide(samples[1])
        taken = app.store.outbox.lease(clock.now())
        assert [row.entry.kind for row in taken] == ["email_alert", "customer_sms", "report"]
        assert app.store.outbox.lease(clock.now()) == []
        clock.advance(seconds=61)
        again = app.store.outbox.lease(clock.now())
        assert [row.entry.idempotency_key for row in again] == [row.entry.idempotency_key for row in taken]
        assert again[0].attempts == 2

    def test_failures_pause_longer_and_end_dead_and_can_be_retried(
        self, make_app: Callable[..., App], clock: FixedClock, samples: list[dict[str, Any]]
    ) -> None:
        app = make_app(smtp_host="127.0.0.1", smtp_port=1)
        app.engine.decide(samples[1])
        pauses = []
        for _ in range(ATTEMPTS_MAX):
            app.worker.drain()
            row = next(row for row in app.store.outbox.list() if row.entry.kind == "email_alert")
            pauses.append((row.due_at - clock.now()).total_seconds())
            clock.moment = max(clock.now(), row.due_at)
        assert pauses[:4] == [2, 4, 8, 16]
        assert row.status == "dead"
        assert app.store.outbox.depth()["dead"][0] == 1
        decision = app.store.cases.decision(samples[1]["transaction_id"])
        assert {a.kind: a.status for a in decision.actions}["email_alert"] == "failed"
        app.store.outbox.retry(row.entry.entry_id, clock.now(), actor="ana")
        assert app.store.outbox.get(row.entry.entry_id).status == "pending"
        with pytest.raises(Refused):
            app.store.outbox.retry(row.entry.entry_id, clock.now(), actor="ana")
        with pytest.raises(NotFound):
            app.store.outbox.retry("none", clock.now(), actor="ana")

    def test_mail_outside_the_allowed_domains_is_dead_at_once(
        self, make_app: Callable[..., App], samples: list[dict[str, Any]]
    ) -> None:
        app = make_app(alert_recipients="someone@elsewhere.org")
        app.engine.decide(samples[1])
        app.worker.drain()
        row = next(row for row in app.store.outbox.list() if row.entry.kind == "email_alert")
        assert (row.status, row.attempts) == ("dead", 1)
        assert "elsewhere.org" in str(row.outcome)

    def test_an_unknown_customer_gets_no_sms_and_it_is_said(self, app: App, samples: list[dict[str, Any]]) -> None:
        app.engine.decide(samples[1] | {"customer_id": "C-nobody"})
        app.worker.drain()
        row = next(row for row in app.store.outbox.list() if row.entry.kind == "customer_sms")
        assert row.status == "dead"

    def test_what_waits_survives_a_restart(
        self, make_app: Callable[..., App], clock: FixedClock, samples: list[dict[str, Any]]
    ) -> None:
        app = make_app()
        app.engine.decide(samples[1])
        app.close()
        reopened = make_app()
        assert reopened.worker.drain() == 3
        assert len(list(reopened.settings.mail_dir.glob("*.eml"))) == 1
