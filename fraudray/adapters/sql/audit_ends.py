"""How far the audit trail has come, and how far it is signed: three rows by their primary keys, nothing is verified."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import orjson
from sqlalchemy import Engine, select

from fraudray.adapters.sql import schema as t
from fraudray.adapters.sql.audit import WRITER
from fraudray.adapters.sql.driver import failing


@dataclass(frozen=True, slots=True)
class AuditEnds:
    """Entries of all times; when the newest was written, and the oldest one that no seal signs yet (None: no such)."""

    entries: int
    last_at: datetime | None
    unsealed_at: datetime | None


def audit_ends(engine: Engine) -> AuditEnds:
    """As the store has them now. Raises StoreFailed."""
    a, s = t.audit.c, t.seals.c
    own = a.writer == WRITER
    with failing(), engine.connect() as connection:
        # The seal first: what is written and signed meanwhile only makes the trail longer than the seal says.
        heads = connection.execute(select(s.heads).order_by(s.number.desc()).limit(1)).scalar()
        sealed = orjson.loads(heads)[WRITER]["seq"] if heads is not None else 0
        last = connection.execute(select(a.seq, a.at_us).where(own).order_by(a.seq.desc()).limit(1)).first()
        unsealed = select(a.at_us).where(own, a.seq > sealed).order_by(a.seq).limit(1)
        unsealed_us = connection.execute(unsealed).scalar()
    return AuditEnds(
        last.seq if last else 0, t.from_us(last.at_us) if last else None,
        t.from_us(unsealed_us) if unsealed_us is not None else None,
    )  # fmt: skip
