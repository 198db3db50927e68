"""What every book of webhooks must do."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import timedelta

import pytest

from fraudray.adapters.sql.hookbook import WEBHOOKS_MAX
from fraudray.adapters.sql.store import SqlStore
from fraudray.domain.errors import NotFound, Refused
from fraudray.domain.webhook import Webhook, parse_wish
from fraudray.testing.clock import CountingIds, FixedClock

WISH = parse_wish({"url": "https://hooks.example.com/a", "events": ["decision.created", "case.closed"]})
Open = Callable[[], SqlStore]


@pytest.fixture
def open_store(make_store: Callable[..., SqlStore]) -> Open:
    """Opens the store, after closing it where it is open."""
    opened: list[SqlStore] = []

    def opening() -> SqlStore:
        for store in opened:
            store.close()
        opened.append(make_store(ids=CountingIds()))
        return opened[-1]

    return opening


def added(store: SqlStore, clock: FixedClock, webhook_id: str = "wh_1") -> tuple[Webhook, str]:
    return store.webhooks.add(WISH, webhook_id=webhook_id, actor="ana", at=clock.now())


def test_an_endpoint_is_kept_with_what_it_wants(open_store: Open, clock: FixedClock) -> None:
    webhook, _ = added(open_store(), clock)
    again = open_store().webhooks
    assert again.get("wh_1") == webhook
    assert again.all() == [webhook]
    assert (webhook.url, webhook.status, webhook.created_by) == (WISH.url, "on", "ana")
    assert (webhook.events, webhook.outcomes) == (["case.closed", "decision.created"], ["BLOCK", "REVIEW"])


def test_a_secret_is_of_the_specified_form_and_sealed_at_rest(
    open_store: Open, clock: FixedClock, at_rest: Callable[[], bytes]
) -> None:
    store = open_store()
    _, secret = added(store, clock)
    assert secret.startswith("whsec_")
    key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    assert 24 <= len(key) <= 64
    assert store.webhooks.secrets("wh_1", clock.now()) == [secret]
    store.close()
    stored = at_rest()
    for plain in (secret.encode(), secret.removeprefix("whsec_").encode(), key, key.hex().encode()):
        assert plain not in stored


def test_a_secret_before_rotation_signs_for_a_day_more(open_store: Open, clock: FixedClock) -> None:
    book = open_store().webhooks
    _, first = book.add(WISH, webhook_id="wh_1", actor="ana", at=clock.now())
    second = book.rotate("wh_1", actor="ana", at=clock.now())
    assert book.secrets("wh_1", clock.now()) == [second, first]
    assert book.secrets("wh_1", clock.now() + timedelta(hours=24)) == [second]


def test_one_that_was_removed_is_gone_with_its_secret(open_store: Open, clock: FixedClock) -> None:
    book = open_store().webhooks
    book.add(WISH, webhook_id="wh_1", actor="ana", at=clock.now())
    book.remove("wh_1", actor="ana", at=clock.now())
    assert book.all() == []
    for act in (
        lambda: book.get("wh_1"), lambda: book.secrets("wh_1", clock.now()),
        lambda: book.rotate("wh_1", actor="ana", at=clock.now()),
        lambda: book.switch("wh_1", on=True, reason=None, actor="ana", at=clock.now()),
        lambda: book.remove("wh_1", actor="ana", at=clock.now()),
    ):  # fmt: skip
        with pytest.raises(NotFound, match="webhook wh_1"):
            act()


def test_there_are_fifty_at_most(open_store: Open, clock: FixedClock) -> None:
    book = open_store().webhooks
    for number in range(WEBHOOKS_MAX):
        book.add(WISH, webhook_id=f"wh_{number}", actor="ana", at=clock.now())
    with pytest.raises(Refused, match="50 webhooks"):
        book.add(WISH, webhook_id="wh_more", actor="ana", at=clock.now())
    book.remove("wh_0", actor="ana", at=clock.now())
    book.add(WISH, webhook_id="wh_more", actor="ana", at=clock.now())


def test_every_act_is_on_the_audit_trail(open_store: Open, clock: FixedClock) -> None:
    store = open_store()
    added(store, clock)
    store.webhooks.note_test("wh_1", actor="ana", at=clock.now())
    store.webhooks.rotate("wh_1", actor="bob", at=clock.now())
    store.webhooks.switch("wh_1", on=False, reason="moves", actor="bob", at=clock.now())
    store.webhooks.remove("wh_1", actor="cat", at=clock.now())
    trail = [(entry.kind, entry.actor) for entry in reversed(store.audit_entries(subject="wh_1"))]
    assert trail == [
        ("webhook_added", "ana"), ("webhook_tested", "ana"),
        ("webhook_rotated", "bob"), ("webhook_switched_off", "bob"),
        ("webhook_removed", "cat"),
    ]  # fmt: skip
    assert store.verify_audit().whole
