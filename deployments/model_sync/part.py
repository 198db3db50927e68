"""A file under construction: written in ranges, by several at once, with a record of the ranges that are there."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Self

from fraudray.deployments.model_sync.source import SourceFile

Range = tuple[int, int]
"""Where it starts, and its length, in bytes."""


def fsync_folder(folder: Path) -> None:
    """Make names in a folder outlive a crash."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class PartFile:
    """The bytes of one source file so far. The record is a line for the file it is of, then one a range.

    A range is on record only after its bytes are on the disk, so that a killed process loses no more than what it was
    at. A record of another version of the source file, or with other ranges, is thrown away with its bytes.
    """

    def __init__(self, path: Path, record: Path, source: SourceFile, range_bytes: int) -> None:
        """Opens or begins it; `record` is the path of its record. Raises OSError."""
        self._path, self._record, self._source = path, record, source
        self._range_bytes = range_bytes
        self._lock = threading.Lock()
        for file in (path, record):
            file.parent.mkdir(parents=True, exist_ok=True)
        self._done = self._recorded()
        if not self._done:
            self._begin()
        self._bytes = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
        os.ftruncate(self._bytes, source.size_bytes)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._bytes)

    @property
    def done_bytes(self) -> int:
        """How many bytes are there."""
        return sum(length for start, length in self._ranges() if start in self._done)

    def missing(self) -> list[Range]:
        """The ranges that are not there yet."""
        return [(start, length) for start, length in self._ranges() if start not in self._done]

    def write(self, start: int, pieces: Iterable[bytes]) -> int:
        """Write one whole range and put it on record; how long it is. Raises OSError, or what `pieces` raises."""
        at = start
        for piece in pieces:
            view = memoryview(piece)
            while view:
                written = os.pwrite(self._bytes, view, at)
                at, view = at + written, view[written:]
        os.fdatasync(self._bytes)
        with self._lock, self._record.open("a", encoding="ascii") as record:
            record.write(f"{start}\n")
            record.flush()
            os.fsync(record.fileno())
            self._done.add(start)
        return at - start

    def remove(self) -> None:
        """Throw bytes and record away."""
        self._record.unlink(missing_ok=True)
        self._path.unlink(missing_ok=True)

    def publish(self, target: Path) -> None:
        """Give the file, whose bytes were read back, its name in one step that outlives a crash. Raises OSError."""
        target.parent.mkdir(parents=True, exist_ok=True)
        os.fsync(self._bytes)
        self._path.replace(target)
        fsync_folder(target.parent)
        self._record.unlink(missing_ok=True)

    def _ranges(self) -> Iterator[Range]:
        size = self._source.size_bytes
        for start in range(0, size, self._range_bytes):
            yield start, min(self._range_bytes, size - start)

    def _header(self) -> str:
        return json.dumps({**asdict(self._source), "range_bytes": self._range_bytes})

    def _recorded(self) -> set[int]:
        try:
            header, *lines = self._record.read_text(encoding="ascii").split("\n")
            if header != self._header() or self._path.stat().st_size != self._source.size_bytes:
                return set()
        except (FileNotFoundError, UnicodeDecodeError):
            return set()
        starts = {start for start, _ in self._ranges()}
        # What follows the last line feed was being written when the process died.
        return {int(line) for line in lines[:-1] if line.isdigit()} & starts

    def _begin(self) -> None:
        self.remove()
        self._record.write_text(self._header() + "\n", encoding="ascii")
