"""Reading list entries from a file: CSV with a header, NDJSON, a JSON array, or a YAML list."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from fraudray.cli.csv_rows import csv_rows
from fraudray.cli.exits import InputError
from fraudray.cli.rows import InputRow, read_input
from fraudray.cli.session import read_text

COLUMNS = ("level", "kind", "value", "rule", "reason", "expires")
FILE_MAX = 64 * 1024 * 1024


def read_entries(file: Path, stack: ExitStack) -> Iterator[InputRow]:
    """The rows of `file`, by its ending; NDJSON is open until `stack` ends. Raises InputError."""
    match file.suffix.lower():
        case ".csv":
            text = read_text(file, FILE_MAX)
            if "\0" in text:
                raise InputError(f"{file} is no CSV text: it contains a NUL character")
            return csv_rows(io.StringIO(text, newline=""), str(file), COLUMNS, required=("level", "value", "reason"))
        case ".yaml" | ".yml":
            return _yaml_rows(read_text(file, FILE_MAX), file)
        case ".json" | ".ndjson" | ".jsonl":
            try:
                stream = stack.enter_context(file.open("rb"))
            except OSError as error:
                raise InputError(f"cannot read {file}: {error.strerror}") from None
            return read_input(stream, str(file)).rows
    raise InputError(f"{file}: the ending says what it is: .csv, .ndjson, .jsonl, .json, .yaml or .yml")


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
