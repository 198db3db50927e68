"""What the workers of one import are told, and where its unfinished files lie."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path

import pyarrow as pa

from fraudray.batch.history.fields import store_schema
from fraudray.batch.history.mapping import Mapping
from fraudray.batch.history.sources import FileKind
from fraudray.batch.history.store import BUILDING, PARTS


@dataclass(frozen=True)
class Job:
    """An import as its workers see it: plain values, the same for all of them. `now` is the moment it began."""

    out: Path
    kind: FileKind
    paths: tuple[str, ...]
    endpoint: str | None
    mapping: Mapping
    read: pa.Schema
    recorded: tuple[str, ...]
    parts: int
    now: datetime

    @cached_property
    def schema(self) -> pa.Schema:
        """The columns of the finished parts."""
        return store_schema(self.recorded)

    @property
    def building(self) -> Path:
        """The folder of everything unfinished."""
        return self.out / BUILDING

    @property
    def rows(self) -> Path:
        """Pieces of checked rows, a batch for each part."""
        return self.building / "rows"

    @property
    def ids(self) -> Path:
        """Pieces of transaction ids, a batch for each bucket of ids (as many as parts)."""
        return self.building / "ids"

    @property
    def repeats(self) -> Path:
        """Pieces of rows whose id came before, one for each bucket of ids, a batch for each part."""
        return self.building / "repeats"

    @property
    def refused(self) -> Path:
        """Lines for the rejects file, one file for each block or bucket that has some."""
        return self.building / "refused"

    @property
    def parts_folder(self) -> Path:
        """The finished parts."""
        return self.out / PARTS
