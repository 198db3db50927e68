"""GPUs: what the models of a cluster need, and what its groups of workers have."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from fraudray.deployments.cluster.instances import instance_types
from fraudray.deployments.cluster.ray_specs import RayCluster, RayGroup
from fraudray.deployments.cluster.rendered import Rendering
from fraudray.deployments.cluster.serve_config import Application, ServeConfigError, serve_applications
from fraudray.llm.serving import LlmServing

LABEL = "ray.io/accelerator-type"
_RESOURCE = "accelerator_type:"


@dataclass(frozen=True, slots=True)
class Model:
    """A model that a cluster serves."""

    application: Application
    serving: LlmServing

    @property
    def together(self) -> int:
        """GPUs that must be on one node."""
        return self.serving.workers if self.serving.placement == "STRICT_PACK" else self.serving.tensor_parallel


def models(cluster: RayCluster) -> Iterator[Model]:
    """The models of a cluster, as far as its Serve config can be read."""
    try:
        applications = serve_applications(cluster)
    except ServeConfigError:
        return
    for application in applications:
        try:
            serving = application.serving()
        except ServeConfigError:
            continue
        if serving is not None:
            yield Model(application, serving)


def said(group: RayGroup) -> set[str]:
    """The accelerators that a group's labels and resources name, as Ray does."""
    named = {group.ray_labels[LABEL]} if LABEL in group.ray_labels else set()
    resources = set(group.ray_resources)
    # KubeRay takes the JSON within a shell's quotes: '"{\"accelerator_type:A100\": 1}"'. Else it names none.
    with suppress(ValueError):
        resources |= set(json.loads(group.start_params.get("resources", "{}").strip("'\"").replace('\\"', '"')))
    return named | {name.removeprefix(_RESOURCE) for name in resources if name.startswith(_RESOURCE)}


def of_nodes(rendering: Rendering, group: RayGroup) -> set[str]:
    """The accelerators of the nodes that a group's pods may be put on, as far as their types are known."""
    pods = [
        pod
        for pod in rendering.pods
        if pod.ray is not None and pod.ray.path == group.path and pod.manifest is group.cluster.manifest
    ]
    known = instance_types()
    names = {name for pod in pods for name in rendering.instance_types_of(pod)}
    return {known[name].accelerator for name in names if name in known and known[name].gpus}


def groups_with(rendering: Rendering, cluster: RayCluster, accelerator: str) -> list[RayGroup]:
    """The groups of workers that have GPUs of that kind: by their nodes, else by what they say; one that gives no hint
    counts as whatever is asked for."""
    return [
        group
        for group in cluster.workers
        if group.gpus and accelerator in (of_nodes(rendering, group) or said(group) or {accelerator})
    ]


def gpus(groups: Iterable[RayGroup], *, most: bool) -> int:
    """GPUs of the least (or `most`) replicas of these groups."""
    return sum((group.replicas_max if most else group.replicas_min) * group.hosts * group.gpus for group in groups)
