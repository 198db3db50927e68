"""What a pod sees of its node: EFA devices, GPUs, huge pages, shared memory, the right to lock memory."""

from __future__ import annotations

import os
import resource
from dataclasses import dataclass
from pathlib import Path

from fraudray.deployments.preflight.fabric import efa_domains
from fraudray.deployments.preflight.findings import Finding, finding
from fraudray.deployments.preflight.gpus import NVLINK, QUERY, active_links, links_expected, read_gpus
from fraudray.deployments.preflight.programs import ask

MIB = 1 << 20
GIB = 1 << 30
CAP_IPC_LOCK = 14  # linux/capability.h


@dataclass(frozen=True, slots=True)
class Expected:
    """What a node has to have; a p4d.24xlarge by default."""

    gpus: int = 8
    gpu_name: str = "A100"
    efa_devices: int = 4
    huge_pages_mib: int = 5120
    """Of 2 MiB each; EKS nodes with EFA set 5,128 pages aside (aws-samples/aws-efa-eks), of which a pod takes half."""
    shared_memory_gib: float = 10.0
    """Processes of one engine exchange tensors through it; vLLM's guide to containers gives them about 10 GiB."""


@dataclass(frozen=True, slots=True)
class System:
    """Where the kernel tells of the node. `root` is `/` but in tests."""

    root: Path = Path("/")

    def __truediv__(self, name: str) -> Path:
        return self.root / name


def node_findings(expected: Expected, system: System) -> list[Finding]:
    """All checks of the node, in the order in which they explain one another."""
    return [
        *gpu_findings(expected),
        *efa_findings(expected, system),
        huge_pages(expected, system),
        shared_memory(expected, system),
        locked_memory(system),
    ]


def gpu_findings(expected: Expected) -> list[Finding]:
    """How many GPUs there are, of which kind, and whether their links are up."""
    do = f"ask for nvidia.com/gpu: {expected.gpus} in the pod; `kubectl describe node` shows what the plugin offers"
    listed = ask(QUERY)
    try:
        gpus = read_gpus(listed.output)
    except ValueError as error:
        return [Finding("GPUs", False, str(error), do)]
    if listed.failed or not gpus:
        return [Finding("GPUs", False, listed.failed or "nvidia-smi lists none", do)]
    names = ", ".join(sorted({gpu.name for gpu in gpus}))
    right = len(gpus) == expected.gpus and all(expected.gpu_name in gpu.name for gpu in gpus)
    wanted = "" if right else f", expected {expected.gpus} x {expected.gpu_name}"
    counted = finding("GPUs", ok=right, found=f"{len(gpus)} x {names}{wanted}", do=do)
    links = links_expected(gpus[0].name)
    if len(gpus) == 1 or links is None:
        return [counted]
    said = ask(NVLINK)
    up = active_links(said.output)
    short = [f"GPU {gpu.index} has {up.get(gpu.index, 0)}" for gpu in gpus if up.get(gpu.index, 0) != links]
    return [
        counted,
        finding(
            "NVLink",
            ok=not short and said.failed is None,
            found=said.failed
            or (f"{links} links a GPU are up" if not short else f"of {links} links: {', '.join(short)}"),
            do="drain and replace this node: a link that is down is hardware (nvidia-smi nvlink --errorcounters)",
        ),
    ]


def efa_findings(expected: Expected, system: System) -> list[Finding]:
    """The kernel's devices, and what libfabric can open of them."""
    if not expected.efa_devices:
        return []
    ask_for = f"ask for vpc.amazonaws.com/efa: {expected.efa_devices} in the pod"
    devices = sorted(path.name for path in (system / "dev/infiniband").glob("uverbs*"))
    said = ask(("fi_info", "-p", "efa", "-t", "FI_EP_RDM"))
    domains = efa_domains(said.output)
    return [
        finding(
            "EFA devices",
            ok=len(devices) == expected.efa_devices,
            found=f"{len(devices)} of {expected.efa_devices} under /dev/infiniband",
            do=f"{ask_for}; the node group needs EFA interfaces (efaEnabled) and the EFA device plugin",
        ),
        finding(
            "EFA in libfabric",
            ok=len(domains) == expected.efa_devices,
            found=said.failed or f"{len(domains)} of {expected.efa_devices}: {', '.join(domains)}",
            do=f"{ask_for}; without devices, see above; with them, the image's libfabric or rdma-core is too old",
        ),
    ]


def huge_pages(expected: Expected, system: System) -> Finding:
    """Huge pages of 2 MiB: what the node set aside, and what this pod may take of it."""
    folder = system / "sys/kernel/mm/hugepages/hugepages-2048kB"
    try:
        node_mib = int((folder / "nr_hugepages").read_text()) * 2
    except (OSError, ValueError):
        node_mib = 0
    limit = _read(system / "sys/fs/cgroup/hugetlb.2MB.max")
    pod_mib = (
        int(limit) // MIB if limit.isdigit() else node_mib
    )  # `max`, or no such controller: the node's are the limit
    return finding(
        "huge pages",
        ok=min(node_mib, pod_mib) >= expected.huge_pages_mib,
        found=f"{min(node_mib, pod_mib):,} MiB of 2 MiB pages for this pod, {node_mib:,} on the node, "
        f"{expected.huge_pages_mib:,} expected",
        do=f"ask for hugepages-2Mi: {expected.huge_pages_mib}Mi; if the node has none, its EFA set-up did not run",
    )


def shared_memory(expected: Expected, system: System) -> Finding:
    """The size of /dev/shm."""
    try:
        stat = os.statvfs(system / "dev/shm")
        size_gib = stat.f_blocks * stat.f_frsize / GIB
    except OSError:
        size_gib = 0.0
    return finding(
        "shared memory",
        ok=size_gib >= expected.shared_memory_gib,
        found=f"{size_gib:,.1f} GiB at /dev/shm, {expected.shared_memory_gib:,.1f} expected",
        do="mount an emptyDir with medium: Memory and a sizeLimit at /dev/shm; the runtime's own has 64 MiB",
    )


def locked_memory(system: System) -> Finding:
    """Whether EFA and NCCL may keep memory in place: an unlimited `ulimit -l`, or the capability in effect."""
    soft, _ = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    capable = bool(effective_capabilities(_read(system / "proc/self/status")) >> CAP_IPC_LOCK & 1)
    unlimited = soft == resource.RLIM_INFINITY
    limit = "unlimited" if unlimited else f"{soft // 1024:,} KiB"
    return finding(
        "locked memory",
        ok=unlimited or capable,
        found=f"ulimit -l is {limit}, IPC_LOCK is {'in effect' if capable else 'not in effect'}",
        do="add the capability IPC_LOCK; to a user other than root it gives nothing in effect, so there the node's "
        "container runtime has to run with LimitMEMLOCK=infinity",
    )


def effective_capabilities(status: str) -> int:
    """The bits of CapEff in /proc/PID/status; none where it does not say."""
    for line in status.splitlines():
        if line.startswith("CapEff:"):
            return int(line.split()[1], 16)
    return 0


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
