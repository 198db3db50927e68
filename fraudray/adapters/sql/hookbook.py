"""Webhook endpoints and their secrets, and the outbox entries that tell them of a change."""

from __future__ import annotations

import base64
import secrets
import threading
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import Connection, Engine, Row, func, insert, select, update

from fraudray.adapters.sql import schema as t
from fraudray.adapters.sql.driver import failing
from fraudray.adapters.sql.rows import Rows
from fraudray.adapters.sql.webhook_notices import WebhookNotices
from fraudray.adapters.sql.writer import Writer
from fraudray.adapters.vault import Vault
from fraudray.domain.errors import NotFound, Refused
from fraudray.domain.webhook import Webhook, WebhookWish
from fraudray.ports.ledger import AuditNote

WEBHOOKS_MAX = 50
ROTATION = timedelta(hours=24)
_SECRET_BYTES = 32


class SqlHookBook:
    """Every change is on the audit trail, and known to `notices` once it is durable. Secrets are sealed."""

    def __init__(self, engine: Engine, writer: Writer, rows: Rows, vault: Vault, notices: WebhookNotices) -> None:
        self._engine, self._writer, self._rows, self._vault, self._notices = engine, writer, rows, vault, notices
        self._lock = threading.Lock()
        notices.follow(self.all())

    def add(self, wish: WebhookWish, *, webhook_id: str, actor: str, at: datetime) -> tuple[Webhook, str]:
        """Add an endpoint; it and its secret. Raises Refused when there are 50 already."""
        secret, at_us = _new_secret(), t.to_us(at)
        row = {
            "webhook_id": webhook_id, "url": wish.url, "secret_sealed": self._seal(webhook_id, {"secret": secret}),
            "events": orjson.dumps(sorted(wish.events)).decode(),
            "outcomes": orjson.dumps(sorted(wish.outcomes)).decode(),
            "status": "on", "created_us": at_us, "created_by": actor,
        }  # fmt: skip

        def write(connection: Connection) -> None:
            there = select(func.count()).select_from(t.webhooks).where(t.webhooks.c.removed_us.is_(None))
            if connection.execute(there).scalar_one() >= WEBHOOKS_MAX:
                raise Refused(f"there are {WEBHOOKS_MAX} webhooks, the most there may be; remove one first")
            connection.execute(insert(t.webhooks), [row])
            self._note("added", webhook_id, actor, at_us, {"events": sorted(wish.events)})

        self._change(write)
        return self.get(webhook_id), secret

    def all(self) -> list[Webhook]:
        """All endpoints, in the order in which they were added."""
        w = t.webhooks.c
        statement = select(t.webhooks).where(w.removed_us.is_(None)).order_by(w.created_us, w.webhook_id)
        with failing(), self._engine.connect() as connection:
            return [_webhook(row) for row in connection.execute(statement)]

    def get(self, webhook_id: str) -> Webhook:
        """One endpoint. Raises NotFound, also once it was removed."""
        return _webhook(self._row(webhook_id))

    def secrets(self, webhook_id: str, now: datetime) -> list[str]:
        """What to sign with: the secret and, for a day after `rotate`, the one before. Raises NotFound."""
        held = self._open(self._row(webhook_id))
        return [held["secret"], *([held["previous"]] if held.get("previous_until_us", 0) > t.to_us(now) else [])]

    def rotate(self, webhook_id: str, *, actor: str, at: datetime) -> str:
        """A new secret; the one before signs as well for a day more. Raises NotFound."""
        secret, at_us = _new_secret(), t.to_us(at)

        def write(connection: Connection) -> None:
            held = self._open(self._row(webhook_id, connection))
            document = {
                "secret": secret, "previous": held["secret"], "previous_until_us": t.to_us(at + ROTATION),
            }  # fmt: skip
            self._set(connection, webhook_id, secret_sealed=self._seal(webhook_id, document))
            self._note("rotated", webhook_id, actor, at_us, {})

        self._change(write)
        return secret

    def switch(self, webhook_id: str, *, on: bool, reason: str | None, actor: str, at: datetime) -> Webhook:
        """Switch an endpoint on or off, with the reason. Raises NotFound."""
        status = "on" if on else "off"

        def write(connection: Connection) -> None:
            self._set(connection, webhook_id, status=status, status_reason=reason and reason[:500])
            self._note(f"switched_{status}", webhook_id, actor, t.to_us(at), {"reason": reason} if reason else {})

        self._change(write)
        return self.get(webhook_id)

    def note_test(self, webhook_id: str, *, actor: str, at: datetime) -> None:
        """Put on the audit trail that somebody sends a test. Raises NotFound."""

        def write(connection: Connection) -> None:
            self._row(webhook_id, connection)
            self._note("tested", webhook_id, actor, t.to_us(at), {})

        self._writer.submit(write).result()

    def remove(self, webhook_id: str, *, actor: str, at: datetime) -> None:
        """Remove an endpoint and destroy its secret. Raises NotFound."""
        at_us = t.to_us(at)

        def write(connection: Connection) -> None:
            self._set(connection, webhook_id, removed_us=at_us, removed_by=actor, status="off", secret_sealed=b"")
            self._note("removed", webhook_id, actor, at_us, {})

        self._change(write)

    def _change(self, write: Any) -> None:
        self._writer.submit(write).result()
        with self._lock:
            self._notices.follow(self.all())

    def _row(self, webhook_id: str, connection: Connection | None = None) -> Row[Any]:
        statement = select(t.webhooks).where(t.webhooks.c.webhook_id == webhook_id, t.webhooks.c.removed_us.is_(None))
        if connection is not None:
            row = connection.execute(statement).first()
        else:
            with failing(), self._engine.connect() as own:
                row = own.execute(statement).first()
        if row is None:
            raise NotFound("webhook", webhook_id)
        return row

    def _set(self, connection: Connection, webhook_id: str, **values: Any) -> None:
        changed = connection.execute(
            update(t.webhooks)
            .where(t.webhooks.c.webhook_id == webhook_id, t.webhooks.c.removed_us.is_(None))
            .values(**values)
        )
        if not changed.rowcount:
            raise NotFound("webhook", webhook_id)

    def _note(self, what: str, webhook_id: str, actor: str, at_us: int, body: dict[str, Any]) -> None:
        self._rows.note(at_us, AuditNote(f"webhook_{what}", webhook_id, actor, body))

    def _seal(self, webhook_id: str, document: dict[str, Any]) -> bytes:
        return self._vault.house.seal(orjson.dumps(document), webhook_id)

    def _open(self, row: Row[Any]) -> dict[str, Any]:
        document: dict[str, Any] = orjson.loads(self._vault.house.open(bytes(row.secret_sealed), row.webhook_id))
        return document


def _new_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def _webhook(row: Row[Any]) -> Webhook:
    return Webhook(
        webhook_id=row.webhook_id, url=row.url, events=orjson.loads(row.events), outcomes=orjson.loads(row.outcomes),
        status=row.status, status_reason=row.status_reason, created_at=t.from_us(row.created_us),
        created_by=row.created_by,
    )  # fmt: skip
