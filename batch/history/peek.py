"""A look at every file before anything is read: which columns it has, about how many rows, and a few of its texts."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pyarrow as pa

from fraudray.batch.history.errors import HistoryError
from fraudray.batch.history.forms import CsvForm
from fraudray.batch.history.read_csv import csv_head
from fraudray.batch.history.read_ndjson import first_lines, parse_line, text_of
from fraudray.batch.history.read_parquet import first_texts, parquet_facts
from fraudray.batch.history.sources import FileKind, Files, FoundFile

SAMPLE_ROWS = 1000
_THREADS = 8
_GZ_RATIO = 5
"""How much larger a text is than its .gz, about; only to choose the number of parts."""


@dataclass(frozen=True, slots=True)
class Peeked:
    """One file: its columns in order (none in an empty file), its rows (an estimate but for Parquet), row groups, and
    the first texts of its text columns."""

    path: str
    columns: pa.Schema
    rows: int
    group_rows: tuple[int, ...] = ()
    samples: dict[str, list[str]] = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        """Whether it has not even columns."""
        return not self.columns.names


def peek(files: Files, csv: CsvForm) -> list[Peeked]:
    """Look at each file. Raises HistoryError for one that cannot be read, and when none has columns."""
    with ThreadPoolExecutor(_THREADS) as pool:
        found = list(pool.map(lambda file: _peek(file, files, csv), files.found))
    if all(one.empty for one in found):
        raise HistoryError(
            f"{found[0].path} is empty: it has no columns" + (", nor have the others" if found[1:] else "")
        )
    return found


def samples_of(peeked: list[Peeked], files: Files, column: str) -> list[str]:
    """The first texts that are given in a text column, of the first file that has some. Raises HistoryError."""
    for one in peeked:
        if files.kind is FileKind.PARQUET and column in one.columns.names:
            texts = first_texts(one.path, files.endpoint, column, SAMPLE_ROWS)
        else:
            texts = one.samples.get(column, [])
        if texts:
            return texts
    return []


def unified(peeked: list[Peeked], needed: tuple[str, ...]) -> pa.Schema:
    """The columns `needed` that any file has, each with a type that holds what all files have in it.

    Raises HistoryError naming two files whose types of a column do not go together.
    """
    found: dict[str, tuple[pa.DataType, str]] = {}
    for one in peeked:
        for name in needed:
            if name not in one.columns.names:
                continue
            kind = one.columns.field(name).type
            before, path = found.get(name, (kind, one.path))
            try:
                both = [pa.schema([(name, before)]), pa.schema([(name, kind)])]
                found[name] = (pa.unify_schemas(both, promote_options="permissive").field(name).type, path)
            except (pa.ArrowTypeError, pa.ArrowInvalid):
                raise HistoryError(f"column {name} is {before} in {path}, but {kind} in {one.path}") from None
    return pa.schema([(name, kind) for name, (kind, _) in found.items()])


def _peek(file: FoundFile, files: Files, csv: CsvForm) -> Peeked:
    if files.kind is FileKind.PARQUET:
        facts = parquet_facts(file.path, files.endpoint)
        return Peeked(file.path, facts.schema, sum(facts.group_rows), facts.group_rows)
    if not file.size:
        return Peeked(file.path, pa.schema([]), 0)
    if files.kind is FileKind.CSV:
        found, head_bytes = csv_head(file.path, files.endpoint, csv)
        header, *rows = found or [[]]
        texts = {name: [row[at] for row in rows[:SAMPLE_ROWS] if at < len(row)] for at, name in enumerate(header)}
        names, seen = header, len(rows)
    else:
        lines = first_lines(file.path, files.endpoint, SAMPLE_ROWS)
        texts, seen, head_bytes = _json_texts(lines), len(lines), sum(len(line) + 1 for line in lines)
        names = list(texts)
    size = file.size * (_GZ_RATIO if file.path.endswith(".gz") else 1)
    return Peeked(
        file.path, pa.schema([(name, pa.string()) for name in names]), _estimate(seen, head_bytes, size), samples=texts
    )


def _json_texts(lines: list[bytes]) -> dict[str, list[str]]:
    texts: dict[str, list[str]] = {}
    for line in lines:
        try:
            row = parse_line(line)
        except ValueError:
            continue  # a row that is refused when its turn comes
        for name, value in row.items():
            texts.setdefault(name, [])
            with contextlib.suppress(ValueError):
                if (text := text_of(value)) is not None:
                    texts[name].append(text)
    return texts


def _estimate(rows: int, head_bytes: int, size: int) -> int:
    return rows if size <= head_bytes else round(size * rows / max(head_bytes, 1))
