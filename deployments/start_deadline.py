"""A deadline for an engine's start that shows what NCCL last said on every node.

With a pipeline over several nodes an engine can hang at its start without a word (vllm#11139, #15769): NCCL waits for a
peer that it cannot reach. Serve would wait as long. After the deadline what NCCL wrote is shown, node by node, and the
replica ends, so that Serve starts another.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType

LIMIT_VARIABLE = "ENGINE_START_LIMIT_S"
"""Tells the engine's replica the deadline, in seconds."""
LINES_MAX = 12
_MARK = "NCCL"
_TAIL_BYTES = 256 * 1024
_ASK_S = 20.0
_log = logging.getLogger(__name__)

Lines = Mapping[str, Sequence[str]]
"""By node, the last lines that NCCL wrote there."""


class StartDeadline:
    """Guards a block: when it takes longer than `limit_s` seconds, says what `lines` gives and calls `end`.

    A thread of its own watches, since what hangs may be the event loop.
    """

    def __init__(self, limit_s: float, lines: Callable[[], Lines], end: Callable[[], None]) -> None:
        self._limit_s, self._lines, self._end = limit_s, lines, end
        self._done = threading.Event()

    def __enter__(self) -> StartDeadline:
        threading.Thread(target=self._watch, name="start deadline", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()

    def _watch(self) -> None:
        if self._done.wait(self._limit_s):
            return
        _log.error("%s", told(self._limit_s, self._lines()))
        self._end()


def told(limit_s: float, lines: Lines) -> str:
    """What is said when the deadline has passed."""
    said = [f"The engine did not start within {limit_s:.0f} s; this replica ends. NCCL's last lines:"]
    for node, last in sorted(lines.items()):
        said += [f"{node}:", *(f"  {line}" for line in last)] if last else [f"{node}: none"]
    if len(lines) > 1:
        said.append(
            'Look for "NET/OFI" (EFA) and "Init COMPLETE"; a node that has neither cannot reach the others: the '
            "network policy between the pods, NCCL_SOCKET_IFNAME, EFA's security group."
        )
    return "\n".join(said)


def nccl_lines(folder: Path, *, most: int = LINES_MAX) -> list[str]:
    """The last lines of NCCL in the logs of Ray's workers in `folder`, of the newest log that has some."""
    logs = sorted(folder.glob("worker-*"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in logs:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
            found = [line for line in file.read().decode("utf-8", "replace").splitlines() if _MARK in line]
        if found:
            return found[-most:]
    return []


def lines_of_cluster() -> dict[str, list[str]]:
    """The same from every living node with GPUs (from all where none has any), by its name. Needs Ray."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    nodes = [node for node in ray.nodes() if node["Alive"]]  # type: ignore[no-untyped-call]
    nodes = [node for node in nodes if node["Resources"].get("GPU")] or nodes
    look = ray.remote(num_cpus=0)(_lines_here)
    asked = {
        str(node["NodeManagerHostname"]): look.options(
            scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
        ).remote()
        for node in nodes
    }
    ready, _ = ray.wait(list(asked.values()), num_returns=len(asked), timeout=_ASK_S)
    return {name: ray.get(answer) if answer in ready else ["does not answer"] for name, answer in asked.items()}


def end_process() -> None:
    """End this process at once: what hangs would not let it end in order."""
    os._exit(1)


def _lines_here() -> list[str]:
    from ray._private.worker import _global_node

    return nccl_lines(Path(_global_node.get_logs_dir_path())) if _global_node is not None else []
