"""A back-test on Ray: the two passes, each part written before it counts as done."""

from __future__ import annotations

import fcntl
import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
from pyarrow import parquet

from fraudray.batch.cluster import connected, quiet_data
from fraudray.batch.history.progress import Watch
from fraudray.batch.replay.decide_part import CHANGES, DONE, PartDecider, PartDone
from fraudray.batch.replay.job import Job, parts_left
from fraudray.batch.replay.tallies import TALLIES, added_up
from fraudray.batch.replay.window_pass import run_window_step, window_steps
from fraudray.batch.turns import in_turn, own_failures
from fraudray.domain.errors import Refused
from fraudray.domain.money import minor_units

SPEC = "backtest.json"
_LOCK = ".lock"
_MODULES = ("ray.data", "fraudray.batch.replay.decide_part")


@contextmanager
def run_folder(job: Job, *, fresh: bool = False, keep: Sequence[str] = ()) -> Iterator[None]:
    """Hold the folder of a back-test: made when it is not there, taken up when it is the same one's.

    Entries called as in `keep` are of the back-test too, and stay when it begins anew.

    Raises Refused: another process runs it now, or the folder holds another back-test or other things, and it is not
    `fresh`, which begins anew.
    """
    folder = job.out
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / _LOCK).open("a+") as lock:
        _take(lock, folder)
        found = _spec(folder)
        known = (_LOCK, *keep)
        if fresh and found is not None:
            _clear(folder, known)
        elif found is None and any(entry.name not in known for entry in folder.iterdir()):
            raise Refused(f"{folder} holds other things; give another --out")
        elif found is not None and found["run_id"] != job.run_id:
            raise Refused(f"{folder} holds another back-test; give another --out, or --fresh to begin anew")
        document = {"run_id": job.run_id, "job": job.document()}
        draft = folder / f"{SPEC}.new"
        draft.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
        draft.replace(folder / SPEC)
        yield


def run_passes(job: Job, rows: int, watch: Watch) -> list[PartDone]:
    """Do what is not yet done; what each part came to, in their order. `rows` are those of the whole history.

    Raises FraudrayError for what a worker could not do, ClusterError.
    """
    steps = window_steps(job)
    left = parts_left(job, DONE)
    if left:
        with connected(modules=_MODULES) as cpus:
            waiting = [number for number, step in enumerate(steps) if not step.done(job)]
            for done, _ in enumerate(in_turn(run_window_step, waiting, (steps, job), cpus), start=1):
                watch("windows of shared keys", done, len(waiting))
            _decide(job, left, rows, watch)
    return [_part_done(job, number) for number in range(job.parts)]


def gathered(job: Job) -> dict[str, pa.Table]:
    """The tallies of all parts, added up; with a challenger also `changes`, the rows that it decides otherwise."""
    scale = 10 ** minor_units(job.books[0].default.document.base_currency)

    def of_parts(name: str) -> list[pa.Table]:
        return [parquet.read_table(job.part(number) / f"{name}.parquet") for number in range(job.parts)]

    found = {name: added_up(name, of_parts(name), scale) for name in TALLIES}
    if len(job.books) > 1:
        found[CHANGES] = pa.concat_tables(of_parts(CHANGES)).sort_by(
            [("occurred_at", "ascending"), ("transaction_id", "ascending")]
        )
    return found


_deciders: dict[tuple[str, Path, Path], PartDecider] = {}
"""A worker's own, by back-test, store and folder: policies and reference data are loaded once for all parts."""


def _decide_batch(batch: Any, job: Job) -> Any:
    """Decide parts by their numbers, as Ray Data calls it."""
    name = (job.run_id, job.store, job.out)
    if name not in _deciders:
        _deciders.clear()
        _deciders[name] = PartDecider(job)
    rows = []
    for number in batch["id"]:
        done = _deciders[name].decide(int(number))
        file = job.part(done.part) / DONE
        file.write_text(json.dumps(asdict(done)) + "\n", encoding="utf-8")
        rows.append(done.read)
    return {"read": rows}


def _decide(job: Job, left: list[int], rows: int, watch: Watch) -> None:
    import ray.data

    decided = sum(_part_done(job, number).read for number in range(job.parts) if number not in set(left))
    watch("deciding", decided, rows)
    with quiet_data(), own_failures():
        numbers = ray.data.from_items([{"id": number} for number in left], override_num_blocks=len(left))
        results = numbers.map_batches(partial(_decide_batch, job=job), batch_size=1, num_cpus=1)
        for result in results.iter_rows():
            decided += result["read"]
            watch("deciding", decided, rows)


def _part_done(job: Job, number: int) -> PartDone:
    return PartDone(**json.loads((job.part(number) / DONE).read_text(encoding="utf-8")))


def _take(lock: IO[str], folder: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise Refused(f"the back-test in {folder} is running; wait for it, or stop it first") from None


def _spec(folder: Path) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = json.loads((folder / SPEC).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError:
        raise Refused(f"{folder / SPEC} is damaged; give another --out, or remove {folder}") from None
    return found


def _clear(folder: Path, keep: Sequence[str]) -> None:
    for entry in folder.iterdir():
        if entry.name in keep:
            continue
        if entry.is_dir():
            shutil.rmtree(entry)
        else:
            entry.unlink()
