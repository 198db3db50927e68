"""How Kubernetes learns that a container is well."""

from __future__ import annotations

from collections.abc import Iterator

from fraudray.deployments.cluster.rendered import Rendering
from fraudray.deployments.cluster.rules.rule import Hit, rule


@rule(
    "probes.missing",
    wrong="A container that serves has no readiness or liveness probe.",
    why="it would get requests before it can answer them, and stay in a state in which it never will",
    advice="Add readinessProbe and livenessProbe (Ray's own containers get theirs from KubeRay).",
)
def probes(rendering: Rendering) -> Iterator[Hit]:
    """Containers with ports, but Ray's, into which KubeRay puts probes of GCS, raylet and Serve's proxy."""
    for pod in rendering.pods:
        for container in pod.containers:
            serves = container.role in ("main", "sidecar") and not container.is_ray and container.at("ports")
            missing = [name for name in ("readinessProbe", "livenessProbe") if not container.at(name)]
            if serves and missing:
                detail = f"{container.name} has ports and no {' and no '.join(missing)}"
                yield Hit(pod.manifest, container.where(missing[0]), detail)
