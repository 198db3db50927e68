"""The three passes of an import on Ray: rows into pieces, repeated ids, pieces into parts."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from fraudray.batch.cluster import connected, quiet_data
from fraudray.batch.history.job import Job
from fraudray.batch.history.merging import PartFacts, merge_part
from fraudray.batch.history.peek import Peeked
from fraudray.batch.history.preparing import prepare
from fraudray.batch.history.progress import Watch
from fraudray.batch.history.repeats import find_repeats
from fraudray.batch.history.site import Site, Step
from fraudray.batch.history.store import part_path
from fraudray.batch.turns import in_turn, own_failures

WORKER_MODULES = ("ray.data", "fraudray.batch.history.preparing", "fraudray.batch.history.merging")
_READER_CPUS = 0.01  # reading alone waits for checking most of the time; only another share keeps the two apart
_CHECKER_CPUS = 0.98
_TASK_ROWS_MAX = 1_000_000


class Prepared(Step):
    """The first pass: rows read, refused by code, and the rows of each file."""

    read: int
    refused: dict[str, int]
    file_rows: tuple[int, ...]


class Repeats(Step):
    """The second pass: rows refused for their id, by code."""

    refused: dict[str, int]


class Merged(Step):
    """A finished part."""

    facts: PartFacts


class Outcome(Step):
    """All passes: rows read, refused by code, and each part."""

    read: int
    refused: dict[str, int]
    parts: tuple[PartFacts, ...]


def run(job: Job, peeked: Sequence[Peeked], site: Site, watch: Watch) -> Outcome:
    """Do what is not yet done. Raises HistoryError for a source that cannot be read to its end, ClusterError."""
    prepared = site.step("prepared", Prepared)
    repeats = site.step("repeats", Repeats)
    parts = {number: merged for number in range(job.parts) if (merged := _merged(number, job, site)) is not None}
    if prepared is None or repeats is None or len(parts) < job.parts:
        with connected(modules=WORKER_MODULES) as cpus:
            if prepared is None:
                site.clear_rows()
                prepared = _prepare_all(job, peeked, cpus, watch)
                site.done("prepared", prepared)
            if repeats is None:
                repeats = _find_all_repeats(job, cpus, watch)
                site.done("repeats", repeats)
            offsets = _offsets(prepared.file_rows)
            left = [number for number in range(job.parts) if number not in parts]
            for number, facts in in_turn(merge_part, left, (offsets, job), cpus):
                parts[number] = Merged(facts=facts)
                site.done(_merged_name(number), parts[number])
                watch("sorting parts", len(parts), job.parts)
    refused = Counter(prepared.refused) + Counter(repeats.refused)
    return Outcome(read=prepared.read, refused=dict(refused), parts=tuple(parts[n].facts for n in range(job.parts)))


def _prepare_all(job: Job, peeked: Sequence[Peeked], cpus: int, watch: Watch) -> Prepared:
    import ray.data

    from fraudray.batch.history.datasource import BLOCK_BYTES, ForeignHistory

    expected = sum(one.rows for one in peeked)
    file_rows = [0] * len(peeked)
    refused: Counter[str] = Counter()
    read = 0
    source = ForeignHistory(job, peeked)
    # Reading is a step of its own, which costs a process, where it would leave workers idle or nothing to watch.
    apart = source.tasks < cpus or expected > source.tasks * _TASK_ROWS_MAX
    reading: dict[str, Any] = {"num_cpus": _CHECKER_CPUS}
    if apart:
        reading = {"num_cpus": _READER_CPUS, "concurrency": max(1, min(cpus, source.tasks))}
    watch("checking rows", 0, expected)
    with quiet_data(BLOCK_BYTES), own_failures():
        blocks = ray.data.read_datasource(source, override_num_blocks=max(1, source.tasks), **reading)
        summaries = blocks.map_batches(
            prepare, fn_args=(job,), batch_size=None, batch_format="pyarrow", num_cpus=_CHECKER_CPUS
        )
        for one in summaries.iter_rows() if source.tasks else ():
            read += one["read"]
            refused.update(json.loads(one["codes"]))
            file_rows[one["file"]] = max(file_rows[one["file"]], one["last_row"])
            watch("checking rows", read, expected)
    return Prepared(read=read, refused=dict(refused), file_rows=tuple(file_rows))


def _find_all_repeats(job: Job, cpus: int, watch: Watch) -> Repeats:
    refused: Counter[str] = Counter()
    for done, (_, codes) in enumerate(in_turn(find_repeats, range(job.parts), (job,), cpus), start=1):
        refused.update(codes)
        watch("looking for repeated ids", done, job.parts)
    return Repeats(refused=dict(refused))


def _merged(number: int, job: Job, site: Site) -> Merged | None:
    return site.step(_merged_name(number), Merged) if part_path(job.out, number).is_file() else None


def _merged_name(number: int) -> str:
    return f"part-{number:05d}"


def _offsets(file_rows: Sequence[int]) -> tuple[int, ...]:
    """The rows before each file."""
    offsets, total = [], 0
    for rows in file_rows:
        offsets.append(total)
        total += rows
    return tuple(offsets)
