"""Whether a pod fits its node."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from fraudray.deployments.cluster.instances import Room, instance_types, room
from fraudray.deployments.cluster.pods import Container, PodTemplate
from fraudray.deployments.cluster.quantities import MIB, quantity
from fraudray.deployments.cluster.ray_specs import EFA, GPU, INSTANCE_TYPE
from fraudray.deployments.cluster.rendered import Rendering
from fraudray.deployments.cluster.rules.rule import Hit, rule

_HUGE_PAGES = "hugepages-2Mi"
# What KubeRay gives Ray's autoscaler in the head's pod unless autoscalerOptions say otherwise.
_AUTOSCALER = {"cpu": Decimal("0.5"), "memory": Decimal(512 * MIB)}


@dataclass(frozen=True, slots=True)
class Asked:
    """What one pod asks of its node. CPU in thousandths of a core."""

    cpu_m: int
    memory_mib: int
    gpus: int
    efa: int
    huge_pages_mib: int


@rule(
    "capacity.unknown-type",
    wrong="A pod wants an instance type that is not in the table.",
    why="whether it fits cannot be said",
    advice="Correct the name, or add the type to deployments/cluster/data/instance_types.csv.",
)
def unknown_type(rendering: Rendering) -> Iterator[Hit]:
    """By node selector, required affinity or eksctl group."""
    for pod in rendering.pods:
        for name in rendering.instance_types_of(pod):
            if name not in instance_types():
                yield Hit(pod.manifest, pod.where("nodeSelector"), f"is put on {name}")


@rule(
    "capacity.unplaced",
    wrong="A pod with GPUs does not say which nodes it goes to.",
    why="it may land on GPUs that hold neither the model nor its network",
    advice=f"Set the node selector {INSTANCE_TYPE} (or one that an eksctl group's labels fulfil).",
)
def unplaced(rendering: Rendering) -> Iterator[Hit]:
    """Where the eksctl file is not known, any node selector is believed."""
    for pod in rendering.pods:
        if not asked_of_node(pod).gpus or rendering.instance_types_of(pod):
            continue
        if not pod.node_selector:
            yield Hit(pod.manifest, pod.where("nodeSelector"), "asks for GPUs and has no node selector")
        elif rendering.node_groups:
            detail = "asks for GPUs, and no group of nodes has the labels of its node selector"
            yield Hit(pod.manifest, pod.where("nodeSelector"), detail)


@rule(
    "capacity.too-large",
    wrong="A pod asks for more than its node has.",
    why="it stays Pending for ever, and an autoscaler adds nodes on which it does not fit either",
    advice="Lower its requests; deployments/cluster/instances.py has what kubelet, daemons and huge pages leave.",
)
def too_large(rendering: Rendering) -> Iterator[Hit]:
    """One pod on an empty node of the type, beside the daemons; of several types the smallest counts."""
    for pod in rendering.pods:
        wants = asked_of_node(pod)
        efa = bool(wants.efa or wants.huge_pages_mib) or any(group.efa for group in rendering.groups_of(pod))
        for name in rendering.instance_types_of(pod):
            if name not in instance_types():
                continue
            lacking = _lacking(wants, room(instance_types()[name], efa=efa))
            if lacking:
                yield Hit(pod.manifest, pod.where("containers"), f"does not fit {name}: {'; '.join(lacking)}")


@rule(
    "capacity.no-node",
    wrong="A pod's node selector fits no group of nodes.",
    why="it stays Pending for ever",
    advice="Give a group of nodes in the eksctl file the labels that the selector asks for.",
)
def no_node(rendering: Rendering) -> Iterator[Hit]:
    """Where an eksctl file is among the objects."""
    for pod in rendering.pods:
        if rendering.node_groups and pod.node_selector and not rendering.groups_of(pod) and not asked_of_node(pod).gpus:
            wanted = ", ".join(f"{key}={value}" for key, value in pod.node_selector.items())
            yield Hit(pod.manifest, pod.where("nodeSelector"), f"no group of nodes has {wanted}")


def asked_of_node(pod: PodTemplate) -> Asked:
    """What the scheduler counts for a pod: its containers and sidecars together, or its largest init container."""
    return Asked(
        cpu_m=int(_counted(pod, "cpu") * 1000),
        memory_mib=int(_counted(pod, "memory") / MIB),
        gpus=int(_counted(pod, GPU)),
        efa=int(_counted(pod, EFA)),
        huge_pages_mib=int(_counted(pod, _HUGE_PAGES) / MIB),
    )


def _counted(pod: PodTemplate, resource: str) -> Decimal:
    together = sum((_request(one, resource) for one in pod.containers if one.role != "init"), Decimal(0))
    first = max((_request(one, resource) for one in pod.containers if one.role == "init"), default=Decimal(0))
    return max(together, first)


def _request(container: Container, resource: str) -> Decimal:
    value = container.at("resources", "requests", resource) or container.at("resources", "limits", resource)
    if value is None:
        return _AUTOSCALER.get(resource, Decimal(0)) if container.role == "autoscaler" else Decimal(0)
    return quantity(value)


def _lacking(wants: Asked, has: Room) -> list[str]:
    lacking = [f"CPU {wants.cpu_m / 1000:g} of {has.cpu_m / 1000:g}"] if wants.cpu_m > has.cpu_m else []
    pairs = (
        ("memory (MiB)", wants.memory_mib, has.memory_mib),
        ("GPUs", wants.gpus, has.gpus),
        ("EFA", wants.efa, has.efa),
        ("huge pages (MiB)", wants.huge_pages_mib, has.huge_pages_mib),
    )
    return lacking + [f"{name} {asked:,} of {there:,}" for name, asked, there in pairs if asked > there]
