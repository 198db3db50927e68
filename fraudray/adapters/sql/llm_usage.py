"""What the model used: of investigations by their findings, of questions by their entries; of the erased nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Literal

import orjson
from sqlalchemy import Engine, and_, select

from fraudray.adapters.sql import schema as t
from fraudray.adapters.sql.driver import failing
from fraudray.adapters.sql.keys import CustomerKeys
from fraudray.domain.investigation import Finding, Usage
from fraudray.domain.question import ENTRY_KIND

Kind = Literal["investigations", "questions"]
_STREAMED = {"yield_per": 500}


class SqlLlmUsage:
    """Reads straight from the database."""

    def __init__(self, engine: Engine, keys: CustomerKeys) -> None:
        self._engine, self._keys = engine, keys

    def between(self, start: datetime, end: datetime) -> Iterator[tuple[Kind, Usage]]:
        """What each that ended from `start` up to (not including) `end` used."""
        i, e, c = t.investigations.c, t.case_entries.c, t.cases.c
        first, last = t.to_us(start), t.to_us(end)
        ended = select(i.customer_id, i.finding_sealed).where(
            and_(i.ended_us >= first, i.ended_us < last, i.finding_sealed.is_not(None))
        )
        asked = (
            select(c.customer_id, e.body_sealed)
            .join(t.cases, c.case_id == e.case_id)
            .where(and_(e.kind == ENTRY_KIND, e.at_us >= first, e.at_us < last))
        )
        with failing(), self._engine.connect() as connection:
            for owner, sealed in connection.execute(ended, execution_options=_STREAMED):
                plain = self._opened(owner, bytes(sealed))
                if plain is not None:
                    yield "investigations", Finding.model_validate_json(plain).usage
            for owner, sealed in connection.execute(asked, execution_options=_STREAMED):
                plain = self._opened(owner, bytes(sealed))
                if plain is not None:
                    yield "questions", Usage.model_validate(orjson.loads(plain).get("usage") or {})

    def _opened(self, owner: str, sealed: bytes) -> bytes | None:
        box = self._keys.for_reading(owner)
        try:
            return box.open(sealed, owner) if box is not None else None
        except ValueError:
            return None
