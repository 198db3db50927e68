"""What commands over many rows share: files to write, lines of JSON, a bar while they run."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, BinaryIO

from fraudray.cli.exits import InputError, problem_line, say

if TYPE_CHECKING:
    from fraudray.cli.rows import InputRow

BAR_BYTES = 256 * 1024
BATCH_ROWS = 500
BATCH_BYTES = 4 * 1024 * 1024
TOLD_MAX = 20


def readable(file: Path, stack: ExitStack) -> tuple[BinaryIO, str, int | None]:
    """A file to read, open until `stack` ends, or standard input for `-`; its name, and its size in bytes where that is
    known. Raises InputError."""
    if str(file) == "-":
        return sys.stdin.buffer, "standard input", None
    try:
        stream = stack.enter_context(file.open("rb"))
        return stream, str(file), file.stat().st_size if file.is_file() else None
    except OSError as error:
        raise InputError(f"cannot read {file}: {error.strerror}") from None


def in_batches(rows: Iterator[InputRow]) -> Iterator[list[InputRow]]:
    """Rows in batches that a server takes as one body."""
    batch: list[InputRow] = []
    size = 0
    for row in rows:
        batch.append(row)
        size += row.size
        if len(batch) >= BATCH_ROWS or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


class Refusals:
    """Refused rows: counted, and written to a file or, the first twenty, told."""

    def __init__(self, file: IO[str] | None) -> None:
        self._file = file
        self.count = 0

    def add(self, number: int, problem: dict[str, Any]) -> None:
        """One more row, by its number."""
        self.count += 1
        if self._file is not None:
            write_line(self._file, {"row": number, "problem": problem})
        elif self.count <= TOLD_MAX:
            say(f"row {number}: {problem_line(problem)}")
        elif self.count == TOLD_MAX + 1:
            say("further refused rows are not listed; --rejects FILE keeps all of them")


def writable(path: Path | None, stack: ExitStack, *, read: Path | None = None) -> IO[str] | None:
    """A file to write, open until `stack` ends; None for None. Raises InputError, also where it is the file `read`."""
    if path is None:
        return None
    if read is not None and path.exists() and read.exists() and path.samefile(read):
        raise InputError(f"{path} is the file to read; write to another")
    try:
        return stack.enter_context(path.open("w", encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}") from None


def json_line(document: Any) -> str:
    """A document in one line."""
    return json.dumps(document, ensure_ascii=False, default=str)


def write_line(file: IO[str], document: Any) -> None:
    """Write a document as one line."""
    file.write(json_line(document) + "\n")


@contextlib.contextmanager
def progress(size: int | None, doing: str) -> Iterator[Callable[[int], None]]:
    """A bar on stderr for a file of more than 256 KiB, when a terminal watches; call it with the bytes done."""
    if size is None or size < BAR_BYTES or not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn(doing), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(doing, total=size)
        yield lambda done: bar.advance(task, done)
