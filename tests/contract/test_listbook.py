"""List entries at rest: sealed, kept over a restart, changed by another process, on the audit trail without values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import update

from fraudray.adapters.sql import schema as t
from fraudray.bootstrap import App
from fraudray.domain.errors import StoreFailed
from fraudray.service import LocalService

SECRETS = ("C-SECRET-1", "ana@", "mule-reason", "203.0.113", "secret.example", "gone-reason")


def fill(app: App) -> list[str]:
    service = LocalService(app)
    rows = [
        {"level": "deny", "kind": "customer", "value": "C-SECRET-1", "reason": "mule-reason of ana@x.example"},
        {"level": "block", "kind": "address", "value": "203.0.113.0/24", "reason": "mule-reason"},
        {"level": "allow", "kind": "email_domain", "value": "secret.example", "reason": "mule-reason"},
    ]
    ids = [str(row["entry"]["entry_id"]) for row in service.lists.add_many(rows, author="ana")["results"]]
    service.lists.remove(ids[2], reason="gone-reason", author="ana")
    return ids


def test_no_value_or_reason_can_be_read_from_the_files_or_the_audit_trail(
    app: App, at_rest: Callable[[], bytes]
) -> None:
    ids = fill(app)
    app.store.verify_audit()
    stored = at_rest()
    assert not [secret for secret in SECRETS if secret.encode() in stored]
    trail = app.store.audit_entries()
    assert {entry.kind for entry in trail} >= {"list_entry_added", "list_entry_removed"}
    assert {entry.subject for entry in trail} >= set(ids)


def test_entries_are_there_after_a_restart_and_removed_ones_are_not(make_app: Callable[..., App]) -> None:
    app = make_app()
    fill(app)
    app.close()
    again = make_app()
    assert len(again.store.lists.current()) == 2
    assert again.store.verify_audit().whole


def test_what_another_process_adds_and_removes_is_seen_at_the_next_refresh(app: App) -> None:
    ids = fill(app)
    book = app.store.lists
    assert len(book.refresh()) == 2
    with app.store.engine.begin() as other:
        other.execute(update(t.list_entries).where(t.list_entries.c.entry_id == ids[0]).values(removed_us=1))
    assert len(book.current()) == 2
    assert len(book.refresh()) == 1


def test_an_entry_that_was_tampered_with_lets_nothing_pass(
    make_app: Callable[..., App], plain: Callable[..., dict[str, Any]]
) -> None:
    app = make_app()
    ids = fill(app)
    with app.store.engine.begin() as other:
        changed = {"value_sealed": b"\0" * 40, "created_us": 1}
        other.execute(update(t.list_entries).where(t.list_entries.c.entry_id == ids[0]).values(changed))
    app.close()
    with pytest.raises(StoreFailed, match=ids[0]):
        make_app().engine.decide(plain())
