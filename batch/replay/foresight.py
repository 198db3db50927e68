"""Whether anything decided before a moment rests on what happened or became known after it.

All rows that arrive from that moment on are changed beyond recognition, and all labels that become known from then on
are turned round. Both histories are decided: before the moment, every fact, score, decision and reason must be equal.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from fraudray.batch.history.manifest import FILE_NAME
from fraudray.batch.history.progress import Watch
from fraudray.batch.history.store import HistoryStore, part_path
from fraudray.batch.replay.job import Job
from fraudray.batch.replay.run import run_folder, run_passes
from fraudray.features.state import microseconds
from fraudray.policy.book import PolicyBook
from fraudray.settings import Settings

SHOWN_MAX = 20
_NOT_COMPARED = ("fraud", "scenario", "label_us")
"""Labels are what was changed."""


@dataclass(frozen=True, slots=True)
class Foresight:
    """What the comparison found: rows decided before the moment, rows and labels changed after it, and rows before it
    that came out otherwise (transaction ids, `SHOWN_MAX` at most)."""

    compared: int
    rows_changed: int
    labels_changed: int
    differing: int
    examples: tuple[str, ...]


def look_for_foresight(
    store: HistoryStore, book: PolicyBook, at: datetime, settings: Settings, *,
    watch: Watch,
) -> Foresight:  # fmt: skip
    """Change everything from a moment (with time zone) on, and compare. Needs room for two copies of the history.

    Raises what a back-test raises.
    """
    at_us = microseconds(at)
    with tempfile.TemporaryDirectory(prefix="fraudray-foresight-") as workshop:
        folder = Path(workshop)
        delay_us = book.default.document.parameters.feedback_delay_us
        rows, labels = _write_changed(store, folder / "changed", at_us, delay_us)
        jobs = [
            Job(path, folder / f"run-{name}", f"{store.manifest.fingerprint}-{name}", store.manifest.partitions,
                (book,), settings)
            for name, path in (("as-is", store.path), ("changed", folder / "changed"))
        ]  # fmt: skip
        for job in jobs:
            with run_folder(job):
                run_passes(job, store.manifest.counts.kept, watch)
        compared, found = 0, []
        for number in range(store.manifest.partitions):
            before, after = (_decided(job, number, at_us) for job in jobs)
            compared += before.num_rows
            found += differing(before, after)
        return Foresight(compared, rows, labels, len(found), tuple(found[:SHOWN_MAX]))


def _write_changed(store: HistoryStore, target: Path, at_us: int, delay_us: int) -> tuple[int, int]:
    """A copy of the store whose future is another one; how many rows and labels are changed."""
    part_path(target, 0).parent.mkdir(parents=True)
    shutil.copy(store.path / FILE_NAME, target / FILE_NAME)
    rows = labels = 0
    for number in range(store.manifest.partitions):
        table = store.read_partition(number)
        later = table.column("received_us").to_numpy() >= at_us
        label_us = pc.fill_null(table.column("label_us"), -1).to_numpy()
        known_us = np.where(label_us >= 0, label_us, table.column("occurred_us").to_numpy() + delay_us)
        turned = (known_us >= at_us) & pc.is_valid(table.column("fraud")).to_numpy()
        table = _with(table, "fraud", pc.xor(table.column("fraud"), pa.array(turned)))
        amounts = table.column("amount_minor").to_numpy()
        table = _with(table, "amount_minor", pa.array(np.where(later, amounts * 97 % 1_000_003 + 1, amounts)))
        for name in ("terminal_id", "merchant", "device_id", "ip_address"):
            if name in table.column_names:
                table = _with(table, name, _rotated(table.column(name), later))
        parquet.write_table(table, part_path(target, number))
        rows, labels = rows + int(later.sum()), labels + int(turned.sum())
    return rows, labels


def _with(table: pa.Table, name: str, values: pa.Array | pa.ChunkedArray) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, values)


def _rotated(column: pa.ChunkedArray, later: np.ndarray) -> pa.Array:
    """The values of the later rows, each moved on by a third of them."""
    place = np.arange(len(later))
    place[later] = np.roll(place[later], max(1, int(later.sum()) // 3))
    return pc.take(column, pa.array(place))


def _decided(job: Job, number: int, before_us: int) -> pa.Table:
    """What was decided in one part before a moment, by row, with all facts."""
    files: Sequence[Path] = sorted(job.decisions.glob(f"day=*/part-{number:05d}-*.parquet"))
    facts = parquet.read_table(job.part(number) / "facts.parquet")
    if not files:
        return facts
    rows = pa.concat_tables([parquet.read_table(file, partitioning=None) for file in files]).sort_by("row")
    facts = facts.sort_by("row")
    for name in facts.column_names:
        if name != "row":
            rows = rows.append_column(f"fact {name}", facts.column(name))
    return rows.drop_columns(list(_NOT_COMPARED)).filter(pc.less(rows.column("received_us"), before_us))


def differing(before: pa.Table, after: pa.Table) -> list[str]:
    """The transactions that are not the same in both tables, by their `row`."""
    if before.equals(after):
        return []
    by_row = {row["row"]: row for row in after.to_pylist()}
    return [row["transaction_id"] for row in before.to_pylist() if by_row.get(row["row"]) != row]
