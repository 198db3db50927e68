"""What `nvidia-smi` says: the GPUs, and the state of their NVLinks.

Formats: `--query-gpu=index,name,memory.total --format=csv,noheader,nounits`, and `nvlink --status`, which names each
GPU and, indented, its links as `Link 3: 25 GB/s` or `Link 3: <inactive>` (NVIDIA's nvidia-smi reference).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

QUERY = ("nvidia-smi", "--query-gpu=index,name,memory.total", "--format=csv,noheader,nounits")
NVLINK = ("nvidia-smi", "nvlink", "--status")
LINKS_OF = {"A100": 12, "H100": 18, "H200": 18}
"""NVLinks that a GPU has behind NVSwitch (NVIDIA's data sheets: 600 and 900 GB/s of 25 GB/s a direction)."""

_GPU = re.compile(r"^GPU (\d+):")
_LINK = re.compile(r"^\s+Link \d+: (.+?)\s*$")


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU; its memory in MiB."""

    index: int
    name: str
    memory_mib: int


def read_gpus(csv: str) -> tuple[Gpu, ...]:
    """The GPUs of a query. Raises ValueError for text that is not one, such as nvidia-smi's own errors."""
    found = []
    for line in filter(None, map(str.strip, csv.splitlines())):
        cells = [cell.strip() for cell in line.split(",")]
        if len(cells) != 3 or not cells[0].isdigit():
            raise ValueError(f"nvidia-smi says: {line}")
        found.append(Gpu(int(cells[0]), cells[1], int(cells[2]) if cells[2].isdigit() else 0))
    return tuple(found)


def active_links(status: str) -> Mapping[int, int]:
    """How many NVLinks of each GPU are up, by the GPU's index."""
    up: dict[int, int] = {}
    gpu: int | None = None
    for line in status.splitlines():
        if named := _GPU.match(line):
            gpu = int(named[1])
            up[gpu] = 0
        elif gpu is not None and (link := _LINK.match(line)) and link[1].endswith("GB/s"):
            up[gpu] += 1
    return up


def links_expected(name: str) -> int | None:
    """How many links a GPU of that name has, None where that is not known here."""
    return next((links for part, links in LINKS_OF.items() if part in name), None)
