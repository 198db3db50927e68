"""Sizes of the all-reduce, its bandwidth, and what to expect of it.

Source of the formula: NVIDIA/nccl-tests, doc/PERFORMANCE.md: to be compared with what the hardware can do, bytes a
second are multiplied by 2 (n - 1) / n, the share of the data that n ranks have to move.
"""

from __future__ import annotations

MIB = 1 << 20
SIZE_MIN = MIB
GROWTH = 4

P4D_FLOOR_GB_S = 25.0
"""The least bus bandwidth, in 10^9 bytes a second, of two p4d.24xlarge at 1 GiB.

Four EFA devices of 100 Gb/s carry 50 GB/s at most. Reported at 1 GiB with 16 GPUs: 32.7 (aws-samples/aws-efa-eks,
README, NCCL 2.8.3) and 57.2 (NVIDIA/nccl#527; a tree over two nodes may show more than the wire). One device, or
TCP over the node's first, gives 12.5 at most. Half the wire is below what is reported, and above what fails in
silence.
"""


def sizes_bytes(largest: int) -> tuple[int, ...]:
    """From 1 MiB, each four times the one before, up to `largest` and with it."""
    sizes = []
    size = SIZE_MIN
    while size < largest:
        sizes.append(size)
        size *= GROWTH
    return (*sizes, largest)


def bus_gb_s(size_bytes: int, seconds: float, ranks: int) -> float:
    """The bus bandwidth of an all-reduce of `size_bytes` among `ranks`, in 10^9 bytes a second."""
    return size_bytes / seconds * 2 * (ranks - 1) / ranks / 1e9
