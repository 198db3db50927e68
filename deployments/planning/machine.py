"""This machine's processor as an instance: what it reads and reckons, measured in a second with numpy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter

from fraudray.deployments.planning.hardware import GIB, PCIE_4, Gpu, Instance
from fraudray.domain.errors import NotInstalled

_LEAST_BYTES, _MOST_BYTES = 2**20, 2**29
_COLUMNS = 1024
_SQUARE = 1024
_ROUNDS, _ROUND_S = 5, 0.05
_BESIDE_WEIGHTS_GIB = 16.0  # for the engine and KV: whether they fit is not the question here


@dataclass(frozen=True, slots=True)
class Machine:
    """What numpy reaches here, with as many threads as OMP_NUM_THREADS allows it."""

    read_bytes_per_s: float
    """Of a matrix times a vector, as every step of writing is; in cache where the weights are."""
    flops: float
    """Of a product of matrices in 32 bits; an engine with bf16 instructions does more."""
    working_set_bytes: int

    def instance(self, weight_bytes: float) -> Instance:
        """As the estimator takes it: one device that holds the weights, whose peaks are what was reached."""
        free_gib = weight_bytes / GIB + _BESIDE_WEIGHTS_GIB
        gpu = Gpu("CPU", free_gib, self.read_bytes_per_s, self.flops, "measured now with numpy")
        return Instance("this machine", 1, gpu, PCIE_4, 1e9, False, "measured now")


def measure_machine(working_set_bytes: float) -> Machine:
    """Measure with weights of about that size, at least 1 and at most 512 MiB. Raises NotInstalled without numpy."""
    try:
        import numpy as np
    except ModuleNotFoundError:
        raise NotInstalled("measuring this machine needs numpy: pip install 'fraudray[batch]'") from None
    size = int(min(max(working_set_bytes, _LEAST_BYTES), _MOST_BYTES))
    matrix = np.ones((max(1, size // (4 * _COLUMNS)), _COLUMNS), np.float32)
    vector = np.ones(_COLUMNS, np.float32)
    square = np.ones((_SQUARE, _SQUARE), np.float32)
    read_s = _fastest_s(lambda: matrix @ vector)
    product_s = _fastest_s(lambda: square @ square)
    return Machine(matrix.nbytes / read_s, 2.0 * _SQUARE**3 / product_s, matrix.nbytes)


def _fastest_s(work: Callable[[], object]) -> float:
    """Of one run, in the best of several rounds: what else the machine does can only make it slower."""
    work()
    best = float("inf")
    for _ in range(_ROUNDS):
        began, runs = perf_counter(), 0
        while (took := perf_counter() - began) < _ROUND_S or not runs:
            work()
            runs += 1
        best = min(best, took / runs)
    return best
