"""The first pass: windows of keys that customers of all parts share, computed by key and put back by part."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from fraudray.batch.history.stable_hash import stable_hash
from fraudray.batch.history.store import HistoryStore
from fraudray.batch.replay.attempts import attempts
from fraudray.batch.replay.columns_of import Needed, columns_needed
from fraudray.batch.replay.job import Job
from fraudray.batch.replay.own_columns import Column
from fraudray.batch.replay.shared_columns import shared_columns
from fraudray.batch.replay.sharing import sharing_column
from fraudray.domain.features import SHARED_KEYS, Key

if TYPE_CHECKING:
    from fraudray.batch.replay.sorting import Flags, Ints

BUCKET_ROWS = 4_000_000
"""About as many rows are computed at once; each takes about 200 bytes meanwhile."""
_COLUMNS: dict[Key, tuple[str, ...]] = {
    "terminal": ("terminal_id",), "merchant": ("merchant",), "device": ("device_id", "device_fingerprint"),
    "address": ("ip_address",),
}  # fmt: skip


@dataclass(frozen=True)
class WindowStep:
    """One key's columns for those of its values whose hash falls into one bucket."""

    needed: Needed
    bucket: int
    buckets: int

    def file(self, job: Job, part: int) -> Path:
        """Where the columns of one part's rows lie."""
        return job.windows / self.needed.name / f"bucket-{self.bucket:04d}" / f"part-{part:05d}.parquet"

    def done(self, job: Job) -> bool:
        """Whether it was finished: its last part is written last."""
        return self.file(job, job.parts - 1).is_file()


@dataclass(frozen=True)
class KeyRows:
    """Rows that name a key; arrays of one length. `keys` are 64-bit hashes, times are UTC µs."""

    part: npt.NDArray[np.int32]
    row: Ints
    keys: npt.NDArray[np.uint64]
    customers: npt.NDArray[np.uint64]
    at_us: Ints
    received_us: Ints
    counted: Flags
    fraud: Flags
    known_us: Ints


def window_steps(job: Job) -> list[WindowStep]:
    """Everything that this pass does for a job."""
    manifest = HistoryStore.open(job.store).manifest
    buckets = max(1, -(-manifest.counts.kept // BUCKET_ROWS))
    recorded = set(manifest.recorded)
    return [
        WindowStep(needed, bucket, buckets)
        for needed in columns_needed(job.books, whole=job.investigation is not None)
        if needed.key in SHARED_KEYS and recorded & set(_COLUMNS[needed.key])
        for bucket in range(buckets)
    ]


def run_window_step(number: int, steps: list[WindowStep], job: Job) -> None:
    """Compute and write one step."""
    step = steps[number]
    rows = _gather(step, job)
    columns = _columns(rows, step.needed)
    for part in range(job.parts):
        mine = rows.part == part
        table = pa.table({"row": rows.row[mine]} | {name: values[mine] for name, values in columns.items()})
        file = step.file(job, part)
        file.parent.mkdir(parents=True, exist_ok=True)
        draft = file.with_suffix(".new")
        parquet.write_table(table, draft, compression="lz4")
        draft.replace(file)


def window_columns(part: int, rows: Ints, steps: list[WindowStep], job: Job) -> dict[str, npt.NDArray[np.generic]]:
    """The columns of one part, in the order of these row numbers; 0 where a row does not name the key."""
    order = np.argsort(rows)
    found: dict[str, npt.NDArray[np.generic]] = {}
    for step in steps:
        for name, kind in step.needed.columns.items():
            found.setdefault(name, np.zeros(len(rows), kind))
        table = parquet.read_table(step.file(job, part))
        place = order[np.searchsorted(rows, table.column("row").to_numpy(), sorter=order)]
        for name in step.needed.columns:
            found[name][place] = table.column(name).to_numpy()
    return found


def _columns(rows: KeyRows, needed: Needed) -> Mapping[str, Column]:
    if needed.sharing_us is not None:
        within_us = needed.sharing_us
        column = sharing_column(rows.keys, rows.customers, rows.at_us, rows.received_us, rows.row, within_us=within_us)
        return {needed.name: column}
    return shared_columns(
        rows.keys, rows.at_us, rows.received_us, rows.row, rows.counted, rows.fraud, rows.known_us, needed.features,
        delay_us=needed.delay_us,
    )  # fmt: skip


def _gather(step: WindowStep, job: Job) -> KeyRows:
    """The rows of all parts whose key falls into the bucket."""
    found = list(_key_rows(step, job))
    names = KeyRows.__dataclass_fields__
    return KeyRows(**{name: np.concatenate([getattr(rows, name) for rows in found]) for name in names})


def _key_rows(step: WindowStep, job: Job) -> Iterator[KeyRows]:
    store = HistoryStore.open(job.store)
    recorded = set(store.manifest.recorded)
    named = [name for name in _COLUMNS[step.needed.key] if name in recorded]
    more = [name for name in ("transaction_type", "processor_outcome") if name in recorded]
    columns = ["row", "occurred_us", "received_us", "fraud", "label_us", "customer_id", *more, *named]
    for part in range(job.parts):
        table = store.read_partition(part, columns)
        if job.to_us is not None:
            table = table.filter(pc.less(table.column("received_us"), job.to_us))
        value = pc.coalesce(*(table.column(name) for name in named))
        keys = stable_hash(value)
        mine = pc.is_valid(value).to_numpy() & (keys % np.uint64(step.buckets) == step.bucket)
        at_us = table.column("occurred_us").to_numpy()[mine]
        label_us = pc.fill_null(table.column("label_us"), -1).to_numpy()[mine]
        yield KeyRows(
            np.full(int(mine.sum()), part, np.int32),
            table.column("row").to_numpy()[mine],
            keys[mine],
            stable_hash(table.column("customer_id"))[mine],
            at_us,
            table.column("received_us").to_numpy()[mine],
            attempts(table)[mine],
            pc.fill_null(table.column("fraud"), False).to_numpy()[mine],
            np.where(label_us >= 0, label_us, at_us + step.needed.delay_us),
        )
