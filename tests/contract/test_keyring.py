"""What every keyring must do: keys open until they expire or are revoked, and do not lie in the store themselves."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from fraudray.adapters.sql.keyring import KEYS_MAX, SqlKeyring, StoredKeys
from fraudray.adapters.sql.store import SqlStore
from fraudray.domain.access import Scope
from fraudray.domain.api_key import ApiKey, digest_of, new_key
from fraudray.domain.errors import NotFound, Refused
from fraudray.testing.clock import FixedClock

MakeStore = Callable[..., SqlStore]


@pytest.fixture
def keyring(store: SqlStore) -> SqlKeyring:
    return store.keyring


def made(clock: FixedClock, name: str = "checkout", **changes: object) -> tuple[ApiKey, str]:
    key_id, text = new_key()
    key = ApiKey(key_id, name, digest_of(text), frozenset({Scope.DECIDE, Scope.READ}), clock.now(), "ana")
    return replace(key, **changes), text  # type: ignore[arg-type]


def test_a_key_opens_what_its_scopes_say(keyring: SqlKeyring, clock: FixedClock) -> None:
    key, text = made(clock)
    assert not keyring.ring().in_use
    keyring.add(key)
    principal = keyring.ring().authenticate(text, clock.now())
    assert principal is not None
    assert (principal.name, principal.key_id) == ("checkout", key.key_id)
    assert principal.scopes == {Scope.DECIDE, Scope.READ}
    assert keyring.ring().in_use


def test_another_secret_under_the_same_id_opens_nothing(keyring: SqlKeyring, clock: FixedClock) -> None:
    key, text = made(clock)
    keyring.add(key)
    for wrong in (text[:-1], text + "x", text.swapcase(), f"frk_{key.key_id}_", key.key_id, "", "frk__", "_" * 200):
        assert keyring.ring().authenticate(wrong, clock.now()) is None


def test_an_expired_key_opens_nothing_and_still_counts_as_in_use(keyring: SqlKeyring, clock: FixedClock) -> None:
    key, text = made(clock, expires_at=clock.now() + timedelta(hours=1))
    keyring.add(key)
    assert keyring.ring().authenticate(text, clock.now() + timedelta(minutes=59)) is not None
    clock.advance(hours=1)
    assert keyring.ring().authenticate(text, clock.now()) is None
    assert not keyring.ring().usable(clock.now())
    assert keyring.ring().in_use
    assert keyring.list()[0].status(clock.now()) == "expired"


def test_a_revoked_key_opens_nothing_from_then_on_and_stays_listed(keyring: SqlKeyring, clock: FixedClock) -> None:
    key, text = made(clock)
    keyring.add(key)
    keyring.revoke(key.key_id, actor="bo", at=clock.now())
    assert keyring.ring().authenticate(text, clock.now()) is None
    assert not keyring.ring().in_use
    (listed,) = keyring.list()
    assert (listed.status(clock.now()), listed.revoked_by) == ("revoked", "bo")
    with pytest.raises(Refused, match="was revoked on 2026-03-02"):
        keyring.revoke(key.key_id, actor="bo", at=clock.now())
    with pytest.raises(NotFound, match="no key none"):
        keyring.revoke("none", actor="bo", at=clock.now())


def test_a_name_is_free_again_once_its_key_is_revoked(keyring: SqlKeyring, clock: FixedClock) -> None:
    first, _ = made(clock)
    keyring.add(first)
    with pytest.raises(Refused, match="there is a key named Checkout"):
        keyring.add(made(clock, "Checkout")[0])
    assert len(keyring.list()) == 1
    keyring.revoke(first.key_id, actor="ana", at=clock.now())
    keyring.add(made(clock)[0])
    assert len(keyring.list()) == 2


def test_there_is_a_limit_to_the_keys_in_use(keyring: SqlKeyring, clock: FixedClock) -> None:
    for number in range(KEYS_MAX):
        keyring.add(made(clock, f"key {number}")[0])
    with pytest.raises(Refused, match="1,000 keys"):
        keyring.add(made(clock, "one more")[0])


def test_use_is_noted_once_a_minute(store: SqlStore, make_store: MakeStore, clock: FixedClock) -> None:
    key, _ = made(clock)
    store.keyring.add(key)
    first = clock.now()
    for _ in range(3):
        store.keyring.used(key.key_id, clock.now())
        clock.advance(seconds=20)
        assert store.keyring.list()[0].last_used_at == first
    store.keyring.used(key.key_id, clock.now())
    assert store.keyring.list()[0].last_used_at == clock.now()
    store.close()
    reopened = make_store()
    assert reopened.keyring.list()[0].last_used_at == clock.now()


def test_keys_survive_a_restart(store: SqlStore, make_store: MakeStore, clock: FixedClock) -> None:
    key, text = made(clock, expires_at=clock.now() + timedelta(days=1))
    gone, gone_text = made(clock, "gone")
    store.keyring.add(key)
    store.keyring.add(gone)
    store.keyring.revoke(gone.key_id, actor="ana", at=clock.now())
    store.close()
    reopened = make_store()
    assert reopened.keyring.ring().authenticate(text, clock.now()) is not None
    assert reopened.keyring.ring().authenticate(gone_text, clock.now()) is None
    assert {listed.key_id for listed in reopened.keyring.list()} == {key.key_id, gone.key_id}
    assert reopened.keyring.list(limit=1, offset=1) == [reopened.keyring.list()[1]]


def test_another_process_reads_the_keys_as_they_are(store: SqlStore, database_url: str, clock: FixedClock) -> None:
    read = StoredKeys(database_url)
    key, text = made(clock)
    assert not read.ring().in_use
    store.keyring.add(key)
    assert read.ring().authenticate(text, clock.now()) is not None
    store.keyring.revoke(key.key_id, actor="ana", at=clock.now())
    assert not read.ring().in_use


def test_where_there_is_no_store_yet_there_are_no_keys_and_none_is_made(tmp_path: Path) -> None:
    assert not StoredKeys(f"sqlite:///{tmp_path / 'none.sqlite'}").ring().in_use
    assert list(tmp_path.iterdir()) == []


def test_what_is_stored_is_no_key(store: SqlStore, clock: FixedClock, at_rest: Callable[[], bytes]) -> None:
    key, text = made(clock)
    store.keyring.add(key)
    store.keyring.used(key.key_id, clock.now())
    store.close()
    secret = text.split("_", 2)[2]
    stored = at_rest()
    assert key.key_id.encode() in stored
    for form in (text.encode(), secret.encode(), base64.urlsafe_b64decode(secret + "=")):
        assert form not in stored


def test_making_and_revoking_are_on_the_audit_trail_without_the_key(store: SqlStore, clock: FixedClock) -> None:
    key, text = made(clock)
    store.keyring.add(key)
    store.keyring.revoke(key.key_id, actor="bo", at=clock.now())
    revoked, created = store.audit_entries(subject=key.key_id)
    assert (created.kind, created.actor) == ("api_key_created", "ana")
    assert '"checkout"' in created.body
    assert '["decide","read"]' in created.body
    assert (revoked.kind, revoked.actor) == ("api_key_revoked", "bo")
    assert text.split("_", 2)[2] not in created.body + revoked.body
    assert store.verify_audit().whole
