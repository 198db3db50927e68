"""Reading labels from a stream: CSV with a header, NDJSON, or a JSON array."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, BinaryIO

from fraudray.cli.csv_rows import csv_rows
from fraudray.cli.rows import InputRow, read_input, seems_json

COLUMNS = ("transaction_id", "label", "source", "scenario", "labelled_at")
_SPELT = {
    "fraud": "fraud", "1": "fraud", "true": "fraud", "genuine": "genuine", "0": "genuine", "false": "genuine",
}  # fmt: skip


def read_labels(stream: BinaryIO, name: str, suffix: str) -> Iterator[InputRow]:
    """The rows of a stream; without a file's ending that says what it is, by how it begins. Raises InputError."""
    match suffix.lower():
        case ".csv":
            is_json = False
        case ".ndjson" | ".jsonl" | ".json":
            is_json = True
        case _:
            is_json, stream = seems_json(stream)
    if is_json:
        rows = read_input(stream, name).rows
    else:  # a byte that is not UTF-8 is refused with its row, as text that is not Unicode
        lines = io.TextIOWrapper(stream, "utf-8-sig", errors="surrogateescape", newline="")
        rows = csv_rows(lines, name, COLUMNS, required=("transaction_id", "label"))
    return (replace(row, data=_spelt(row.data)) for row in rows)


def _spelt(row: Any) -> Any:
    """A row whose label says fraud or genuine, where it says 1 or 0, true or false."""
    if not isinstance(row, dict) or not isinstance(row.get("label"), str | int):
        return row
    said = _SPELT.get(str(row["label"]).strip().casefold())
    return row if said is None else row | {"label": said}
