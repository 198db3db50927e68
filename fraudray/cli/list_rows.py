"""Reading list entries from a file: CSV with a header, NDJSON, a JSON array, or a YAML list."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from fraudray.cli.exits import InputError
from fraudray.cli.rows import InputRow, read_input
from fraudray.cli.session import read_text
from fraudray.problems import problem

COLUMNS = ("level", "kind", "value", "rule", "reason", "expires")
FILE_MAX = 64 * 1024 * 1024


def read_entries(file: Path, stack: ExitStack) -> Iterator[InputRow]:
    """The rows of `file`, by its ending; NDJSON is open until `stack` ends. Raises InputError."""
    match file.suffix.lower():
        case ".csv":
            return _csv_rows(read_text(file, FILE_MAX), file)
        case ".yaml" | ".yml":
            return _yaml_rows(read_text(file, FILE_MAX), file)
        case ".json" | ".ndjson" | ".jsonl":
            try:
                stream = stack.enter_context(file.open("rb"))
            except OSError as error:
                raise InputError(f"cannot read {file}: {error.strerror}") from None
            return read_input(stream, str(file)).rows
    raise InputError(f"{file}: the ending says what it is: .csv, .ndjson, .jsonl, .json, .yaml or .yml")


def _csv_rows(text: str, file: Path) -> Iterator[InputRow]:
    """Rows under their column's name; an empty cell is left out. Rows are numbered by their last line."""
    if "\0" in text:
        raise InputError(f"{file} is no CSV text: it contains a NUL character")
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [name.strip().lower() for name in next(reader, [])]
    except csv.Error as error:
        raise InputError(f"{file}:1: is not CSV: {error}") from None
    missing = [name for name in ("level", "value", "reason") if name not in header]
    unknown = [name for name in header if name not in COLUMNS]
    if missing or unknown or len(set(header)) != len(header):
        what = f"lacks {', '.join(missing)}" if missing else f"has {', '.join(map(repr, unknown))}" if unknown else ""
        raise InputError(f"{file}: the header {what or 'names a column twice'}; columns are {', '.join(COLUMNS)}")
    return _csv_body(reader, header)


def _csv_body(reader: Any, header: list[str]) -> Iterator[InputRow]:
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


def _yaml_rows(text: str, file: Path) -> Iterator[InputRow]:
    import yaml

    try:
        rows = yaml.load(text, Loader=yaml.CBaseLoader)  # noqa: S506 - makes nothing but text, lists and mappings
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        where = getattr(error, "problem_mark", None)
        place = f":{where.line + 1}:{where.column + 1}" if where else ""
        raise InputError(f"{file}{place}: is not YAML: {getattr(error, 'problem', None) or error}") from None
    if not isinstance(rows, list):
        raise InputError(f"{file} is not a YAML list of entries")
    return (InputRow(number, row) for number, row in enumerate(rows, start=1))
