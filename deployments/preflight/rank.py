"""One rank of the all-reduce, a process: `python -m fraudray.deployments.preflight.rank DEVICE BYTES SECONDS`.

RANK, LOCAL_RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT are torch's usual variables. What it did goes to standard
output as one JSON object a line, so that whoever started it knows at which step it hangs.
"""

from __future__ import annotations

import json
import os
import sys
import time
from datetime import timedelta
from importlib import import_module
from typing import Any

from fraudray.deployments.preflight.bandwidth import sizes_bytes

ITEM_BYTES = 4  # float32
WARM_UP = 2
TIMED = 5
PATTERN = 7


class AllReduce:
    """All-reduces among the ranks of a process group, on the device of this one."""

    def __init__(self, torch: Any, device: Any, rank: int, ranks: int) -> None:
        self._torch, self._device, self._rank, self._ranks = torch, device, rank, ranks

    def connect(self) -> None:
        """A first, tiny one: NCCL makes its connections now."""
        self._sum(self._torch.ones(1, device=self._device))

    def measure(self, size_bytes: int) -> dict[str, Any]:
        """Check the sum of `size_bytes`, then time it: the seconds of one, averaged, of the slowest rank."""
        count = size_bytes // ITEM_BYTES
        pattern = self._torch.arange(1, PATTERN + 1, dtype=self._torch.float32, device=self._device)
        pattern = pattern.repeat(-(-count // PATTERN))[:count]
        # Whole numbers far below 2**24: float32 adds them exactly, in whatever order the ranks are taken.
        data = pattern * (self._rank + 1)
        self._sum(data)
        wrong = int((data != pattern * (self._ranks * (self._ranks + 1) // 2)).sum().item())
        data.zero_()  # repeated sums must not overflow
        for _ in range(WARM_UP):
            self._sum(data)
        began = time.perf_counter()
        for _ in range(TIMED):
            self._torch.distributed.all_reduce(data)
        self._wait()
        took = self._torch.tensor([(time.perf_counter() - began) / TIMED, float(wrong)], device=self._device)
        self._torch.distributed.all_reduce(took, op=self._torch.distributed.ReduceOp.MAX)
        slowest_s, wrong_most = took.tolist()
        return {"bytes": size_bytes, "seconds": slowest_s, "wrong": int(wrong_most)}

    def _sum(self, data: Any) -> None:
        self._torch.distributed.all_reduce(data)
        self._wait()

    def _wait(self) -> None:
        if self._device.type == "cuda":
            self._torch.cuda.synchronize(self._device)


def run(device_type: str, largest_bytes: int, step_s: float) -> None:
    """Join the others, connect, measure all sizes, leave."""
    torch = import_module("torch")  # not imported above: it is in the engine's image alone
    rank, local, ranks = (int(os.environ[name]) for name in ("RANK", "LOCAL_RANK", "WORLD_SIZE"))
    device = torch.device(device_type, local) if device_type == "cuda" else torch.device("cpu")
    if device_type == "cuda":
        torch.cuda.set_device(device)
    backend = "nccl" if device_type == "cuda" else "gloo"
    torch.distributed.init_process_group(backend, timeout=timedelta(seconds=step_s))
    _say({"step": "met"})
    all_reduce = AllReduce(torch, device, rank, ranks)
    all_reduce.connect()
    _say({"step": "connected"})
    for size in sizes_bytes(largest_bytes):
        _say({"step": str(size), **all_reduce.measure(size)})
    torch.distributed.destroy_process_group()


def _say(report: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(report) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    run(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
