"""What a store says of itself: `manifest.json`."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

FORMAT: Literal[1] = 1
FILE_NAME = "manifest.json"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SourceFile(_Part):
    """One file that was read: which, how large, and when it was last changed."""

    path: str
    bytes: int
    modified: AwareDatetime | None = None
    etag: str | None = None


class MappingRecord(_Part):
    """The mapping that was used, word for word."""

    name: str
    text: str
    hash: str = Field(description="sha256: of the text.")

    @classmethod
    def of(cls, name: str, text: str) -> MappingRecord:
        """The record of a mapping's text."""
        return cls(name=name, text=text, hash="sha256:" + hashlib.sha256(text.encode()).hexdigest())


class Counts(_Part):
    """Rows. `read` is always `kept` + `rejected`, and `rejected` the sum of `rejected_by_code`."""

    read: int
    kept: int
    rejected: int
    rejected_by_code: Mapping[str, int]


class Labels(_Part):
    """How many kept rows have which label."""

    fraud: int
    genuine: int
    unlabelled: int


class Manifest(_Part):
    """A finished store. Written last, in one step: a folder without it is unfinished."""

    format: Literal[1] = FORMAT
    name: str = Field(description="The folder's name when it was made.")
    mapping: MappingRecord
    sources: tuple[SourceFile, ...]
    counts: Counts
    partitions: Annotated[int, Field(ge=1)]
    partition_rows: tuple[int, ...] = Field(description="Rows of each part.")
    recorded: tuple[str, ...] = Field(description="Transaction fields that have a column.")
    not_recorded: tuple[str, ...] = Field(description="Transaction fields that have none.")
    unmapped: tuple[str, ...] = Field((), description="Columns of the source that the mapping does not use.")
    first_occurred: AwareDatetime | None = Field(description="None when no row was kept.")
    last_occurred: AwareDatetime | None
    labels: Labels
    fingerprint: str = Field(
        description="128 bits over the content of all rows, whatever their order and number of parts; no proof against "
        "someone who wants two histories to look alike."
    )
    rejects: str | None = Field(None, description="The file of rejected rows; None when there are none.")
    created: AwareDatetime
