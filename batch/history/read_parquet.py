"""Parquet: a file's facts, and a run of row groups as a stream of tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from fraudray.batch.history.errors import HistoryError
from fraudray.batch.history.reserved import BROKEN, FILE_ROW
from fraudray.batch.history.sources import open_file, unreadable

BATCH_ROWS = 65_536


@dataclass(frozen=True, slots=True)
class ParquetFacts:
    """What a file's footer says: its columns (dictionaries as what they hold), and the rows of each row group."""

    schema: pa.Schema
    group_rows: tuple[int, ...]


def parquet_facts(path: str, endpoint: str | None) -> ParquetFacts:
    """Read a file's footer. Raises HistoryError."""
    with _opened(path, endpoint) as file:
        found = file.metadata
        groups = tuple(found.row_group(index).num_rows for index in range(found.num_row_groups))
        return ParquetFacts(pa.schema([(field.name, plain_type(field.type)) for field in file.schema_arrow]), groups)


def read_parquet(
    path: str, endpoint: str | None, groups: Sequence[int], first_row: int, schema: pa.Schema
) -> Iterator[pa.Table]:
    """The columns of `schema`, cast to its types (null where the file lacks one), with `FILE_ROW`; nothing is broken.

    `groups` are the row groups to read, `first_row` the number (from 1) of the first row in them.

    Raises HistoryError for a file that cannot be read.
    """
    with _opened(path, endpoint) as file:
        columns = [name for name in schema.names if name in file.schema_arrow.names]
        try:
            batches = file.iter_batches(BATCH_ROWS, row_groups=list(groups), columns=columns, use_threads=False)
            for batch in batches:
                table = _cast(pa.table(batch), schema, path)
                numbers = pa.array(np.arange(first_row, first_row + table.num_rows, dtype=np.int64))
                first_row += table.num_rows
                yield table.append_column(FILE_ROW, numbers).append_column(BROKEN, pa.nulls(len(numbers), pa.string()))
        except (OSError, pa.ArrowInvalid) as error:
            raise unreadable(path, error) from None


def first_texts(path: str, endpoint: str | None, column: str, count: int) -> list[str]:
    """The first texts of a text column that are given. Raises HistoryError."""
    with _opened(path, endpoint) as file:
        try:
            for batch in file.iter_batches(10_000, columns=[column], use_threads=False):
                texts: list[str] = batch.column(0).drop_null().cast(pa.string()).to_pylist()
                if texts:
                    return texts[:count]
        except (OSError, pa.ArrowInvalid) as error:
            raise unreadable(path, error) from None
    return []


def plain_type(kind: pa.DataType) -> pa.DataType:
    """The type that a column is read as: texts of any layout are string, a dictionary is what it holds."""
    if pa.types.is_dictionary(kind):
        return plain_type(kind.value_type)
    texts = (pa.types.is_large_string, pa.types.is_string_view, pa.types.is_binary, pa.types.is_large_binary)
    return pa.string() if any(test(kind) for test in texts) else kind


def _opened(path: str, endpoint: str | None) -> Any:
    source = open_file(path, endpoint)
    try:
        return parquet.ParquetFile(source, pre_buffer=path.startswith("s3://"))
    except (OSError, pa.ArrowInvalid) as error:
        raise unreadable(path, error) from None


def _cast(table: pa.Table, schema: pa.Schema, path: str) -> pa.Table:
    columns = []
    for field in schema:
        if field.name not in table.column_names:
            columns.append(pa.nulls(table.num_rows, field.type))
            continue
        try:
            columns.append(table.column(field.name).cast(field.type))
        except pa.ArrowInvalid as error:
            raise HistoryError(f"{path}: column {field.name} is not {field.type} throughout ({error})") from None
    return pa.table(columns, schema=schema)
