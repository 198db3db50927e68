"""Parquet files of at most a million rows, with every option fixed, so that equal rows give equal bytes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq  # type: ignore[import-untyped, unused-ignore]

from fraudray.batch.synthetic.columns import SCHEMA, Columns
from fraudray.batch.synthetic.folder import PART
from fraudray.batch.synthetic.row import Rows

GROUP_ROWS = 125_000
PART_ROWS = 8 * GROUP_ROWS
# Groups that may wait for the one thread that spells and writes.
WAITING_MAX = 2
# Columns whose texts repeat; in the others a dictionary only costs time.
_REPEATING = [
    "currency", "merchant", "merchant_category", "mcc", "terminal_id", "channel", "location", "funding",
    "transaction_type", "processor_outcome", "fraud_scenario",
]  # fmt: skip
_OPTIONS: dict[str, Any] = {
    "version": "2.6", "data_page_version": "1.0", "compression": "zstd", "compression_level": 3,
    "use_dictionary": _REPEATING, "write_statistics": True, "store_schema": False, "store_decimal_as_integer": False,
}  # fmt: skip


def write_parts(
    folder: Path, columns: Columns, days: Iterable[Rows], done: Callable[[int], None]
) -> list[dict[str, Any]]:
    """Write the rows in order to `part-00000.parquet` and so on; `done` is told of rows as they are written.

    One thread writes while the next rows are made. Gives back name and number of rows of each file. Raises OSError.
    """
    files: list[dict[str, Any]] = []
    waiting: deque[Future[None]] = deque()
    writer: Any = None
    with ThreadPoolExecutor(1, thread_name_prefix="fraudray-parts") as pool:
        try:
            for group in grouped(days, GROUP_ROWS):
                if writer is None or files[-1]["rows"] >= PART_ROWS:
                    _wait(waiting, 0)
                    if writer is not None:
                        writer.close()
                    files.append({"name": PART.format(len(files)), "rows": 0})
                    writer = pq.ParquetWriter(folder / files[-1]["name"], SCHEMA, **_OPTIONS)
                files[-1]["rows"] += len(group)
                waiting.append(pool.submit(_write, writer, columns, group, done))
                _wait(waiting, WAITING_MAX)
            _wait(waiting, 0)
        finally:
            for future in waiting:
                future.cancel()
            pool.shutdown(wait=True)
            if writer is not None:
                writer.close()
    return files


def grouped(days: Iterable[Rows], size: int) -> Iterator[Rows]:
    """The same rows in arrays of exactly `size`, but for the last."""
    held: list[Rows] = []
    count = 0
    for rows in days:
        held.append(rows)
        count += len(rows)
        if count < size:
            continue
        joined = np.concatenate(held)
        whole = count // size * size
        yield from (joined[start : start + size] for start in range(0, whole, size))
        held, count = [joined[whole:].copy()], count - whole
    if count:
        yield np.concatenate(held)


def _write(writer: Any, columns: Columns, rows: Rows, done: Callable[[int], None]) -> None:
    writer.write_table(columns.table(rows), row_group_size=len(rows))
    done(len(rows))


def _wait(waiting: deque[Future[None]], most: int) -> None:
    while len(waiting) > most:
        waiting.popleft().result()
