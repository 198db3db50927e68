"""The store: one owner, a writer that survives bad jobs, an outbox that loses nothing, data encrypted at rest."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text

from fraudray.adapters.sql import schema as t
from fraudray.adapters.sql.database import HEAD, connect
from fraudray.adapters.sql.outbox import ATTEMPTS_MAX
from fraudray.adapters.sql.store import SqlStore
from fraudray.adapters.vault import Vault
from fraudray.bootstrap import App
from fraudray.domain.errors import NotFound, Refused, SettingsError, StoreFailed, StoreInUse
from fraudray.testing.clock import FixedClock

Make = Callable[..., dict[str, Any]]


def test_a_data_folder_has_one_owner(tmp_path: Path) -> None:
    first = SqlStore(tmp_path)
    with pytest.raises(StoreInUse):
        SqlStore(tmp_path)
    first.close()
    SqlStore(tmp_path).close()


def test_a_file_is_no_data_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="file"):
        SqlStore(tmp_path / "file" / "data")


def test_a_file_that_is_no_database_is_said(tmp_path: Path) -> None:
    (tmp_path / "fraudray.sqlite").write_bytes(b"not a database, just some text " * 40)
    with pytest.raises(StoreFailed):
        SqlStore(tmp_path)
    (tmp_path / "fraudray.sqlite").unlink()
    SqlStore(tmp_path).close()


def test_a_newer_database_is_refused(tmp_path: Path) -> None:
    SqlStore(tmp_path).close()
    with sqlite3.connect(tmp_path / "fraudray.sqlite") as raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreFailed, match="another version"):
        SqlStore(tmp_path)


def test_the_migrations_make_the_schema_that_the_code_uses(tmp_path: Path) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    SqlStore(tmp_path).close()
    engine = connect(f"sqlite:///{tmp_path / 'fraudray.sqlite'}", fsync="full")
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), t.metadata) == []
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == HEAD
    engine.dispose()


def test_personal_data_is_not_readable_on_disk(app: App, samples: list[dict[str, Any]], tmp_path: Path) -> None:
    for sample in samples:
        app.engine.decide(sample)
    app.worker.drain()
    app.close()
    stored = b"".join(p.read_bytes() for p in (tmp_path / "data").glob("fraudray.sqlite*"))
    for secret in ("jordan.avery", "Jordan Avery", "555 0142", "192.168.1.100", "dev-abc123", "185.220.101.5"):
        assert secret.encode() not in stored
    assert b"Best Buy" in stored  # merchants stay searchable


def test_the_key_file_is_private(app: App, tmp_path: Path) -> None:
    assert (tmp_path / "data" / "master.key").stat().st_mode & 0o777 == 0o600


def test_a_payload_cannot_be_moved_to_another_customer() -> None:
    vault = Vault(bytes(32))
    wrapped, box = vault.new_customer_key("A")
    sealed = box.seal(b"secret", "A")
    assert vault.customer_box(wrapped, "A").open(sealed, "A") == b"secret"
    with pytest.raises(ValueError, match="decrypted"):
        box.open(sealed, "B")
    with pytest.raises(ValueError, match="decrypted"):
        vault.customer_box(wrapped, "B")


def test_one_bad_write_harms_no_other(tmp_path: Path) -> None:
    store = SqlStore(tmp_path)
    gate = threading.Event()

    def wait(_: Connection) -> None:
        gate.wait(5)

    def fail(_: Connection) -> None:
        raise RuntimeError("bad job")

    first = store._writer.submit(wait)
    jobs = [store._writer.submit(lambda c, n=n: c.execute(text(f"SELECT {n}")).scalar()) for n in range(3)]
    bad = store._writer.submit(fail)
    gate.set()
    assert [job.result(5) for job in jobs] == [0, 1, 2]
    assert first.result(5) is None
    with pytest.raises(StoreFailed):
        bad.result(5)
    store.close()


def test_a_failed_write_decides_nothing(app: App, plain: Make) -> None:
    app.engine.decide(plain())
    with app.store.engine.begin() as connection:
        connection.execute(
            text("CREATE TRIGGER broken BEFORE INSERT ON decisions BEGIN SELECT RAISE(ABORT, 'disk'); END")
        )
    row = plain()
    with pytest.raises(StoreFailed):
        app.engine.decide(row)
    with app.store.engine.begin() as connection:
        connection.execute(text("DROP TRIGGER broken"))
    decision = app.engine.decide(row)
    assert decision.evidence["transaction-risk"].items["velocity"]["attempts_10m"] == 2
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
