"""PostgreSQL as it fails: restarted, crashed, cut off in the middle of a commit, taken over, misaddressed."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from fraudray.bootstrap import App
from fraudray.domain.case_query import CaseQuery
from fraudray.domain.decision import Decision, Outcome
from fraudray.domain.errors import StoreFailed, StoreInUse
from fraudray.settings import load_settings
from tests.engines.postgres import GUARDED, Postgres
from tests.engines.proxy import Proxy, proxy_to

Make = Callable[..., dict[str, Any]]
OWNER = (
    "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND database = "
    "(SELECT oid FROM pg_database WHERE datname = current_database())"
)


@pytest.fixture
def app(make_app: Callable[..., App], postgres_url: str) -> App:
    return make_app(database_url=postgres_url)


@pytest.fixture
def proxy(postgres: Postgres) -> Iterator[Proxy]:
    with proxy_to(postgres.port) as proxy:
        yield proxy


@pytest.fixture
def proxied(make_app: Callable[..., App], postgres: Postgres, postgres_url: str, proxy: Proxy) -> App:
    """An App whose way to the server leads through the proxy."""
    return make_app(database_url=postgres_url.replace(f":{postgres.port}/", f":{proxy.port}/"))


def database_of(url: str) -> str:
    return url.rsplit("/", 1)[1]


def test_a_whole_life_on_postgresql(
    make_app: Callable[..., App], app: App, postgres_url: str, samples: list[dict[str, Any]]
) -> None:
    low, high, medium = (app.engine.decide(sample) for sample in samples)
    assert [d.decision for d in (low, high, medium)] == [Outcome.APPROVE, Outcome.BLOCK, Outcome.REVIEW]
    assert app.worker.drain() == 3
    assert high.case_id is not None
    app.desk.unfreeze("C-12345", reason="it was her", actor="ana")
    app.case_desk.close(high.case_id, disposition="genuine", reason="confirmed", author="ana")
    app.close()

    again = make_app(database_url=postgres_url)
    assert again.engine.decide(samples[1]).decision_id == high.decision_id
    assert {action.status for action in again.store.cases.decision(high.transaction_id).actions} == {"done"}
    assert [case.status for case in again.store.cases.search(CaseQuery(), now=again.clock.now())] == ["open", "closed"]
    assert again.store.reports.get(high.case_id)["summary"]["score"] == 95
    assert again.store.verify_audit().whole


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["restarted", "crashed"])
def test_a_server_that_goes_away_costs_only_what_was_sent_meanwhile(
    app: App, postgres: Postgres, plain: Make, how: signal.Signals
) -> None:
    before = app.engine.decide(plain())
    postgres.stop(how)
    try:
        row = plain()
        with pytest.raises(StoreFailed, match=r"^the database did not take the write: [^\n\t]+$"):
            app.engine.decide(row)
        with pytest.raises(StoreFailed):
            app.store.ping()
        with pytest.raises(StoreFailed):
            app.store.cases.search(CaseQuery(), now=app.clock.now())
    finally:
        postgres.start()
    app.store.ping()
    assert app.engine.decide(row).evidence["transaction-risk"].items["velocity"]["attempts_10m"] == 2
    assert app.engine.decide(plain(customer_id="C-67890")).decision_id
    assert app.store.cases.decision(before.transaction_id).decision_id == before.decision_id
    assert app.store.verify_audit().problems == ()


def test_a_restart_between_two_decisions_is_not_noticed(app: App, postgres: Postgres, plain: Make) -> None:
    app.engine.decide(plain())
    app.store.ledger.find("ask-once-to-hold-a-connection")
    postgres.stop()
    postgres.start()
    assert app.engine.decide(plain(customer_id="C-unread")).decision_id
    assert app.store.verify_audit().whole


def test_a_restart_under_load_loses_nothing_that_was_answered(
    make_app: Callable[..., App], app: App, postgres: Postgres, postgres_url: str, plain: Make
) -> None:
    rows = [plain(customer_id=f"C-{n % 7}") for n in range(240)]
    answered: dict[str, str] = {}
    half = threading.Event()

    def run() -> None:
        for number, row in enumerate(rows):
            if number == len(rows) // 3:
                half.set()
            give_up_at = time.monotonic() + 60
            while row["transaction_id"] not in answered and time.monotonic() < give_up_at:  # what failed is sent again
                with suppress(StoreFailed):
                    answered[row["transaction_id"]] = app.engine.decide(row).decision_id

    thread = threading.Thread(target=run)
    thread.start()
    assert half.wait(60)
    postgres.stop(signal.SIGQUIT)
    postgres.start()
    thread.join(200)
    assert answered == {row["transaction_id"]: app.engine.decide(row).decision_id for row in rows}
    assert app.store.verify_audit().problems == ()
    app.close()
    assert make_app(database_url=postgres_url).store.verify_audit().problems == ()


@pytest.mark.parametrize("others", [0, 2], ids=["alone", "in a group"])
def test_a_commit_whose_answer_is_lost_is_found_out(
    proxied: App, proxy: Proxy, samples: list[dict[str, Any]], plain: Make, others: int
) -> None:
    proxied.engine.decide(plain())
    gate = threading.Event()
    held = proxied.store._writer.submit(lambda _: gate.wait(10))  # so that the decisions share a commit
    futures = [proxied.engine.submit(row) for row in [samples[1], *(plain(customer_id="C-9") for _ in range(others))]]
    proxy.break_after(b"COMMIT")
    gate.set()
    answers = [future.result(20).decision for future in futures]
    assert proxy.broke.is_set()
    assert held.result(5)
    assert [proxied.engine.decide(samples[1]).decision_id, answers[0].decision] == [answers[0].decision_id, "BLOCK"]
    assert proxied.store.verify_audit().problems == ()


def test_a_connection_that_the_server_still_believes_in_is_taken_back(
    proxied: App, proxy: Proxy, postgres: Postgres, postgres_url: str, plain: Make
) -> None:
    proxied.engine.decide(plain())
    before = postgres.run(OWNER, database=database_of(postgres_url))
    proxy.hang_up()
    assert postgres.run(OWNER, database=database_of(postgres_url)) == before
    assert isinstance(proxied.engine.decide(plain()), Decision)
    assert postgres.run(OWNER, database=database_of(postgres_url)) != before
    assert proxied.store.verify_audit().whole


def test_who_lost_the_database_to_another_process_writes_no_more(
    make_app: Callable[..., App], app: App, postgres: Postgres, postgres_url: str, plain: Make, tmp_path: Path
) -> None:
    app.engine.decide(plain())
    assert app.store.verify_audit().whole  # and anchored
    gate = threading.Event()
    app.store._writer.submit(lambda _: gate.wait(20))  # the sealer must not take the lock back first
    ((pid,),) = postgres.run(OWNER, database=database_of(postgres_url))
    postgres.run(f"SELECT pg_terminate_backend({pid}, 5000)", database=database_of(postgres_url))
    (tmp_path / "second").mkdir()
    for name in ("master.key", "audit.anchor"):
        (tmp_path / "second" / name).write_bytes((tmp_path / "data" / name).read_bytes())
    second = make_app("second", database_url=postgres_url)
    gate.set()
    with pytest.raises(StoreFailed, match=r"lost the database: process \d+ on"):
        app.engine.decide(plain())
    second.engine.decide(plain())
    assert second.store.verify_audit().problems == ()
    second.close()
    with pytest.raises(StoreFailed, match="restart this one"):
        app.engine.decide(plain())
    with pytest.raises(StoreFailed, match="restart this one"):
        app.store.ping()
    app.close()
    assert make_app(database_url=postgres_url).store.verify_audit().problems == ()


def test_closing_beside_a_dead_server_lets_go_of_the_folder(
    make_app: Callable[..., App], app: App, postgres: Postgres, postgres_url: str, plain: Make
) -> None:
    decided = app.engine.decide(plain())
    postgres.stop(signal.SIGQUIT)
    try:
        app.close()
        with pytest.raises(StoreFailed, match="refused"):
            make_app(database_url=postgres_url)
    finally:
        postgres.start()
    again = make_app(database_url=postgres_url)
    assert again.store.cases.decision(decided.transaction_id)
    assert again.store.verify_audit().problems == ()


def test_a_second_data_folder_is_told_who_has_the_database(make_app: Callable[..., App], postgres_url: str) -> None:
    make_app(database_url=postgres_url)
    with pytest.raises(StoreInUse, match=r"process \d+ on \S+ has the database open"):
        make_app("elsewhere", database_url=postgres_url)


def test_two_schemas_of_a_database_are_two_stores(
    make_app: Callable[..., App], postgres: Postgres, postgres_url: str, plain: Make
) -> None:
    postgres.run("CREATE SCHEMA one", "CREATE SCHEMA two", database=database_of(postgres_url))
    row = plain()
    apps = [make_app(n, database_url=f"{postgres_url}?options=-csearch_path%3D{n}") for n in ("one", "two")]
    first, second = (app.engine.decide(row) for app in apps)
    assert first.decision_id != second.decision_id


class TestWrongAddresses:
    """Each says what is wrong, names the setting, and repeats no password."""

    def refused(self, tmp_path: Path, url: str) -> str:
        with pytest.raises(StoreFailed) as caught:
            App(load_settings(data_dir=tmp_path / "data", database_url=url), work=False)
        assert "hunter2" not in str(caught.value)
        assert "FRAUDRAY_DATABASE_URL" in str(caught.value)
        return str(caught.value)

    def test_no_server(self, tmp_path: Path) -> None:
        assert "refused" in self.refused(tmp_path, "postgresql://role:hunter2@127.0.0.1:1/data")

    def test_no_such_host(self, tmp_path: Path) -> None:
        assert "nowhere.invalid" in self.refused(tmp_path, "postgres://role:hunter2@nowhere.invalid/data")

    def test_no_such_database(self, tmp_path: Path, postgres: Postgres) -> None:
        assert 'database "missing" does not exist' in self.refused(tmp_path, postgres.url("missing"))

    def test_a_wrong_password_and_a_right_one(self, tmp_path: Path, postgres: Postgres, postgres_url: str) -> None:
        name = database_of(postgres_url)
        postgres.run(f"CREATE ROLE {GUARDED} LOGIN PASSWORD 'pass:w@rd'")
        wrong = postgres.url(name, f"{GUARDED}:hunter2")
        assert "password authentication failed" in self.refused(tmp_path, wrong)
        assert "hunter2" not in self.refused(tmp_path, f"{postgres.url(name, GUARDED)}?password=hunter2")
        right = postgres.url(name, f"{GUARDED}:pass%3Aw%40rd")
        assert "permission denied" in self.refused(tmp_path, right)  # it may not make tables yet
        postgres.run(f"ALTER DATABASE {name} OWNER TO {GUARDED}")
        with App(load_settings(data_dir=tmp_path / "data", database_url=right), work=False) as app:
            app.store.ping()

    def test_a_database_that_is_not_in_utf8(self, tmp_path: Path, postgres: Postgres) -> None:
        url = postgres.new_database("ENCODING 'SQL_ASCII' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'")
        with pytest.raises(StoreFailed, match=r"SQL_ASCII.*createdb -E UTF8"):
            App(load_settings(data_dir=tmp_path / "data", database_url=url), work=False)


def test_a_relaxed_store_commits_asynchronously(make_app: Callable[..., App], postgres_url: str, plain: Make) -> None:
    app = make_app(database_url=postgres_url, fsync="normal")
    app.engine.decide(plain())
    with app.store.engine.connect() as connection:
        assert connection.exec_driver_sql("SHOW synchronous_commit").scalar() == "off"
