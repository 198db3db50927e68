"""CSV: the header, and a file as a stream of tables of text in which every row keeps its number."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import csv as arrow_csv

from fraudray.batch.history.errors import HistoryError
from fraudray.batch.history.forms import CsvForm
from fraudray.batch.history.reserved import BROKEN, FILE_ROW
from fraudray.batch.history.sources import open_stream, unreadable

BLOCK_BYTES = 4 * 1024 * 1024
"""No row may be longer."""
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


def csv_head(path: str, endpoint: str | None, form: CsvForm, size: int = 256 * 1024) -> tuple[list[list[str]], int]:
    """The header and the first rows, as lists of texts, and how many bytes of the (unpacked) file they fill.

    Raises HistoryError for a file that cannot be read or is not in the encoding that the mapping names.
    """
    try:
        with open_stream(path, endpoint) as stream:
            head = bytes(stream.read(size))
            whole = not stream.read(1)
    except OSError as error:
        raise unreadable(path, error) from None
    text = _decoded(head, path, form, whole=whole)
    try:
        rows = [
            row
            for row in csv.reader(io.StringIO(text, newline=""), delimiter=form.delimiter, quotechar=form.quote)
            if row
        ]
    except csv.Error as error:
        raise unreadable(path, error) from None
    if not whole and len(rows) > 2:
        rows.pop()  # it may be cut
    return rows, len(head)


def read_csv(path: str, endpoint: str | None, form: CsvForm, needed: Sequence[str]) -> Iterator[pa.Table]:
    """The columns `needed` as text, and for every row `FILE_ROW` (1-based, the header not counted) and `BROKEN`, which
    says why a row cannot be used: another number of fields than the header, or not in the file's encoding.

    Raises HistoryError for a file that cannot be read to its end.
    """
    rows = _Rows()
    try:
        with open_stream(path, endpoint) as stream:
            reader = arrow_csv.open_csv(
                stream,
                read_options=arrow_csv.ReadOptions(use_threads=False, block_size=BLOCK_BYTES, encoding=form.encoding),
                parse_options=arrow_csv.ParseOptions(
                    delimiter=form.delimiter, quote_char=form.quote, newlines_in_values=True,
                    invalid_row_handler=rows.note,
                ),
                convert_options=arrow_csv.ConvertOptions(
                    check_utf8=False, column_types={name: pa.string() for name in needed}, include_columns=needed,
                    include_missing_columns=True, strings_can_be_null=False,
                ),
            )  # fmt: skip
            for batch in reader:
                yield rows.number(pa.table(batch))
    except pa.ArrowInvalid as error:
        if "Empty CSV file" not in str(error):
            raise unreadable(path, error) from None
    except (OSError, UnicodeError) as error:
        raise unreadable(path, error) from None
    if rows.misshapen:
        yield rows.number(pa.table({name: pa.array([], pa.string()) for name in needed}))


class _Rows:
    """Numbers rows as they come. The parser tells of misshapen rows, by number, before it hands on those around."""

    def __init__(self) -> None:
        self.misshapen: dict[int, str] = {}
        self._last = 0

    def note(self, row: Any) -> str:
        """Called by the parser for a misshapen row."""
        number = row.number - 1  # the parser counts the header
        self.misshapen[number] = f"has {row.actual_columns} fields where the header has {row.expected_columns}"
        return "skip"

    def number(self, table: pa.Table) -> pa.Table:
        """The table with row numbers, and with a row for each misshapen one before its end."""
        known = np.fromiter(sorted(self.misshapen), np.int64, len(self.misshapen))
        free = np.arange(self._last + 1, self._last + 1 + table.num_rows + len(known), dtype=np.int64)
        good = np.setdiff1d(free, known, assume_unique=True)[: table.num_rows]
        end = int(good[-1]) if len(good) else self._last
        lost = []
        for number in known.tolist():
            if number <= end + 1:
                lost.append(number)
                end = max(end, number)
        self._last = end
        table, undecodable = _checked_text(table)
        table = table.append_column(FILE_ROW, pa.array(good)).append_column(BROKEN, undecodable)
        if not lost:
            return table
        reasons = pa.array([self.misshapen.pop(number) for number in lost], pa.string())
        more = {name: pa.nulls(len(lost), pa.string()) for name in table.column_names[:-2]}
        return pa.concat_tables([table, pa.table(more | {FILE_ROW: pa.array(lost, pa.int64()), BROKEN: reasons})])


def _checked_text(table: pa.Table) -> tuple[pa.Table, pa.Array]:
    """The table with rows emptied that hold bytes that are not UTF-8, and what to say of those."""
    bad = np.zeros(table.num_rows, dtype=bool)
    for column in table.columns:
        try:
            column.validate(full=True)
        except pa.ArrowInvalid:
            for index, value in enumerate(column.cast(pa.binary()).to_pylist()):
                bad[index] |= not _is_utf8(value)
    if not bad.any():
        return table, pa.nulls(table.num_rows, pa.string())
    keep = pa.array(~bad)
    columns = {
        name: pa.array(
            [value if kept else None for value, kept in zip(column.cast(pa.binary()).to_pylist(), ~bad, strict=True)],
            pa.binary(),
        ).cast(pa.string())
        for name, column in zip(table.column_names, table.columns, strict=True)
    }
    reason = "is not UTF-8 text; say `csv: {encoding: …}` in the mapping if the file is in another encoding"
    return pa.table(columns), pa.array([None if kept else reason for kept in keep.to_pylist()], pa.string())


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def _decoded(head: bytes, path: str, form: CsvForm, *, whole: bool) -> str:
    if head.startswith(_UTF16) and not form.encoding.startswith("utf-16"):
        raise HistoryError(f"{path} is UTF-16 text; say `csv: {{encoding: utf-16}}` in the mapping")
    decoder = codecs.getincrementaldecoder(form.encoding)(errors="replace")
    return decoder.decode(head, whole).removeprefix("\ufeff")
