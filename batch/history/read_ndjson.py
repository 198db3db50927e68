"""NDJSON: a file as a stream of lines, and lines as columns of text.

Numbers keep their text as written, so that an amount stays exact; `true` and `false` become those words.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa

from fraudray.batch.history.errors import HistoryError
from fraudray.batch.history.reserved import BROKEN, FILE, FILE_ROW, LINE
from fraudray.batch.history.sources import open_stream, unreadable
from fraudray.domain.text import is_unicode

LINE_BYTES_MAX = 1024 * 1024
_CHUNK_BYTES = 1024 * 1024
_BLOCK_BYTES = 4 * 1024 * 1024
_BOM = b"\xef\xbb\xbf"


def read_lines(path: str, endpoint: str | None) -> Iterator[pa.Table]:
    """The lines that are not blank, as `LINE` with their numbers as `FILE_ROW`; of one longer than 1 MiB a stump.

    Raises HistoryError for a file that cannot be read to its end.
    """
    lines: list[bytes] = []
    numbers: list[int] = []
    size = 0
    for number, line in _numbered(path, endpoint):
        lines.append(line)
        numbers.append(number)
        size += len(line)
        if size >= _BLOCK_BYTES:
            yield _table(lines, numbers)
            lines, numbers, size = [], [], 0
    if lines:
        yield _table(lines, numbers)


def first_lines(path: str, endpoint: str | None, count: int) -> list[bytes]:
    """The first lines. Raises as `read_lines`, and for a JSON array or UTF-16."""
    found = []
    for _, line in _numbered(path, endpoint):
        found.append(line)
        if len(found) == count:
            break
    if found and found[0].lstrip()[:1] == b"[":
        raise HistoryError(f"{path} is a JSON array; write one object a line (NDJSON) instead")
    if found and found[0][:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise HistoryError(f"{path} is UTF-16 text; JSON is UTF-8")
    return found


def columns_of_lines(block: pa.Table, needed: Sequence[str]) -> pa.Table:
    """The columns `needed` of a block of lines, as text, with `FILE`, `FILE_ROW` and `BROKEN`.

    A key that an object lacks is null. A row is broken that is no JSON object, gives a key twice, or holds a list or an
    object under a needed key.
    """
    values: dict[str, list[str | None]] = {name: [] for name in needed}
    broken: list[str | None] = []
    for line in block.column(LINE).to_pylist():
        texts: dict[str, str | None] = {}
        problem = None
        try:
            row = parse_line(line)
            texts = {name: text_of(row.get(name)) for name in needed}
        except ValueError as error:
            problem = str(error)
        broken.append(problem)
        for name, column in values.items():
            column.append(texts.get(name))
    table = pa.table({name: pa.array(column, pa.string()) for name, column in values.items()})
    for name in (FILE, FILE_ROW):
        table = table.append_column(name, block.column(name))
    return table.append_column(BROKEN, pa.array(broken, pa.string()))


def parse_line(line: bytes) -> dict[str, Any]:
    """A line as an object whose numbers are texts. Raises ValueError with a sentence that repeats no value."""
    if len(line) > LINE_BYTES_MAX:
        raise ValueError(f"is longer than {LINE_BYTES_MAX // 1024} KiB")
    try:
        found = json.loads(
            line.decode(), parse_float=str, parse_int=str, parse_constant=str, object_pairs_hook=_no_repeated_key
        )
    except UnicodeDecodeError as error:
        raise ValueError(f"is not UTF-8 text: {error.reason}") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"is not JSON: {error.msg} at character {error.colno}") from None
    except RecursionError:
        raise ValueError("is not JSON: nested too deeply") from None
    if not isinstance(found, dict):
        raise ValueError("is not a JSON object")
    return found


def _no_repeated_key(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("gives a key twice in one object")
    return found


def text_of(value: Any) -> str | None:
    """A value as text; None for null. Raises ValueError for a list, an object, or text that is not Unicode."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None or isinstance(value, str):
        if value is not None and not is_unicode(value):
            raise ValueError("holds half of a surrogate pair, which is no text")
        return value
    raise ValueError("holds a list or an object where a value should be")


def _table(lines: list[bytes], numbers: list[int]) -> pa.Table:
    return pa.table({LINE: pa.array(lines, pa.binary()), FILE_ROW: pa.array(numbers, pa.int64())})


def _numbered(path: str, endpoint: str | None) -> Iterator[tuple[int, bytes]]:
    """Lines with their numbers, blank ones left out. A line too long is cut just behind the limit, which tells."""
    number, rest, skipping = 1, b"", False
    try:
        with open_stream(path, endpoint) as stream:
            while chunk := stream.read(_CHUNK_BYTES):
                chunk = bytes(chunk)
                if number == 1 and not rest and not skipping:
                    chunk = chunk.removeprefix(_BOM)
                parts = (rest + chunk).split(b"\n")
                rest = parts.pop()
                for line in parts:
                    if not skipping and line.strip():
                        yield number, line[: LINE_BYTES_MAX + 1]
                    number, skipping = number + 1, False
                if skipping:
                    rest = b""
                elif len(rest) > LINE_BYTES_MAX:
                    yield number, rest[: LINE_BYTES_MAX + 1]
                    rest, skipping = b"", True
    except (OSError, pa.ArrowInvalid) as error:
        raise unreadable(path, error) from None
    if rest.strip() and not skipping:
        yield number, rest
