"""What a back-test counted, as tables that add up: rows with the same key may repeat, in any order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped, unused-ignore]

_SMALL, _COUNT, _AMOUNT, _TEXT = pa.int8(), pa.int64(), pa.float64(), pa.string()
CHALLENGER_FIELDS = (
    pa.field("challenger_decision", _SMALL),
    pa.field("challenger_evidence_decision", _SMALL),
    pa.field("challenger_score", pa.int16()),
    pa.field("challenger_risk", pa.float64()),
)
OUTCOMES = pa.schema(
    [
        ("day", pa.int32()), ("fraud", _SMALL), ("scenario", _TEXT), ("decision", _SMALL),
        ("evidence_decision", _SMALL), ("score", pa.int16()), ("risk", pa.float64()), ("plain", _SMALL),
        ("count", _COUNT), ("amount", _AMOUNT),
    ]
)  # fmt: skip
"""day: days since 1970 (UTC); fraud: 1, 0 or -1 (no label); decision: 0 APPROVE, 1 REVIEW, 2 BLOCK; score 0-100, risk
0-1; amount: the sum in the base currency. Where there is a challenger, `CHALLENGER_FIELDS` besides."""
CARD_DAYS = pa.schema(
    [
        ("side", _TEXT), ("day", pa.int32()), ("risk", pa.float64()), ("known", _SMALL), ("customers", _COUNT),
        ("fraud_customers", _COUNT),
    ]
)  # fmt: skip
SEGMENTS = pa.schema(
    [
        ("segment", _TEXT), ("value", _TEXT), ("fraud", _SMALL), ("evidence_decision", _SMALL), ("count", _COUNT),
        ("amount", _AMOUNT),
    ]
)  # fmt: skip
RULES = pa.schema(
    [
        ("code", _TEXT), ("family", _TEXT), ("fraud", _SMALL), ("fired", _COUNT), ("alone", _COUNT), ("points", _COUNT),
        ("amount", _AMOUNT), ("lowered", _COUNT), ("lowered_amount", _AMOUNT),
    ]
)  # fmt: skip
OVERLAPS = pa.schema([("code_a", _TEXT), ("code_b", _TEXT), ("fraud", _SMALL), ("count", _COUNT)])
_NULLABLE = frozenset({"scenario", "value", "family"})


@dataclass(frozen=True, slots=True)
class Tallies:
    """All tables of one back-test; the schemas above say what is in them. Raises ValueError where something else is."""

    outcomes: pa.Table
    card_days: pa.Table = field(default_factory=CARD_DAYS.empty_table)
    segments: pa.Table = field(default_factory=SEGMENTS.empty_table)
    rules: pa.Table = field(default_factory=RULES.empty_table)
    overlaps: pa.Table = field(default_factory=OVERLAPS.empty_table)
    changes: Sequence[Mapping[str, Any]] = ()
    """Some of the rows that the challenger decides otherwise."""
    investigation: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        outcomes = pa.schema([*OUTCOMES, *(CHALLENGER_FIELDS if self.has_challenger else ())])
        for name, schema in (
            ("outcomes", outcomes), ("card_days", CARD_DAYS), ("segments", SEGMENTS), ("rules", RULES),
            ("overlaps", OVERLAPS),
        ):  # fmt: skip
            object.__setattr__(self, name, _as(schema, getattr(self, name), name))
        for name in ("decision", "evidence_decision", *(f.name for f in CHALLENGER_FIELDS[:2] if self.has_challenger)):
            _within(self.outcomes, name, 0, 2, "outcomes")
        for name in ("risk", *(["challenger_risk"] if self.has_challenger else [])):
            _within(self.outcomes, name, 0, 1, "outcomes")
        for name in ("score", *(["challenger_score"] if self.has_challenger else [])):
            _within(self.outcomes, name, 0, 100, "outcomes")
        _within(self.segments, "evidence_decision", 0, 2, "segments")
        for name in ("outcomes", "segments", "rules", "overlaps"):
            _within(getattr(self, name), "fraud", -1, 1, name)

    @property
    def has_challenger(self) -> bool:
        """Whether a second policy decided the same rows."""
        return "challenger_decision" in self.outcomes.column_names


def _as(schema: pa.Schema, table: pa.Table, name: str) -> pa.Table:
    missing = [one for one in schema.names if one not in table.column_names]
    if missing:
        raise ValueError(f"the table {name} lacks {', '.join(missing)}")
    table = table.select(schema.names).cast(schema)
    for column in schema.names:
        if column not in _NULLABLE and table.column(column).null_count:
            raise ValueError(f"the table {name} has rows without {column}")
    return table


def _within(table: pa.Table, column: str, low: float, high: float, name: str) -> None:
    values = table.column(column).to_numpy()
    if not ((values >= low) & (values <= high)).all():
        raise ValueError(f"the table {name} has {column} outside {low} to {high}")
