"""A file in the layout of the Fraud Detection Handbook."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from fraudray.batch.bench.payments import Payments
from fraudray.batch.replay.sorting import Ints
from fraudray.cli.exits import InputError

COLUMNS = ("TX_DATETIME", "CUSTOMER_ID", "TERMINAL_ID", "TX_AMOUNT", "TX_FRAUD")


def read_payments(path: Path, *, rows: int | None = None) -> Payments:
    """The payments of a Parquet file in order of time; only the first `rows` of them. Columns beyond `COLUMNS` are not
    read. Raises InputError."""
    try:
        with path.open("rb") as stream, parquet.ParquetFile(stream) as file:
            missing = [name for name in COLUMNS if name not in file.schema_arrow.names]
            if missing:
                raise InputError(f"{path} has no column {', '.join(missing)}; the handbook's are {', '.join(COLUMNS)}")
            table = file.read(columns=list(COLUMNS))
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from None
    except pa.ArrowInvalid as error:
        raise InputError(f"{path} is no Parquet file: {error}") from None
    if not table.num_rows:
        raise InputError(f"{path} has no rows")
    return Payments.in_order(
        _plain(table, "TX_DATETIME", pa.timestamp("us"), path).to_numpy().astype(np.int64),
        _keys(table, "CUSTOMER_ID", path), _keys(table, "TERMINAL_ID", path),
        _plain(table, "TX_AMOUNT", pa.float64(), path).to_numpy(),
        _plain(table, "TX_FRAUD", pa.int64(), path).to_numpy() > 0,
        rows=rows,
    )  # fmt: skip


def _plain(table: pa.Table, name: str, kind: pa.DataType, path: Path) -> pa.ChunkedArray:
    column = table.column(name)
    empty = column.null_count
    if pa.types.is_floating(column.type):
        empty = len(column) - (pc.sum(pc.is_finite(column)).as_py() or 0)
    if empty:
        raise InputError(f"{path} has {empty:,} rows without {name}")
    try:
        return column.cast(kind)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise InputError(f"{path}: {name} is {column.type} and cannot be read as {kind}: {error}") from None


def _keys(table: pa.Table, name: str, path: Path) -> Ints:
    """Numbers as they are, anything else numbered."""
    column = table.column(name)
    if pa.types.is_integer(column.type):
        numbers: Ints = _plain(table, name, pa.int64(), path).to_numpy()
        return numbers
    texts = _plain(table, name, pa.string(), path).combine_chunks()
    codes: Ints = texts.dictionary_encode().indices.to_numpy(zero_copy_only=False).astype(np.int64)
    return codes
