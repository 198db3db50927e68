"""A foreign history as a Ray Data source: a read task a file or run of row groups, each a stream of bounded blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import pyarrow as pa
from ray.data.block import BlockMetadata
from ray.data.datasource import Datasource, ReadTask

from fraudray.batch.history.job import Job
from fraudray.batch.history.peek import Peeked
from fraudray.batch.history.read_csv import read_csv
from fraudray.batch.history.read_ndjson import read_lines
from fraudray.batch.history.read_parquet import read_parquet
from fraudray.batch.history.reserved import FILE
from fraudray.batch.history.sources import FileKind

BLOCK_BYTES = 8 * 1024 * 1024
"""About as large are the blocks that workers pass on; Ray Data's own 128 MiB would leave some workers idle."""
_RUN_ROWS = 500_000


class ForeignHistory(Datasource):
    """The files of an import. Blocks hold the columns that the mapping reads (lines, for NDJSON), each row's file and
    its number there; a block never holds rows of two files."""

    def __init__(self, job: Job, peeked: Sequence[Peeked]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._readers = list(_readers(job, peeked))

    def estimate_inmemory_data_size(self) -> int | None:
        """Not known: it would only have Ray Data cut blocks again."""
        return None

    def get_read_tasks(
        self, parallelism: int, per_task_row_limit: int | None = None, data_context: Any = None
    ) -> list[ReadTask]:
        """All tasks, however many are asked for: what they write is named by where they begin."""
        return [
            ReadTask(reader, BlockMetadata(None, None, None, None), per_task_row_limit=per_task_row_limit)
            for reader in self._readers
        ]

    @property
    def tasks(self) -> int:
        """How many read tasks there are."""
        return len(self._readers)


def _readers(job: Job, peeked: Sequence[Peeked]) -> Iterator[Callable[[], Iterator[pa.Table]]]:
    for index, one in enumerate(peeked):
        if one.empty:
            continue
        if job.kind is FileKind.PARQUET:
            for groups, first_row in _runs(one.group_rows):
                yield partial(_read, index, read_parquet, one.path, job.endpoint, groups, first_row, job.read)
        elif job.kind is FileKind.CSV:
            yield partial(_read, index, read_csv, one.path, job.endpoint, job.mapping.csv, job.read.names)
        else:
            yield partial(_read, index, read_lines, one.path, job.endpoint)


def _read(index: int, read: Callable[..., Iterator[pa.Table]], *arguments: Any) -> Iterator[pa.Table]:
    for table in read(*arguments):
        yield table.append_column(FILE, pa.array([index] * table.num_rows, pa.int32()))


def _runs(group_rows: Sequence[int]) -> Iterator[tuple[list[int], int]]:
    """Row groups in runs of about half a million rows, each with the number of its first row (from 1)."""
    run: list[int] = []
    first, rows = 1, 0
    for group, count in enumerate(group_rows):
        run.append(group)
        rows += count
        if rows >= _RUN_ROWS:
            yield run, first
            first, run, rows = first + rows, [], 0
    if run:
        yield run, first
