"""What commands over many rows share: files to write, lines of JSON, a bar while they run."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

from fraudray.cli.exits import InputError

BAR_BYTES = 256 * 1024


def writable(path: Path | None, stack: ExitStack) -> IO[str] | None:
    """A file to write, open until `stack` ends; None for None. Raises InputError."""
    if path is None:
        return None
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
