"""The Ray clusters that KubeRay's objects describe, and what the operator makes of them.

Labels, names of services and of clusters are those of KubeRay v1.7.0 (ray-operator/controllers/ray/common and utils).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any

from fraudray.deployments.cluster.manifests import Document, Manifest, at, strings
from fraudray.deployments.cluster.quantities import quantity

GPU = "nvidia.com/gpu"
EFA = "vpc.amazonaws.com/efa"
INSTANCE_TYPE = "node.kubernetes.io/instance-type"

# Where each kind keeps the cluster that it asks for.
_CLUSTERS: dict[str, tuple[str, ...]] = {
    "RayCluster": ("spec",),
    "RayService": ("spec", "rayClusterConfig"),
    "RayJob": ("spec", "rayClusterSpec"),
    "RayCronJob": ("spec", "jobTemplate", "rayClusterSpec"),
}
# Where the two kinds of jobs keep what a job is.
JOBS: dict[str, tuple[str, ...]] = {"RayJob": ("spec",), "RayCronJob": ("spec", "jobTemplate")}
_HEAD_GROUP = "headgroup"


@dataclass(frozen=True)
class RayGroup:
    """The head of a cluster, or one of its groups of workers."""

    cluster: RayCluster
    path: tuple[str | int, ...]
    document: Document
    is_head: bool

    @property
    def name(self) -> str:
        """`headgroup` for the head."""
        return _HEAD_GROUP if self.is_head else str(self.document.get("groupName", ""))

    @property
    def template(self) -> Document:
        """Its pods."""
        template = self.document.get("template")
        return template if isinstance(template, dict) else {}

    @property
    def node_selector(self) -> dict[str, str]:
        """What its pods want of a node."""
        return strings(at(self.template, "spec", "nodeSelector"))

    @property
    def start_params(self) -> dict[str, str]:
        """Arguments of `ray start`."""
        return strings(self.document.get("rayStartParams"))

    @property
    def ray_labels(self) -> dict[str, str]:
        """Labels that Ray itself gives its nodes, which KubeRay puts on the pods too."""
        return strings(self.document.get("labels"))

    @property
    def ray_resources(self) -> dict[str, str]:
        """What Ray is told that a node has, where that is said apart from the container."""
        return strings(self.document.get("resources"))

    @property
    def hosts(self) -> int:
        """Pods of one replica."""
        return _count(self.document.get("numOfHosts"), 1)

    @property
    def replicas_min(self) -> int:
        """Replicas that are always there."""
        return 1 if self.is_head else _count(self.document.get("minReplicas"), 0)

    @property
    def replicas_max(self) -> int:
        """Most replicas."""
        return 1 if self.is_head else _count(self.document.get("maxReplicas"), 0)

    def asked(self, resource: str) -> Decimal:
        """What a pod's Ray container may use of a resource: its limit, else its request; 0 for what is no quantity."""
        resources = at(self.template, "spec", "containers", 0, "resources")
        found = at(resources, "limits", resource) or at(resources, "requests", resource) or 0
        try:
            return quantity(found)
        except ValueError:
            return Decimal(0)

    @property
    def gpus(self) -> int:
        """GPUs of one pod."""
        return int(self.asked(GPU))

    def pod_labels(self) -> dict[str, str]:
        """The labels of its pods: those of the template, and what KubeRay adds.

        Under a RayService (and a RayJob) the cluster's name ends in five random letters, so what holds it stands here
        with `*`, which no selector equals.
        """
        cluster = self.cluster.name
        labels = strings(at(self.template, "metadata", "labels")) | self.ray_labels
        made = {
            "ray.io/is-ray-node": "yes",
            "ray.io/identifier": f"{cluster}-{'head' if self.is_head else 'worker'}",
            "app.kubernetes.io/name": "kuberay",
            "app.kubernetes.io/created-by": "kuberay-operator",
        }
        if self.cluster.serves and not (self.is_head and self.cluster.head_serves_nothing):
            made["ray.io/serve"] = "true"
        fixed = {
            "ray.io/cluster": cluster,
            "ray.io/node-type": "head" if self.is_head else "worker",
            "ray.io/group": self.name,
        }
        return made | labels | fixed


@dataclass(frozen=True)
class RayCluster:
    """A cluster as one object asks for it."""

    manifest: Manifest
    path: tuple[str | int, ...]
    spec: Document

    @property
    def name(self) -> str:
        """The name of the RayCluster; `name-*` where KubeRay adds random letters."""
        return self.manifest.name if self.manifest.kind == "RayCluster" else f"{self.manifest.name}-*"

    @property
    def serves(self) -> bool:
        """Whether Ray Serve runs on it."""
        return self.manifest.kind == "RayService" or (
            self.manifest.annotations.get("ray.io/enable-serve-service") == "true"
        )

    @property
    def head_serves_nothing(self) -> bool:
        """Whether the head is kept out of the service of the applications."""
        return bool(self.manifest.at("spec", "excludeHeadPodFromServeSvc"))

    @property
    def autoscales(self) -> bool:
        """Whether Ray's autoscaler adds and removes workers."""
        return bool(self.spec.get("enableInTreeAutoscaling"))

    @cached_property
    def head(self) -> RayGroup:
        """Its head."""
        document = self.spec.get("headGroupSpec")
        return RayGroup(self, (*self.path, "headGroupSpec"), document if isinstance(document, dict) else {}, True)

    @cached_property
    def workers(self) -> tuple[RayGroup, ...]:
        """Its groups of workers."""
        groups = self.spec.get("workerGroupSpecs") or []
        return tuple(
            RayGroup(self, (*self.path, "workerGroupSpecs", index), group, False)
            for index, group in enumerate(groups)
            if isinstance(group, dict)
        )

    @property
    def groups(self) -> tuple[RayGroup, ...]:
        """Head and workers."""
        return (self.head, *self.workers)


def ray_clusters(manifest: Manifest) -> Iterator[RayCluster]:
    """The cluster of a RayService, RayJob, RayCronJob or RayCluster; nothing for other kinds."""
    path = _CLUSTERS.get(manifest.kind)
    spec = manifest.at(*path) if path else None
    if path and isinstance(spec, dict):
        yield RayCluster(manifest, path, spec)


def service_labels(manifest: Manifest) -> dict[str, dict[str, str]]:
    """The services that KubeRay makes for an object under names that do not change, and their labels."""
    head = {"ray.io/node-type": "head", "ray.io/identifier": f"{manifest.name}-head"}
    serving = {"ray.io/serve": f"{manifest.name}-serve"}
    if manifest.kind == "RayService":
        own = strings(manifest.at("spec", "serveService", "metadata", "labels"))
        origin = {"ray.io/originated-from-cr-name": manifest.name, "ray.io/originated-from-crd": "RayService"}
        return {f"{manifest.name}-head-svc": origin | head, serve_service(manifest): own | origin | serving}
    if manifest.kind == "RayCluster":
        name = manifest.at("spec", "headGroupSpec", "headService", "metadata", "name")
        made = {str(name or f"{manifest.name}-head-svc"): head | {"ray.io/cluster": manifest.name}}
        if any(cluster.serves for cluster in ray_clusters(manifest)):
            made[serve_service(manifest)] = serving
        return made
    return {}


def serve_service(manifest: Manifest) -> str:
    """The name of the service that KubeRay makes for the applications of an object."""
    return str(manifest.at("spec", "serveService", "metadata", "name") or f"{manifest.name}-serve-svc")


def _count(value: Any, default: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else default
