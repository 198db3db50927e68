"""What every book of policy versions must do: number, keep, never change; acts in order; all of it on the trail."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fraudray.adapters.sql.policybook import SqlPolicyBook
from fraudray.adapters.sql.store import SqlStore
from fraudray.domain.errors import InvalidTransaction, NotFound
from fraudray.domain.policy_version import PolicyAct, PolicyVersion
from fraudray.testing.clock import FixedClock

MakeStore = Callable[..., SqlStore]


@pytest.fixture
def book(store: SqlStore) -> SqlPolicyBook:
    return store.policies


def version(clock: FixedClock, text: str, **changes: Any) -> PolicyVersion:
    fields: dict[str, Any] = {
        "name": "cards", "number": 1, "version": text, "hash": f"sha256:{text}", "author": "ann", "at": clock.now(),
        "reason": "why not",
    }  # fmt: skip
    return PolicyVersion(**fields | changes)


def act(clock: FixedClock, seq: int, **changes: Any) -> PolicyAct:
    fields: dict[str, Any] = {
        "name": "cards", "seq": seq, "kind": "promoted", "number": 1, "over": "sha256:a", "author": "bo",
        "at": clock.now(), "reason": "good",
    }  # fmt: skip
    return PolicyAct(**fields | changes)


def test_versions_count_up_by_name_and_come_newest_first(book: SqlPolicyBook, clock: FixedClock) -> None:
    for text in ("a", "b", "c"):
        book.add(version(clock, text), f"text {text}")
    other = book.add(version(clock, "a", name="wallets", based_on=None), "text a")
    assert other.number == 1
    assert [found.number for found in book.versions("cards")] == [3, 2, 1]
    assert [found.number for found in book.versions("cards", limit=1, offset=1)] == [2]
    assert book.text("cards", 2) == "text b"
    assert book.version("cards", 3) == version(clock, "c", number=3)


def test_the_same_text_is_the_version_that_it_is(book: SqlPolicyBook, clock: FixedClock) -> None:
    first = book.add(version(clock, "a"), "text a")
    again = book.add(version(clock, "a", author="bo", reason="again"), "text a")
    assert again == first
    assert book.same("cards", "sha256:a") == first
    assert book.same("wallets", "sha256:a") is None
    assert book.called("cards", "a") == first
    assert book.called("cards", "z") is None


def test_what_is_not_there_is_not_found(book: SqlPolicyBook) -> None:
    with pytest.raises(NotFound, match="policy version cards 1"):
        book.version("cards", 1)
    with pytest.raises(NotFound):
        book.text("cards", 1)
    assert book.versions("cards") == []
    assert book.acts("cards") == []
    assert book.names() == []


def test_acts_come_in_their_order_and_survive_a_restart(
    store: SqlStore, make_store: MakeStore, clock: FixedClock
) -> None:
    acts = [act(clock, 1, kind="file"), act(clock, 2, number=2), act(clock, 3, kind="rolled_back")]
    store.policies.act(acts[:2])
    store.policies.act(acts[2:])
    kept = store.policies.add(version(clock, "ü 加密"), "name: cards # ü 加密")
    store.close()
    reopened = make_store()
    assert reopened.policies.acts("cards") == acts
    assert reopened.policies.names() == ["cards"]
    assert reopened.policies.version("cards", 1) == kept
    assert reopened.policies.text("cards", 1) == "name: cards # ü 加密"


def test_acts_are_written_all_or_none(book: SqlPolicyBook, clock: FixedClock) -> None:
    with pytest.raises(InvalidTransaction, match="author"):
        book.act([act(clock, 1), act(clock, 2, author="\x1b[31m")])
    assert book.acts("cards") == []


def test_everything_is_on_the_trail(store: SqlStore, clock: FixedClock) -> None:
    store.policies.add(version(clock, "a", based_on=7), "text a")
    store.policies.act([act(clock, 1), act(clock, 2, kind="rolled_back"), act(clock, 3, kind="file", number=None)])
    found = store.audit_entries(subject="cards")
    kinds = ["policy_file_took_over", "policy_rolled_back", "policy_promoted", "policy_version_saved"]
    assert [entry.kind for entry in found] == kinds
    assert '"hash":"sha256:a"' in found[-1].body
    assert (found[-1].actor, found[1].actor) == ("ann", "bo")
    assert store.verify_audit().whole
