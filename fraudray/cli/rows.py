"""Reading transactions from a stream: one JSON object, a JSON array, or NDJSON, with exact decimals.

NDJSON is read line by line, so that a file may be larger than memory; an object or an array is read whole, up to a
limit. A line that is no JSON becomes a row with its problem and stops no other.
"""

from __future__ import annotations

import io
import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

from fraudray.cli.exits import InputError
from fraudray.domain.transaction import load_json
from fraudray.problems import problem

LINE_MAX = 64 * 1024
ARRAY_MAX = 64 * 1024 * 1024
_BOM = b"\xef\xbb\xbf"
Reader = BinaryIO


@dataclass(frozen=True, slots=True)
class InputRow:
    """One row: its number (1-based; the line in NDJSON), its data or what is wrong with it, its size in bytes."""

    number: int
    data: Any = None
    problem: dict[str, Any] | None = None
    size: int = 0


@dataclass(frozen=True, slots=True)
class Input:
    """All rows of a stream; `single` when the stream is just one JSON object."""

    single: bool
    rows: Iterator[InputRow]


def read_input(stream: BinaryIO, name: str) -> Input:
    """The rows of `stream`. Raises InputError when it is empty, not UTF-8 text, or a broken object or array."""
    reader = _buffered(_Raw(stream))
    first, number = _first_line(reader, name)
    if first.lstrip()[:1] == b"[":
        return _array(first, reader, name)
    if len(first) > LINE_MAX:
        return Input(False, _lines(_buffered(_Raw(reader, first)), number))
    row = _row(number, first)
    if row.problem is not None and first.lstrip()[:1] == b"{" and row.problem["status"] == 400:
        return _object_or_lines(number, first, reader, name)
    rest = _lines(reader, number + 1)
    second = next(rest, None)
    if second is None:
        return Input(row.problem is None and isinstance(row.data, dict), iter([row]))
    return Input(False, itertools.chain([row, second], rest))


def seems_json(stream: BinaryIO) -> tuple[bool, BinaryIO]:
    """Whether a stream begins as JSON does, or has nothing; and the stream to read from its beginning."""
    reader = io.BufferedReader(_Raw(stream))
    head = reader.peek(1).removeprefix(_BOM).lstrip()
    return head[:1] in (b"", b"{", b"["), cast(BinaryIO, reader)


class _Raw(io.RawIOBase):
    """Bytes to be read first, then a stream."""

    def __init__(self, stream: BinaryIO, first: bytes = b"") -> None:
        self._stream, self._first = stream, first

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        part = self._first[: len(buffer)]
        if part:
            self._first = self._first[len(part) :]
        else:
            part = self._stream.read1(len(buffer)) if hasattr(self._stream, "read1") else self._stream.read(len(buffer))
        buffer[: len(part)] = part
        return len(part)


def _buffered(raw: _Raw) -> Reader:
    return cast(BinaryIO, io.BufferedReader(raw))


def _first_line(reader: Reader, name: str) -> tuple[bytes, int]:
    """The first line that is not blank, and its number."""
    number = 0
    while line := reader.readline(LINE_MAX + 1):
        number += 1
        if number == 1:
            if line[:2] in (b"\xff\xfe", b"\xfe\xff"):
                raise InputError(f"{name} is UTF-16 text; JSON is UTF-8")
            line = line.removeprefix(_BOM)
        if line.strip():
            return line, number
    raise InputError(f"{name} is empty; expected a JSON object, a JSON array, or one JSON object a line")


def _array(first: bytes, reader: Reader, name: str) -> Input:
    body = first + reader.read(ARRAY_MAX + 1 - len(first))
    if len(body) > ARRAY_MAX:
        limit = ARRAY_MAX // (1024 * 1024)
        raise InputError(f"{name} is a JSON array larger than {limit} MiB; write one object a line (NDJSON) instead")
    values = _whole(body, name)
    return Input(False, (InputRow(index, value) for index, value in enumerate(values, start=1)))


def _object_or_lines(number: int, first: bytes, reader: Reader, name: str) -> Input:
    """The first line is no object: either one object spans several lines, or this line is broken."""
    head = first + reader.read(LINE_MAX)
    try:
        data = load_json(head.decode("utf-8"))
    except ValueError as error:
        lines = list(_lines(_buffered(_Raw(io.BytesIO(head))), number))
        if len(head) <= LINE_MAX and all(row.problem for row in lines):
            raise _not_json(name, error) from None
        again = _buffered(_Raw(reader, head))
        return Input(False, _lines(again, number))
    return Input(True, iter([InputRow(number, data, size=len(head))]))


def _whole(body: bytes, name: str) -> Any:
    try:
        return load_json(body.decode("utf-8"))
    except ValueError as error:
        raise _not_json(name, error) from None


def _not_json(name: str, error: ValueError) -> InputError:
    if isinstance(error, json.JSONDecodeError):
        return InputError(f"{name}:{error.lineno}:{error.colno}: is not JSON: {error.msg}")
    if isinstance(error, UnicodeDecodeError):
        return InputError(f"{name} is not UTF-8 text: {error.reason} at byte {error.start}")
    return InputError(f"{name} is not JSON: {error}")


def _lines(reader: Reader, number: int) -> Iterator[InputRow]:
    """Rows of NDJSON from line `number` on; blank lines are no rows."""
    while line := reader.readline(LINE_MAX + 1):
        if len(line) > LINE_MAX and not line.endswith(b"\n"):
            size = len(line)
            while (more := reader.readline(LINE_MAX)) and not more.endswith(b"\n"):
                size += len(more)
            yield InputRow(number, problem=_too_long(), size=size)
        elif line.strip():
            yield _row(number, line)
        number += 1


def _row(number: int, line: bytes) -> InputRow:
    if len(line) > LINE_MAX:
        return InputRow(number, problem=_too_long(), size=len(line))
    try:
        return InputRow(number, load_json(line.decode("utf-8")), size=len(line))
    except UnicodeDecodeError as error:
        return InputRow(number, problem=problem(400, f"is not UTF-8 text: {error.reason}"), size=len(line))
    except json.JSONDecodeError as error:
        detail = f"is not JSON: {error.msg} at character {error.colno}"
        return InputRow(number, problem=problem(400, detail), size=len(line))
    except ValueError as error:
        return InputRow(number, problem=problem(400, f"is not JSON: {error}"), size=len(line))


def _too_long() -> dict[str, Any]:
    return problem(413, f"the line is longer than {LINE_MAX // 1024} KiB")
