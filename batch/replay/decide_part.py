"""The second pass: one part of a history decided, written, and counted."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import dataset, parquet

from fraudray.batch.history.store import HistoryStore
from fraudray.batch.investigate.escalated import EscalatedRows
from fraudray.batch.replay.attempts import base_minor
from fraudray.batch.replay.columns_of import ColumnWindows
from fraudray.batch.replay.job import Job
from fraudray.batch.replay.own_windows_of import own_windows_of
from fraudray.batch.replay.part import transactions
from fraudray.batch.replay.replayer import Registered, Replayer
from fraudray.batch.replay.sorting import Flags, Ints
from fraudray.batch.replay.tallies import RuleTally, compromised_us, tallies
from fraudray.batch.replay.window_pass import WindowStep, window_columns, window_steps
from fraudray.batch.replay.written import SideColumns, changed_rows
from fraudray.domain.features import DAY_US
from fraudray.domain.money import minor_units
from fraudray.evidence.context import Reference
from fraudray.reference import load_reference
from fraudray.rules.shelf import ToolShelf

DONE, CHANGES = "done.json", "changes"
_KEPT = (
    "row", "transaction_id", "customer_id", "occurred_us", "received_us", "amount_minor", "currency", "merchant", "mcc",
    "terminal_id", "channel", "card_present", "transaction_type", "fraud", "scenario", "label_us",
)  # fmt: skip


@dataclass(frozen=True)
class PartDone:
    """What one part came to: rows read and measured, seconds for windows, deciding and writing."""

    part: int
    read: int
    measured: int
    seconds: dict[str, float]


class PartDecider:
    """Decides parts; one in each worker, which loads policies and reference data once."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._reference: Reference = load_reference(job.settings)
        self._shelf = ToolShelf(job.settings)
        self._rules = [self._shelf.rules(book) for book in job.books]
        self._registered = Registered.of(job.customers)
        self._steps: list[WindowStep] = window_steps(job)
        self._store = HistoryStore.open(job.store)

    def decide(self, part: int) -> PartDone:
        """Decide one part and write what it came to; whole once its `done.json` is there."""
        job, started = self._job, time.perf_counter()
        table = self._store.read_partition(part)
        if job.to_us is not None:
            table = table.filter(pc.less(table.column("received_us"), job.to_us))
        columns = window_columns(part, table.column("row").to_numpy(), self._steps, job)
        columns |= own_windows_of(table, job, self._reference.rates)
        windowed = time.perf_counter()
        minor, measured = self._minor(table), self._measured(table)
        escalated = None if job.investigation is None else EscalatedRows()
        sides, facts, rules = self._replay(table, columns, minor, measured, escalated)
        decided = time.perf_counter()
        self._write(part, table, minor, measured, sides, facts, rules)
        if escalated is not None:
            escalated.write(job.part(part))
        written = time.perf_counter()
        seconds = {"windows": windowed - started, "deciding": decided - windowed, "writing": written - decided}
        return PartDone(part, table.num_rows, len(sides[0].score), seconds)

    def _replay(
        self, table: pa.Table, columns: dict[str, Any], minor: Ints, measured: Flags, escalated: EscalatedRows | None
    ) -> tuple[list[SideColumns], dict[str, list[Any]], RuleTally]:
        """Every row by every side; what is measured of it. Of the champion's those that it escalates are kept."""
        job = self._job
        lists = {name: values.tolist() for name, values in columns.items()}
        windows = [ColumnWindows(lists) for _ in job.books]
        replayers = [
            Replayer(
                rules, self._reference, self._registered, self._store.manifest.not_recorded, own,
                whole=escalated is not None and side == 0,
            )
            for side, (rules, own) in enumerate(zip(self._rules, windows, strict=True))
        ]  # fmt: skip
        sides = [SideColumns() for _ in job.books]
        read = {fact.name for policy in job.books[0] for fact in policy.reads}
        names = sorted(read | {"spending"})  # which rules apply rests on it
        facts: dict[str, list[Any]] = {name: [] for name in names}
        rules = RuleTally()
        counted = measured.tolist()
        frauds = table.column("fraud").to_pylist()
        amounts, numbers = minor.tolist(), table.column("row").to_pylist()
        for place, (tx, at) in enumerate(transactions(table)):
            counts = counted[place]
            for side, (replayer, own) in enumerate(zip(replayers, windows, strict=True)):
                own.place = place
                replayed = replayer.decide(tx, at)
                if not counts:
                    continue
                sides[side].add(replayed)
                if side == 0:
                    for name, values in facts.items():
                        values.append(replayed.facts.get(name))
                    if replayed.judgement.reasons:
                        rules.add(replayed, frauds[place], amounts[place])
                    if escalated is not None:
                        escalated.consider(numbers[place], tx, at, replayed, frauds[place], amounts[place])
        for replayer in replayers:
            replayer.close()
        return sides, facts, rules

    def _write(
        self, part: int, table: pa.Table, minor: Ints, measured: Flags, sides: list[SideColumns],
        facts: dict[str, list[Any]], rules: RuleTally,
    ) -> None:  # fmt: skip
        job = self._job
        folder = job.part(part)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        kept = table.select([name for name in _KEPT if name in table.column_names]).filter(pa.array(measured))
        day: Ints = kept.column("occurred_us").to_numpy() // DAY_US
        minor = minor[measured]
        kept = kept.append_column("amount_base", pa.array(minor / 10 ** minor_units(self._currency)))
        for prefix, side in zip(("", "challenger_"), sides, strict=False):
            for name, values in side.columns(prefix).items():
                kept = kept.append_column(name, values)
        known_us = compromised_us(table, job.delay_us)[measured]
        for name, tally in tallies(kept, day, minor, rules, known_us, job.sides).items():
            parquet.write_table(tally, folder / f"{name}.parquet", compression="zstd")
        if len(sides) > 1:
            parquet.write_table(changed_rows(kept), folder / f"{CHANGES}.parquet", compression="zstd")
        own = {name: pa.array(values) for name, values in facts.items()}
        stored = pa.table({"row": kept.column("row"), **own})
        parquet.write_table(stored, folder / "facts.parquet", compression="zstd")
        dataset.write_dataset(
            kept.append_column("day", pa.array(day.astype("datetime64[D]"))),
            job.decisions,
            format="parquet",
            partitioning=dataset.partitioning(pa.schema([("day", pa.date32())]), flavor="hive"),
            basename_template=f"part-{part:05d}-{{i}}.parquet",
            existing_data_behavior="overwrite_or_ignore",
            max_open_files=400,
            use_threads=False,
        )

    def _measured(self, table: pa.Table) -> Flags:
        occurred = table.column("occurred_us").to_numpy()
        return np.ones(len(occurred), np.bool_) if self._job.from_us is None else occurred >= self._job.from_us

    def _minor(self, table: pa.Table) -> Ints:
        """Each row's amount in minor units of the champion's base currency."""
        return base_minor(table, self._reference.rates, self._currency)

    @property
    def _currency(self) -> str:
        return self._job.books[0].default.document.base_currency
