"""Columns that readers add to a foreign table, by names that no source has."""

from __future__ import annotations

FILE = "fraudray:file"
"""int32: the file's index among the import's files."""
FILE_ROW = "fraudray:file_row"
"""int64: the row's number in its file, from 1; a header is not counted."""
BROKEN = "fraudray:broken"
"""text: why the row cannot be used at all; null where it can."""
LINE = "fraudray:line"
"""binary: a line of NDJSON that is not yet read."""

_FILE_BITS = 40


def order_number(file: int, file_row: int) -> int:
    """Where a row stands among all rows of an import: by file, then by place. Grows with the place, but has gaps."""
    return (file << _FILE_BITS) | file_row


def file_of(order: int) -> int:
    """The index of the file of an order number."""
    return order >> _FILE_BITS


def file_row_of(order: int) -> int:
    """The row in its file of an order number."""
    return order & ((1 << _FILE_BITS) - 1)
