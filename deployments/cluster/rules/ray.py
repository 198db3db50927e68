"""The Ray cluster itself."""

from __future__ import annotations

from collections.abc import Iterator

from fraudray.deployments.cluster.manifests import dotted
from fraudray.deployments.cluster.ray_specs import RayGroup
from fraudray.deployments.cluster.rendered import Rendering
from fraudray.deployments.cluster.rules.rule import Hit, rule


@rule(
    "ray.head-works",
    wrong="The head takes work.",
    why="a replica that eats the head's memory takes the whole cluster with it",
    advice='Set rayStartParams `num-cpus: "0"` and `num-gpus: "0"` on the head.',
)
def head_works(rendering: Rendering) -> Iterator[Hit]:
    """By rayStartParams, or by `resources` of the group where the operator is told so."""
    for cluster in rendering.clusters:
        head = cluster.head
        for name, resource in (("num-cpus", "CPU"), ("num-gpus", "GPU")):
            if _zero(head, name, resource):
                continue
            yield Hit(cluster.manifest, dotted((*head.path, "rayStartParams", name)), f'the head lacks {name}: "0"')


@rule(
    "ray.token",
    wrong="A cluster takes commands from anybody who reaches it.",
    why="whoever reaches the dashboard's port runs code in the cluster (CVE-2023-48022)",
    advice="Set `authOptions: {mode: token}` and a rayVersion of 2.52 or newer.",
)
def token(rendering: Rendering) -> Iterator[Hit]:
    """Token authentication of Ray itself."""
    for cluster in rendering.clusters:
        mode = (cluster.spec.get("authOptions") or {}).get("mode")
        if mode != "token":
            where = dotted((*cluster.path, "authOptions", "mode"))
            yield Hit(cluster.manifest, where, f"authentication is {mode or 'not set'}")


@rule(
    "ray.bounds",
    wrong="A group of workers has no bounds, or a size outside of them.",
    why="the operator refuses the cluster, or an autoscaler adds nodes without end",
    advice="Set minReplicas <= replicas <= maxReplicas.",
)
def bounds(rendering: Rendering) -> Iterator[Hit]:
    """The schema wants both to be there; here they are compared."""
    for cluster in rendering.clusters:
        for group in cluster.workers:
            least, most = group.document.get("minReplicas"), group.document.get("maxReplicas")
            size = group.document.get("replicas", least)
            if least is None or most is None:
                yield Hit(cluster.manifest, dotted(group.path), f"{group.name} lacks minReplicas or maxReplicas")
            elif not least <= (size if isinstance(size, int) else least) <= most:
                detail = f"{group.name} has replicas {size}, which is not within {least} and {most}"
                yield Hit(cluster.manifest, dotted((*group.path, "replicas")), detail)


def _zero(head: RayGroup, name: str, resource: str) -> bool:
    return "0" in (head.start_params.get(name), head.ray_resources.get(resource))
