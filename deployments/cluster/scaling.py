"""The model's GPUs off and on, in numbers: what would change, and the change itself.

A RayService that serves models alone is suspended: all its pods go, the head's too, and with them the nodes. In one
that serves other applications beside, and in a RayCluster, the groups of workers with GPUs go to 0. KubeRay starts no
new cluster for that: it leaves the workers' numbers out of what it compares (v1.7.0,
utils.GenerateHashWithoutReplicasAndWorkersToDelete).
"""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import dataclass

from fraudray.cli.exits import InputError
from fraudray.deployments.cluster.kube import Kube, collection, item
from fraudray.deployments.cluster.manifests import Document, Manifest, at
from fraudray.deployments.cluster.ray_specs import RayCluster, RayGroup, ray_clusters
from fraudray.deployments.cluster.serve_config import LLM_APP, ServeConfigError, serve_applications

BEFORE = "fraudray/workers-before"
"""An annotation with each group's numbers (least, most) as they were before they went to 0."""
_PLURALS = {"RayService": "rayservices", "RayCluster": "rayclusters"}


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be done to one object: `words` for people, `patch` for the API server; none where all is as wanted."""

    manifest: Manifest
    words: tuple[str, ...]
    patch: Document | None


def with_gpus(kube: Kube, namespace: str, name: str | None) -> list[Manifest]:
    """The RayServices, and RayClusters that none of them made, whose workers have GPUs.

    Raises InputError where there is none, or none of that name.
    """
    found: list[Manifest] = []
    for kind, plural in _PLURALS.items():
        if kind == "RayCluster" and found:
            break  # those belong to the RayServices, whose word they follow
        for document in kube.list(collection(plural, namespace)):
            manifest = Manifest({"kind": kind} | document)
            owned = manifest.at("metadata", "ownerReferences")
            if not owned and any(_gpu_groups(cluster) for cluster in ray_clusters(manifest)):
                found.append(manifest)
    chosen = [manifest for manifest in found if name in (None, manifest.name)]
    if not chosen:
        there = ", ".join(manifest.name for manifest in found)
        which = f" called {name} (there are: {there})" if name and there else f" called {name}" if name else ""
        raise InputError(f"namespace {namespace} has no RayService or RayCluster{which} whose workers have GPUs")
    return chosen


def to_zero(manifest: Manifest) -> Change:
    """Off. Twice is once."""
    if _serves_models_alone(manifest):
        if manifest.at("spec", "suspend"):
            return _as_wanted(manifest)
        return Change(manifest, ("suspend it: all its pods go, the head's too",), {"spec": {"suspend": True}})
    before: dict[str, list[int]] = _before(manifest)
    wanted = {}
    for group in _groups(manifest):
        if group.replicas_min or group.replicas_max:
            before[group.name] = [group.replicas_min, group.replicas_max]
        wanted[group.name] = (0, 0)
    return _resized(manifest, wanted, before)


def up(manifest: Manifest) -> Change:
    """On again: as it was before it was switched off."""
    if manifest.at("spec", "suspend"):
        return Change(manifest, ("take it up again, as its spec says",), {"spec": {"suspend": False}})
    before = _before(manifest)
    return _resized(manifest, {name: (numbers[0], numbers[1]) for name, numbers in before.items()}, {})


def to_workers(manifest: Manifest, pods: int) -> Change:
    """That many pods with GPUs, all of one group. Raises InputError for several groups, and for half a replica."""
    groups = _groups(manifest)
    if len(groups) != 1:
        names = ", ".join(group.name for group in groups)
        raise InputError(f"{manifest} has several groups with GPUs ({names}): change its overlay")
    if pods == 0:
        return to_zero(manifest)
    (group,) = groups
    if pods % group.hosts:
        raise InputError(
            f"--gpu-workers {pods}: a replica of {group.name} is {group.hosts} pods (numOfHosts); name a multiple"
        )
    count = pods // group.hosts
    change = _resized(manifest, {group.name: (count, max(count, group.replicas_max))}, {})
    if not manifest.at("spec", "suspend"):
        return change
    patch = {"spec": {}} if change.patch is None else change.patch
    return Change(manifest, (*change.words, "take it up again"), patch | {"spec": patch["spec"] | {"suspend": False}})


def apply(kube: Kube, change: Change) -> None:
    """Do it, unless the object changed since it was read. Raises ChangedMeanwhile."""
    if change.patch is None:
        return
    manifest = change.manifest
    version = manifest.at("metadata", "resourceVersion")
    metadata = change.patch.get("metadata", {}) | {"resourceVersion": version}
    kube.merge(item(_PLURALS[manifest.kind], manifest.namespace, manifest.name), change.patch | {"metadata": metadata})


def _resized(manifest: Manifest, wanted: dict[str, tuple[int, int]], before: dict[str, list[int]]) -> Change:
    (cluster,) = ray_clusters(manifest)
    groups = deepcopy(cluster.spec.get("workerGroupSpecs") or [])
    words = []
    for group in cluster.workers:
        if group.name not in wanted:
            continue
        least, most = wanted[group.name]
        size = group.document.get("replicas", group.replicas_min)
        if (group.replicas_min, size, group.replicas_max) == (least, least, most):
            continue
        groups[group.path[-1]] |= {"minReplicas": least, "replicas": least, "maxReplicas": most}  # type: ignore[index]
        words.append(
            f"{group.name}: {size} -> {least} replica(s) of {group.hosts} pod(s) with {group.gpus} GPUs "
            f"(least {group.replicas_min} -> {least}, most {group.replicas_max} -> {most})"
        )
    if not words:
        return _as_wanted(manifest)
    spec: Document = {"workerGroupSpecs": groups}
    for step in reversed(cluster.path[1:]):
        spec = {str(step): spec}
    note = json.dumps(before) if before else None
    return Change(manifest, tuple(words), {"metadata": {"annotations": {BEFORE: note}}, "spec": spec})


def _as_wanted(manifest: Manifest) -> Change:
    return Change(manifest, (), None)


def _before(manifest: Manifest) -> dict[str, list[int]]:
    try:
        noted = json.loads(manifest.annotations.get(BEFORE, "{}"))
        return {str(name): [int(numbers[0]), int(numbers[1])] for name, numbers in noted.items()}
    except (ValueError, TypeError, LookupError, AttributeError):
        raise InputError(
            f"{manifest}: its annotation {BEFORE} cannot be read; name the number: --gpu-workers N"
        ) from None


def _groups(manifest: Manifest) -> list[RayGroup]:
    return [group for cluster in ray_clusters(manifest) for group in _gpu_groups(cluster)]


def _gpu_groups(cluster: RayCluster) -> list[RayGroup]:
    return [group for group in cluster.workers if group.gpus]


def _serves_models_alone(manifest: Manifest) -> bool:
    try:
        applications = [app for cluster in ray_clusters(manifest) for app in serve_applications(cluster)]
    except ServeConfigError:
        return False
    return bool(applications) and all(at(app.document, "import_path") == LLM_APP for app in applications)
