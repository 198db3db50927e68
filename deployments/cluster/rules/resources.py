"""What containers ask for and may use."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from fraudray.deployments.cluster.manifests import at
from fraudray.deployments.cluster.pods import Container, PodTemplate
from fraudray.deployments.cluster.quantities import mib, quantity
from fraudray.deployments.cluster.ray_specs import EFA, GPU
from fraudray.deployments.cluster.rendered import Rendering
from fraudray.deployments.cluster.rules.rule import Hit, rule

_SHM = "/dev/shm"  # noqa: S108 - a path in pods, not one that this process writes to


@rule(
    "resources.missing",
    wrong="A container does not say what it needs and what it may use.",
    why="Kubernetes would put it on a node that is full, or let it take the node's memory from its neighbours",
    advice="Set requests and limits of cpu and memory (Ray counts the limits as what its node has).",
)
def limits_and_requests(rendering: Rendering) -> Iterator[Hit]:
    """Every container but the autoscaler's, which KubeRay gives its own unless it is told others."""
    for container in _containers(rendering):
        resources = container.at("resources") or {}
        if container.role == "autoscaler" and not resources:
            continue
        missing = [
            f"{part}.{name}"
            for part in ("requests", "limits")
            for name in ("cpu", "memory")
            if at(resources, part, name) is None
        ]
        if missing:
            yield Hit(
                container.pod.manifest, container.where("resources"), f"{container.name} lacks {', '.join(missing)}"
            )


@rule(
    "resources.unequal",
    wrong="A container asks for more than it may use, or for another number of devices.",
    why="the API server refuses such a pod, which is noticed only when the operator makes it",
    advice="Make requests and limits of GPUs, EFA and huge pages equal, and no request larger than its limit.",
)
def requests_against_limits(rendering: Rendering) -> Iterator[Hit]:
    """Extended resources and huge pages cannot be overcommitted."""
    for container in _containers(rendering):
        requests, limits = container.at("resources", "requests") or {}, container.at("resources", "limits") or {}
        for name in sorted({*requests, *limits}):
            asked, allowed = requests.get(name), limits.get(name)
            whole = name in (GPU, EFA) or name.startswith("hugepages-")
            if whole and asked is None and name != GPU and name != EFA:
                asked = allowed  # a limit of huge pages alone is its request too
            if asked is None or allowed is None:
                if whole and allowed is None:
                    yield Hit(
                        container.pod.manifest,
                        container.where("resources", "limits", name),
                        f"{container.name} requests {name} {asked} and has no limit of it",
                    )
                continue
            if quantity(asked) > quantity(allowed) or (whole and quantity(asked) != quantity(allowed)):
                yield Hit(
                    container.pod.manifest,
                    container.where("resources", "requests", name),
                    f"{container.name} requests {name} {asked}, its limit is {allowed}",
                )


@rule(
    "resources.shared-memory",
    wrong="A pod with GPUs has no /dev/shm of its own in memory, or one that its memory does not hold.",
    why="NCCL and Ray's object store live in /dev/shm; the default of 64 MiB ends in a bus error, and what is written "
    "there counts against the memory limit",
    advice="Mount an emptyDir with medium Memory and a sizeLimit below the container's memory limit at /dev/shm.",
)
def shared_memory(rendering: Rendering) -> Iterator[Hit]:
    """Pods whose Ray container has GPUs, and every /dev/shm that there is."""
    for pod in rendering.pods:
        for container in pod.containers:
            mounted = _shared(pod, container)
            if mounted is None:
                if _limit(container, GPU):
                    yield Hit(pod.manifest, container.where("volumeMounts"), f"{container.name} mounts no /dev/shm")
                continue
            index, volume = mounted
            size = at(volume, "emptyDir", "sizeLimit")
            where = pod.where("volumes", index, "emptyDir")
            if at(volume, "emptyDir", "medium") != "Memory" or size is None:
                yield Hit(pod.manifest, where, f"{_SHM} is not in memory with a sizeLimit")
                continue
            memory = _limit(container, "memory")
            if memory and quantity(size) >= memory:
                yield Hit(pod.manifest, where, f"{_SHM} of {size} in {container.name} with {mib(memory)} of memory")


def _containers(rendering: Rendering) -> Iterator[Container]:
    for pod in rendering.pods:
        yield from pod.containers


def _limit(container: Container, resource: str) -> Decimal:
    return quantity(container.at("resources", "limits", resource) or 0)


def _shared(pod: PodTemplate, container: Container) -> tuple[int, object] | None:
    for mount in container.at("volumeMounts") or []:
        if str(mount.get("mountPath", "")).rstrip("/") == _SHM:
            for index, volume in enumerate(pod.spec.get("volumes") or []):
                if volume.get("name") == mount.get("name"):
                    return index, volume
    return None
