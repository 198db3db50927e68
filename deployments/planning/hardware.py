"""What an instance has: memory, bandwidth, arithmetic, and what joins its GPUs and its nodes. Peaks, as published."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from fraudray.cli.exits import InputError

GIB = 2**30
_GBIT = 1e9 / 8


@dataclass(frozen=True, slots=True)
class Gpu:
    """One accelerator. `free_gib` is what an engine finds free of its memory before it takes any."""

    name: str
    free_gib: float
    memory_bytes_per_s: float
    flops: float
    """Dense, in bf16."""
    source: str


@dataclass(frozen=True, slots=True)
class Link:
    """What joins the GPUs of a node."""

    kind: Literal["nvlink", "pcie"]
    bytes_per_s: float
    """Of one GPU in one direction."""
    hop_s: float
    """Latency of one of the 2 (n - 1) steps of a ring."""
    one_shot_s: float | None
    """Latency where every GPU reads the parts of all others at once; None where the engine does not do that."""
    source: str


@dataclass(frozen=True, slots=True)
class Instance:
    """A machine of the cloud, or this one."""

    name: str
    gpus: int
    gpu: Gpu
    link: Link
    network_bytes_per_s: float
    efa: bool
    source: str


_A100 = "NVIDIA A100 Tensor Core GPU datasheet"
A100_40 = Gpu("A100 40 GB", 39.4, 1.555e12, 312e12, f"{_A100} (40 GB SXM); free: deployments/configs")
A100_80 = Gpu("A100 80 GB", 79.1, 2.039e12, 312e12, f"{_A100} (80 GB SXM)")
H100 = Gpu("H100 80 GB", 79.1, 3.35e12, 989e12, "NVIDIA H100 Tensor Core GPU datasheet (SXM; dense is half the sparse)")
L4 = Gpu("L4", 22.0, 300e9, 121e12, "NVIDIA L4 datasheet (dense is half the sparse); free: deployments/configs")
A10G = Gpu("A10G", 22.0, 600e9, 70e12, "estimate: NVIDIA publishes none for the A10G; the A10's bandwidth, 70 TFLOP/s")

_ONE_SHOT = "vLLM's kernel on 8 H100: 9-12 us up to 32 KB, 45 us for 1 MB (sgl-project/sglang#2904); hop: estimate"
NVSWITCH_A100 = Link("nvlink", 300e9, 2.5e-6, 10e-6, f"600 GB/s both ways ({_A100}); {_ONE_SHOT}")
NVSWITCH_H100 = Link("nvlink", 450e9, 2.5e-6, 10e-6, f"900 GB/s both ways (H100 datasheet); {_ONE_SHOT}")
PCIE_4 = Link(
    "pcie", 32e9, 3.3e-6, None,
    "PCIe 4.0 x16; NCCL among 4 GPUs 19-24 us for 4-32 KB (haohervchb/sglang-V100#2, PCIe 3.0). "
    "vLLM's own kernel is off for more than two GPUs without NVLink",
)  # fmt: skip

_AWS = "Amazon EC2 accelerated computing instance types"
KNOWN = {
    instance.name: instance
    for instance in (
        Instance("p4d.24xlarge", 8, A100_40, NVSWITCH_A100, 400 * _GBIT, True, f"{_AWS}: 4 x 100 Gb/s EFA"),
        Instance("p4de.24xlarge", 8, A100_80, NVSWITCH_A100, 400 * _GBIT, True, f"{_AWS}: 4 x 100 Gb/s EFA"),
        Instance("p5.48xlarge", 8, H100, NVSWITCH_H100, 3200 * _GBIT, True, f"{_AWS}: 32 x 100 Gb/s EFA"),
        Instance("g6.12xlarge", 4, L4, PCIE_4, 40 * _GBIT, False, f"{_AWS}: 40 Gb/s"),
        Instance("g6.48xlarge", 8, L4, PCIE_4, 100 * _GBIT, True, f"{_AWS}: 100 Gb/s"),
        Instance("g5.48xlarge", 8, A10G, PCIE_4, 100 * _GBIT, True, f"{_AWS}: 100 Gb/s"),
    )
}


def find_instance(name: str) -> Instance:
    """A known instance by its name. Raises InputError."""
    known = KNOWN.get(name.lower())
    if known is None:
        raise InputError(f"--instance: {name} is not one of those known here: {', '.join(KNOWN)}")
    return known


@dataclass(frozen=True, slots=True)
class Efficiency:
    """What is reached of the peaks, and what a step takes beside them. `EFFICIENCY_SOURCES` says where each is from."""

    memory: float = 0.75
    compute: float = 0.55
    nvlink: float = 0.75
    pcie: float = 0.3
    network: float = 0.8
    step_s: float = 1e-3
    """Of the engine for one step, whatever is in it: scheduling, launching, sampling."""
    request_step_s: float = 10e-6
    """Beside that for each request in the step: sampling under a grammar, text, sending."""
    efa_hand_over_s: float = 40e-6
    tcp_hand_over_s: float = 200e-6
    pipeline_step_s: float = 0.3e-3
    """Beside that where stages are on several processes' clocks: the token goes back to the first."""

    def __post_init__(self) -> None:
        for name in ("memory", "compute", "nvlink", "pcie", "network"):
            if not 0 < getattr(self, name) <= 1:
                raise InputError(f"efficiency {name}: {getattr(self, name)} is no share of a peak, above 0 up to 1")
        for name in ("step_s", "request_step_s", "efa_hand_over_s", "tcp_hand_over_s", "pipeline_step_s"):
            if getattr(self, name) < 0:
                raise InputError(f"efficiency {name}: {getattr(self, name)} is below 0")

    def of_link(self, link: Link) -> float:
        """Bytes a second that a GPU of this link reaches in one direction."""
        return link.bytes_per_s * (self.nvlink if link.kind == "nvlink" else self.pcie)


_MEASURED_72B = "Qwen2.5-72B on 2 H100 (tenstorrent/tt-inference-server#143)"
EFFICIENCY_SOURCES = {
    "memory": f"calibrated: {_MEASURED_72B} writes a token in 30.9 ms, hence 0.76",
    "compute": f"calibrated: {_MEASURED_72B} reads 8,192 tokens in 1.06 s, hence 0.57; less for shorter prompts",
    "nvlink": "estimate: all_reduce_perf shows about 230 of 300 GB/s on 8 A100 for large messages",
    "pcie": "haohervchb/sglang-V100#2: 384 KB among 4 GPUs in 83 us is 9.3 GB/s, of 32 GB/s",
    "network": "estimate",
    "step_s": "estimate for a GPU with CUDA graphs; calibrated on a CPU by --check-against",
    "request_step_s": "estimate",
    "efa_hand_over_s": "estimate: NCCL point to point over aws-ofi-nccl",
    "tcp_hand_over_s": "estimate: NCCL point to point over sockets",
    "pipeline_step_s": "estimate",
}
