"""Cases as a table that others read: CSV, or Parquet with types."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from fraudray.domain.case import CaseSummary
from fraudray.domain.errors import NotInstalled

COLUMNS = (
    "case_id", "customer_id", "status", "decision", "score", "opened_at", "last_alert_at", "updated_at", "due_at",
    "assignee", "locked_until", "waiting_until", "amount", "currency", "amount_base", "base_currency", "merchant",
    "reasons", "disposition", "merged_into", "version",
)  # fmt: skip
_MOMENTS = frozenset(name for name in COLUMNS if name.endswith(("_at", "_until")))
_AMOUNTS = ("amount", "amount_base")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
ROWS_AT_ONCE = 2000


def csv_of(cases: Iterable[CaseSummary]) -> Iterator[bytes]:
    """UTF-8 CSV with a header, in pieces. Reasons are separated by spaces; what a spreadsheet would take for a formula
    begins with an apostrophe."""
    yield _lines([list(COLUMNS)])
    rows = iter(cases)
    while batch := list(islice(rows, ROWS_AT_ONCE)):
        yield _lines([[_cell(name, getattr(case, name)) for name in COLUMNS] for case in batch])


def parquet_of(cases: Iterable[CaseSummary]) -> Iterator[bytes]:
    """Parquet: text, int32 (score, version), timestamps in UTC (µs), decimal128(20, 4) amounts, a list of reasons.
    Raises NotInstalled without pyarrow."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise NotInstalled("Parquet needs pyarrow: pip install 'fraudray[batch]'; or ask for CSV") from None
    kinds: dict[str, Any] = dict.fromkeys(COLUMNS, pa.string())
    kinds |= dict.fromkeys(_MOMENTS, pa.timestamp("us", tz="UTC")) | dict.fromkeys(_AMOUNTS, pa.decimal128(20, 4))
    kinds |= {"reasons": pa.list_(pa.string()), "score": pa.int32(), "version": pa.int32()}
    schema = pa.schema(list(kinds.items()))
    pieces = io.BytesIO()
    rows = iter(cases)
    with pq.ParquetWriter(pieces, schema, compression="zstd") as writer:
        while batch := list(islice(rows, ROWS_AT_ONCE)):
            columns = {name: [_value(getattr(case, name)) for case in batch] for name in COLUMNS}
            writer.write_table(pa.table(columns, schema=schema))
            yield _taken(pieces)
    yield _taken(pieces)


def _taken(pieces: io.BytesIO) -> bytes:
    """What was written since the last call; the writer only ever appends."""
    taken = pieces.getvalue()
    pieces.seek(0)
    pieces.truncate()
    return taken


def _lines(rows: Iterable[Iterable[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode()


def _cell(name: str, value: Any) -> str:
    if value is None:
        return ""
    if name in _MOMENTS:
        return str(value.isoformat().replace("+00:00", "Z"))
    text = " ".join(value) if isinstance(value, list) else str(value)
    return "'" + text if text.startswith(_FORMULA) else text


def _value(value: Any) -> Any:
    return str(value) if isinstance(value, str) else value  # an Outcome as text


FORMATS = {"csv": csv_of, "parquet": parquet_of}
