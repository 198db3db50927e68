"""The ranks of this node: started, listened to, and ended when a step takes too long."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from fraudray.deployments.preflight.bandwidth import bus_gb_s, sizes_bytes

END_S = 10.0  # what a killed process may take to be gone


@dataclass(frozen=True, slots=True)
class Plan:
    """An all-reduce between the ranks of all nodes. `log_dir` is an empty folder for what they write."""

    device: Literal["cuda", "cpu"]
    nodes: int
    node: int
    ranks_per_node: int
    master: str
    port: int
    largest_bytes: int
    meet_s: float
    """What the other nodes may take to be there."""
    step_s: float
    """What each further step may take."""
    log_dir: Path

    @property
    def ranks(self) -> int:
        """Ranks of all nodes."""
        return self.nodes * self.ranks_per_node

    @property
    def own(self) -> range:
        """The ranks of this node."""
        return range(self.node * self.ranks_per_node, (self.node + 1) * self.ranks_per_node)

    @property
    def steps(self) -> tuple[str, ...]:
        """What each rank reports, in this order."""
        return ("met", "connected", *map(str, sizes_bytes(self.largest_bytes)))

    def log(self, rank: int) -> Path:
        """Where NCCL writes what a rank does."""
        return self.log_dir / f"nccl-{rank}.log"


@dataclass(frozen=True, slots=True)
class Measured:
    """One size: seconds of the slowest rank, and in how many items the sum was wrong."""

    size_bytes: int
    seconds: float
    bus_gb_s: float
    wrong: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """How far the ranks of this node came."""

    done: tuple[str, ...]
    measured: tuple[Measured, ...] = ()
    failed: str | None = None
    """What went wrong at the step after those done, in words."""


@dataclass(slots=True)
class _Rank:
    process: subprocess.Popen[str]
    errors: Path
    reports: list[Mapping[str, Any]] = field(default_factory=list)
    ended: bool = False


def run_ranks(plan: Plan) -> Outcome:
    """Run them all to the end, or to the first step that fails or takes too long; none is left running."""
    heard: queue.Queue[tuple[int, Mapping[str, Any] | None]] = queue.Queue()
    with _started(plan, heard) as ranks:
        for index, step in enumerate(plan.steps):
            limit_s = plan.meet_s if step == "met" else plan.step_s
            failed = _await_step(ranks, index, limit_s, heard)
            if failed is not None:
                return Outcome(plan.steps[:index], _measured(plan, ranks, index), failed)
        for rank in ranks.values():  # done: they take leave of each other, which a kill would disturb
            with suppress(subprocess.TimeoutExpired):
                rank.process.wait(END_S)
        return Outcome(plan.steps, _measured(plan, ranks, len(plan.steps)))


def _await_step(
    ranks: Mapping[int, _Rank], index: int, limit_s: float, heard: queue.Queue[tuple[int, Mapping[str, Any] | None]]
) -> str | None:
    """Wait until every rank has reported that step; what failed in words, else None."""
    until = time.monotonic() + limit_s
    while behind := [number for number, rank in ranks.items() if len(rank.reports) <= index]:
        if ended := [number for number in behind if ranks[number].ended]:
            return f"rank {ended[0]} ended: {_last_line(ranks[ended[0]].errors)}"
        try:
            number, report = heard.get(timeout=max(0.0, until - time.monotonic()))
        except queue.Empty:
            return f"rank(s) {', '.join(map(str, behind))} did not get there within {limit_s:.0f} s"
        if report is None:
            ranks[number].ended = True
        else:
            ranks[number].reports.append(report)
    return None


def _measured(plan: Plan, ranks: Mapping[int, _Rank], steps_done: int) -> tuple[Measured, ...]:
    reports = next(iter(ranks.values())).reports[:steps_done]  # the ranks have agreed on the figures
    return tuple(
        Measured(said["bytes"], said["seconds"], bus_gb_s(said["bytes"], said["seconds"], plan.ranks), said["wrong"])
        for said in reports
        if "bytes" in said
    )


@contextmanager
def _started(plan: Plan, heard: queue.Queue[tuple[int, Mapping[str, Any] | None]]) -> Iterator[Mapping[int, _Rank]]:
    ranks: dict[int, _Rank] = {}
    try:
        for local, number in enumerate(plan.own):
            errors = plan.log_dir / f"errors-{number}.log"
            with errors.open("w") as file:
                process = subprocess.Popen(  # noqa: S603 - our own module
                    [sys.executable, "-m", "fraudray.deployments.preflight.rank", plan.device,
                     str(plan.largest_bytes), str(max(plan.meet_s, plan.step_s))],
                    env=_environment(plan, number, local), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                    stderr=file, text=True,
                )  # fmt: skip
            ranks[number] = _Rank(process, errors)
            threading.Thread(target=_listen, args=(number, process, heard), daemon=True).start()
        yield ranks
    finally:
        for rank in ranks.values():
            _end(rank.process)


def _environment(plan: Plan, rank: int, local: int) -> dict[str, str]:
    return {
        **os.environ,
        "RANK": str(rank), "LOCAL_RANK": str(local), "WORLD_SIZE": str(plan.ranks),
        "MASTER_ADDR": plan.master, "MASTER_PORT": str(plan.port),
        "NCCL_DEBUG": "INFO", "NCCL_DEBUG_SUBSYS": "INIT,NET,ENV", "NCCL_DEBUG_FILE": str(plan.log(rank)),
    }  # fmt: skip


def _listen(
    number: int, process: subprocess.Popen[str], heard: queue.Queue[tuple[int, Mapping[str, Any] | None]]
) -> None:
    assert process.stdout is not None  # noqa: S101 - a pipe
    for line in process.stdout:
        if line.startswith("{"):  # a library may write there too
            heard.put((number, json.loads(line)))
    process.wait()
    heard.put((number, None))


def _end(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        process.kill()
        process.wait(END_S)


def _last_line(path: Path) -> str:
    lines = path.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"
