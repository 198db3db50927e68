"""The audit trail on every database: what somebody else wrote to is found out, also after the store went on."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from fraudray.adapters.sql.store import SqlStore
from fraudray.bootstrap import App
from fraudray.testing.clock import FixedClock

Sql = Callable[..., list[Any]]
Make = Callable[..., dict[str, Any]]
START = b"\0" * 32


def change_an_author(sql: Sql) -> None:
    sql("UPDATE audit SET actor = 'somebody' WHERE kind = 'freeze_lifted'")


def change_a_body(sql: Sql) -> None:
    sql("UPDATE audit SET body = replace(body, 'BLOCK', 'APPROVE') WHERE kind = 'decision'")


def change_a_decision(sql: Sql) -> None:
    sql("UPDATE decisions SET decision = 'APPROVE' WHERE decision = 'BLOCK'")


def change_a_time(sql: Sql) -> None:
    sql("UPDATE audit SET at_us = at_us + 1 WHERE seq = 2")


def remove_one(sql: Sql) -> None:
    sql("DELETE FROM audit WHERE seq = 3")


def remove_and_renumber(sql: Sql) -> None:
    ((last,),) = sql("SELECT max(seq) FROM audit")
    sql("DELETE FROM audit WHERE seq = 3")
    for seq in range(4, last + 1):
        sql("UPDATE audit SET seq = :to WHERE seq = :seq", to=seq - 1, seq=seq)


def remove_the_first(sql: Sql) -> None:
    sql("DELETE FROM audit WHERE seq = 1")


def swap_two(sql: Sql) -> None:
    for seq, to in ((3, -1), (4, 3), (-1, 4)):
        sql("UPDATE audit SET seq = :to WHERE seq = :seq", to=to, seq=seq)


def cut_off_the_end(sql: Sql) -> None:
    sql("DELETE FROM audit WHERE seq > (SELECT max(seq) - 2 FROM audit)")


def cut_off_the_end_and_its_seals(sql: Sql) -> None:
    """The lifted freeze and every seal that covers it, as if it had never happened."""
    ((seq,),) = sql("SELECT seq FROM audit WHERE kind = 'freeze_lifted'")
    sql("DELETE FROM audit WHERE seq >= :seq", seq=seq)
    for number, heads in sql("SELECT number, heads FROM seals"):
        if json.loads(heads)["main"]["seq"] >= seq:
            sql("DELETE FROM seals WHERE number = :number", number=number)


def remove_everything(sql: Sql) -> None:
    sql("DELETE FROM audit")
    sql("DELETE FROM seals")


def change_a_seal(sql: Sql) -> None:
    sql("UPDATE seals SET at_us = at_us - 1 WHERE number = 1")


def add_an_entry(sql: Sql) -> None:
    sql(
        "INSERT INTO audit SELECT writer, seq + 1, at_us, 'case_note', subject, 'admin', body, hash "
        "FROM audit ORDER BY seq DESC LIMIT 1"
    )


def recompute_without_the_key(sql: Sql) -> None:
    """Every hash and seal made anew, consistently, after a change: only the key is missing."""
    sql("UPDATE audit SET actor = 'somebody' WHERE kind = 'freeze_lifted'")
    key, previous, hashes = b"a guess", START, {}
    for row in sql("SELECT writer, seq, at_us, kind, subject, actor, body FROM audit ORDER BY seq"):
        previous = hmac.digest(key, previous + orjson.dumps(list(row)), hashlib.sha256)
        hashes[row[1]] = previous
        sql("UPDATE audit SET hash = :hash WHERE seq = :seq", hash=previous, seq=row[1])
    previous = START
    for number, at_us, heads in sql("SELECT number, at_us, heads FROM seals ORDER BY number"):
        seq = json.loads(heads)["main"]["seq"]
        fresh = json.dumps({"main": {"seq": seq, "hash": hashes[seq].hex()}}, sort_keys=True)
        previous = hmac.digest(key, b"seal" + previous + orjson.dumps([number, at_us, fresh]), hashlib.sha256)
        sql(
            "UPDATE seals SET heads = :heads, hash = :hash WHERE number = :number",
            heads=fresh, hash=previous, number=number,
        )  # fmt: skip


TAMPERING = [
    change_an_author, change_a_body, change_a_decision, change_a_time, remove_one, remove_and_renumber,
    remove_the_first, swap_two, cut_off_the_end, cut_off_the_end_and_its_seals, remove_everything, change_a_seal,
    add_an_entry, recompute_without_the_key,
]  # fmt: skip


@pytest.fixture
def written(make_app: Callable[..., App], samples: list[dict[str, Any]]) -> None:
    """A closed store with a trail of a dozen entries and several seals."""
    app = make_app()
    for sample in samples:
        app.engine.decide(sample)
        assert app.store.verify_audit().whole
    app.desk.unfreeze("C-12345", reason="it was her", actor="tester")
    app.close()


@pytest.mark.usefixtures("written")
@pytest.mark.parametrize("tamper", TAMPERING)
def test_a_trail_that_somebody_wrote_to_is_found_out_also_later(
    make_store: Callable[..., SqlStore], sql: Sql, tamper: Callable[[Sql], None], clock: FixedClock
) -> None:
    tamper(sql)
    first = make_store("data")
    found = first.verify_audit()
    first.customers.hold("C-12345", reason="to go on writing", actor="tester", at=clock.now())
    first.close()
    later = make_store("data").verify_audit()
    assert found.problems
    assert later.problems


@pytest.mark.usefixtures("written")
def test_an_untouched_trail_is_whole_however_often_it_is_opened(make_app: Callable[..., App], plain: Make) -> None:
    for _ in range(2):
        app = make_app()
        app.engine.decide(plain())
        report = app.store.verify_audit()
        app.close()
        assert report.problems == ()
    assert report.entries > 10
    assert report.seals > 3


def test_the_trail_is_listed_newest_first(app: App, samples: list[dict[str, Any]]) -> None:
    app.engine.decide(samples[1])
    entries = app.store.audit_entries()
    assert [entry.seq for entry in entries] == sorted((entry.seq for entry in entries), reverse=True)
    assert {entry.kind for entry in app.store.audit_entries(subject="C-12345")} == {
        "customer_registered",
        "account_frozen",
    }
