"""How far the audit trail has come, and how far it is signed: a few rows by their primary keys, nothing is verified."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, select

from fraudray.adapters.sql import schema as t
from fraudray.adapters.sql.audit import WRITER, stored_ends
from fraudray.adapters.sql.driver import failing


@dataclass(frozen=True, slots=True)
class AuditEnds:
    """Entries of all times; when the newest was written, and the oldest one that no seal signs yet (None: no such)."""

    entries: int
    last_at: datetime | None
    unsealed_at: datetime | None


def audit_ends(engine: Engine) -> AuditEnds:
    """As the store has them now. Raises StoreFailed."""
    a = t.audit.c
    times = select(a.at_us).where(a.writer == WRITER).order_by(a.seq).limit(1)
    with failing(), engine.connect() as connection:
        ends = stored_ends(connection)
        last_us = connection.execute(times.where(a.seq == ends.seq)).scalar()
        unsealed_us = connection.execute(times.where(a.seq > ends.sealed_seq)).scalar()
    return AuditEnds(
        ends.seq, t.from_us(last_us) if last_us is not None else None,
        t.from_us(unsealed_us) if unsealed_us is not None else None,
    )  # fmt: skip
