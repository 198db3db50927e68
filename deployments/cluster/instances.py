"""What the nodes of an EC2 instance type have for pods.

The table is from Karpenter's reference of instance types (github.com/aws/karpenter-provider-aws v1.14.1,
website/content/en/docs/reference/instance-types.md), which has EC2's own figures, and as allocatable what is left of
them after 7.5 % of the memory for the virtual machine and after what EKS reserves for the kubelet (255 MiB + 11 MiB a
pod, 100 MiB before eviction; 6 % of the first core and less of each further one).
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class InstanceType:
    """Figures of one node. CPU in thousandths of a core."""

    name: str
    vcpus: int
    memory_mib: int
    allocatable_cpu_m: int
    allocatable_memory_mib: int
    gpus: int
    accelerator: str
    """The GPU by Ray's name of it; empty without one."""
    efa: int
    """EFA interfaces."""


@dataclass(frozen=True, slots=True)
class Daemon:
    """What a daemon's pod requests on each node."""

    name: str
    cpu_m: int
    memory_mib: int
    only: str = ""
    """On nodes with `gpu` or `efa` alone."""


# As their charts and add-ons request by default; where a chart requests nothing (memory of aws-node and kube-proxy, the
# device plugin of NVIDIA, dcgm-exporter, node-exporter, log collectors), an allowance, so that no node is planned full.
DAEMONS = (
    Daemon("aws-node", 50, 64),
    Daemon("kube-proxy", 100, 64),
    Daemon("eks-pod-identity-agent", 10, 32),
    Daemon("ebs-csi-node", 30, 120),
    Daemon("fsx-csi-node", 30, 104),
    Daemon("efs-csi-node", 30, 120),
    Daemon("node-exporter", 50, 64),
    Daemon("log collector", 100, 256),
    Daemon("nvidia-device-plugin", 20, 64, "gpu"),
    Daemon("dcgm-exporter", 100, 512, "gpu"),
    Daemon("aws-efa-k8s-device-plugin", 10, 20, "efa"),
)

HUGE_PAGES_MIB = 10_256
"""5,128 huge pages of 2 MiB, which nodes with EFA set aside for libfabric. They are no longer memory for others."""


@dataclass(frozen=True, slots=True)
class Room:
    """What one node has for pods beside its daemons."""

    cpu_m: int
    memory_mib: int
    gpus: int
    efa: int
    huge_pages_mib: int


@cache
def instance_types() -> dict[str, InstanceType]:
    """All that are known, by name."""
    with files("fraudray.deployments.cluster").joinpath("data", "instance_types.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {row["name"]: _from_row(row) for row in rows}


def room(instance: InstanceType, *, efa: bool) -> Room:
    """What a node of that type has for pods; `efa`: started with EFA interfaces, and huge pages for them."""
    efa = efa and instance.efa > 0
    kinds = {"", "gpu"} if instance.gpus else {""}
    daemons = [daemon for daemon in DAEMONS if daemon.only in kinds or (efa and daemon.only == "efa")]
    pages_mib = HUGE_PAGES_MIB if efa else 0
    return Room(
        cpu_m=instance.allocatable_cpu_m - sum(daemon.cpu_m for daemon in daemons),
        memory_mib=instance.allocatable_memory_mib - pages_mib - sum(daemon.memory_mib for daemon in daemons),
        gpus=instance.gpus,
        efa=instance.efa if efa else 0,
        huge_pages_mib=pages_mib,
    )


def _from_row(row: dict[str, str]) -> InstanceType:
    return InstanceType(
        name=row["name"], vcpus=int(row["vcpus"]), memory_mib=int(row["memory_mib"]),
        allocatable_cpu_m=int(row["allocatable_cpu_m"]), allocatable_memory_mib=int(row["allocatable_memory_mib"]),
        gpus=int(row["gpus"]), accelerator=row["accelerator"], efa=int(row["efa"]),
    )  # fmt: skip
