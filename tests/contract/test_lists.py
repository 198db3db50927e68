"""What every list book must do, in memory and on SQL."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from fraudray.adapters.sql.store import SqlStore
from fraudray.domain.errors import NotFound, Refused
from fraudray.domain.list_values import Kind
from fraudray.domain.lists import Level, ListEntry, NewEntry
from fraudray.domain.transaction import Transaction
from fraudray.ports.lists import ListBook
from fraudray.testing.clock import CountingIds, FixedClock
from fraudray.testing.memory_lists import MemoryListBook
from tests.contract.conftest import database

Make = Callable[..., ListEntry]


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str | None:
    """As of the other contract tests, and no database at all."""
    return None if request.param == "memory" else database(request, tmp_path)


@pytest.fixture
def book(request: pytest.FixtureRequest, database_url: str | None) -> ListBook:
    if database_url is None:
        return MemoryListBook()
    store: SqlStore = request.getfixturevalue("store")
    return store.lists


@pytest.fixture
def entry(clock: FixedClock) -> Make:
    """A new entry, changed as told."""
    ids = CountingIds()

    def make(**fields: Any) -> ListEntry:
        data = {"level": "deny", "kind": "customer", "value": "C-1", "reason": "why"} | fields
        return NewEntry.parse(data, now=clock.now()).entry(entry_id=ids.new("lst"), author="ana", now=clock.now())

    return make


def matched(book: ListBook, clock: FixedClock, **fields: Any) -> list[str]:
    data = {"transaction_id": "T", "customer_id": "C-1", "amount": 1, "merchant": "Shop"} | fields
    tx = Transaction.parse(data, now=clock.now())
    return [mark.entry_id for mark in book.current().look_up(tx, None, clock.now())]


def test_an_entry_acts_at_once_and_is_kept_as_it_was_written(book: ListBook, entry: Make, clock: FixedClock) -> None:
    assert matched(book, clock) == []
    new = entry(expires="30d")
    assert book.add([new]) == [new]
    assert matched(book, clock) == [new.entry_id]
    assert book.get(new.entry_id) == new
    assert new.state(clock.now()) == "active"
    clock.advance(days=30)
    assert matched(book, clock) == []
    assert new.state(clock.now()) == "expired"


def test_the_same_again_is_refused_naming_the_first(book: ListBook, entry: Make, clock: FixedClock) -> None:
    first, again, other = entry(), entry(), entry(level="block")
    kept = book.add([first, again, other])
    assert kept[0] == first
    assert isinstance(kept[1], Refused)
    assert first.entry_id in str(kept[1])
    assert kept[2] == other
    assert matched(book, clock) == [first.entry_id, other.entry_id]


def test_mutes_of_two_rules_are_two_entries(book: ListBook, entry: Make) -> None:
    mutes = [entry(level="mute", rule=rule, expires="1d") for rule in ("a", "b", "a")]
    kept = book.add(mutes)
    assert [isinstance(result, Refused) for result in kept] == [False, False, True]


def test_the_same_again_after_it_expired_is_a_new_entry(book: ListBook, entry: Make, clock: FixedClock) -> None:
    book.add([entry(expires="1d")])
    clock.advance(days=2)
    again = entry()
    assert book.add([again]) == [again]
    assert matched(book, clock) == [again.entry_id]


def test_replacing_keeps_the_earlier_one_on_record(book: ListBook, entry: Make, clock: FixedClock) -> None:
    first, second = entry(), entry(reason="better", expires="1d")
    book.add([first])
    assert book.add([second], replace=True) == [second]
    assert matched(book, clock) == [second.entry_id]
    gone = book.get(first.entry_id)
    assert (gone.removed_by, gone.removal_reason) == ("ana", f"replaced by {second.entry_id}")


def test_a_removed_entry_acts_no_more_and_stays_on_record(book: ListBook, entry: Make, clock: FixedClock) -> None:
    new = entry(kind="address", value="10.0.0.0/8")
    book.add([new])
    gone = book.remove(new.entry_id, reason="cleared", actor="bo", at=clock.now() + timedelta(hours=1))
    assert matched(book, clock, ip_address="10.0.0.1") == []
    assert book.get(new.entry_id) == gone
    assert (gone.removal_reason, gone.removed_by, gone.state(clock.now())) == ("cleared", "bo", "removed")
    with pytest.raises(Refused, match="removed before"):
        book.remove(new.entry_id, reason="again", actor="bo", at=clock.now())
    with pytest.raises(NotFound):
        book.remove("lst_none", reason="x", actor="bo", at=clock.now())
    with pytest.raises(NotFound):
        book.get("lst_none")


def test_entries_are_found_by_level_kind_state_and_exact_value(book: ListBook, entry: Make, clock: FixedClock) -> None:
    made = []
    for fields in (
        {}, {"level": "block", "expires": "1h"}, {"kind": "device", "value": "d1"}, {"kind": "device", "value": "C-1"},
    ):  # fmt: skip
        made.append(entry(**fields))
        book.add([made[-1]])
        clock.advance(minutes=1)
    book.remove(made[2].entry_id, reason="x", actor="ana", at=clock.now())
    clock.advance(hours=2)

    def found(**wanted: Any) -> list[int]:
        ids = [entry.entry_id for entry in made]
        return [ids.index(entry.entry_id) for entry in book.search(now=clock.now(), **wanted)]

    assert found() == [3, 2, 1, 0]
    assert found(limit=2, offset=1) == [2, 1]
    assert found(level=Level.BLOCK) == [1]
    assert found(kind=Kind.DEVICE) == [3, 2]
    assert found(state="active") == [3, 0]
    assert found(state="expired") == [1]
    assert found(state="removed") == [2]
    assert found(values=[(Kind.CUSTOMER, "C-1")]) == [1, 0]
    assert found(values=[(Kind.CUSTOMER, "C-1"), (Kind.DEVICE, "C-1")]) == [3, 1, 0]
    assert found(values=[]) == []


def test_refreshing_changes_nothing_when_nobody_else_changed_anything(
    book: ListBook, entry: Make, clock: FixedClock
) -> None:
    book.add([entry()])
    assert matched(book, clock) == matched(book, clock)
    assert book.refresh() is book.refresh()
    assert len(book.current()) == 1
