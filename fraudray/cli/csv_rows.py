"""Rows of CSV with a header, each a document under its column's names."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from fraudray.cli.exits import InputError
from fraudray.cli.rows import InputRow
from fraudray.problems import problem


def csv_rows(lines: Iterable[str], name: str, columns: Sequence[str], *, required: Sequence[str]) -> Iterator[InputRow]:
    """Rows under their column's name; an empty cell is left out. Rows are numbered by their last line.

    Raises InputError for a header that lacks a required column, or has one that is not among `columns`.
    """
    reader = csv.reader(lines, strict=True)
    try:
        header = [column.strip().lower() for column in next(reader, [])]
    except csv.Error as error:
        raise InputError(f"{name}:1: is not CSV: {error}") from None
    missing = [column for column in required if column not in header]
    unknown = [column for column in header if column not in columns]
    if missing or unknown or len(set(header)) != len(header):
        what = f"lacks {', '.join(missing)}" if missing else f"has {', '.join(map(repr, unknown))}" if unknown else ""
        raise InputError(f"{name}: the header {what or 'names a column twice'}; columns are {', '.join(columns)}")
    return _body(reader, header)


def _body(reader: Any, header: list[str]) -> Iterator[InputRow]:
    while True:
        before = reader.line_num
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield InputRow(max(reader.line_num, before + 1), problem=problem(400, f"is not CSV: {error}"))
            continue
        size = sum(len(cell) + 1 for cell in cells)
        if len(cells) > len(header):
            detail = f"has {len(cells)} cells under {len(header)} columns; quote a cell that holds a comma"
            yield InputRow(reader.line_num, problem=problem(400, detail), size=size)
        elif any(cells):
            row = {name: cell for name, cell in zip(header, cells, strict=False) if cell != ""}
            yield InputRow(reader.line_num, row, size=size)
