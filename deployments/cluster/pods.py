"""Pods and their containers, in whatever object they are described."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from fraudray.deployments.cluster.manifests import Document, Manifest, at, dotted, strings
from fraudray.deployments.cluster.ray_specs import JOBS, RayGroup, ray_clusters

_TEMPLATES: dict[str, tuple[str, ...]] = {
    "Deployment": ("spec", "template"),
    "StatefulSet": ("spec", "template"),
    "DaemonSet": ("spec", "template"),
    "ReplicaSet": ("spec", "template"),
    "Job": ("spec", "template"),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
}
Role = Literal["main", "init", "sidecar", "autoscaler"]


@dataclass(frozen=True)
class Container:
    """A container of a pod. `sidecar`: an init container that goes on running; `autoscaler`: the one that KubeRay adds
    to a head, of which `autoscalerOptions` say some things."""

    pod: PodTemplate
    path: tuple[str | int, ...]
    document: Document
    role: Role
    is_ray: bool = False

    @property
    def name(self) -> str:
        """Its name."""
        return "autoscaler" if self.role == "autoscaler" else str(self.document.get("name", ""))

    @property
    def image(self) -> str | None:
        """Its image, if it names one."""
        image = self.document.get("image")
        return str(image) if image else None

    @property
    def env(self) -> list[Document]:
        """Its environment, one entry a variable."""
        return [entry for entry in self.document.get("env") or [] if isinstance(entry, dict)]

    def at(self, *path: str | int) -> Any:
        """What stands there, or None."""
        return at(self.document, *path)

    def where(self, *path: str | int) -> str:
        """That place, in the object."""
        return dotted((*self.path, *path))


@dataclass(frozen=True)
class PodTemplate:
    """Pods as an object describes them. `ray` is the group of a Ray cluster that they belong to, if any."""

    manifest: Manifest
    path: tuple[str | int, ...]
    document: Document
    ray: RayGroup | None = None

    @property
    def spec(self) -> Document:
        """Their `spec`."""
        spec = self.document.get("spec")
        return spec if isinstance(spec, dict) else {}

    @property
    def spec_path(self) -> tuple[str | int, ...]:
        """The place of `spec` in the object."""
        return (*self.path, "spec")

    @property
    def namespace(self) -> str:
        """Where they run."""
        return self.manifest.namespace

    @cached_property
    def labels(self) -> dict[str, str]:
        """Their labels, those included that KubeRay gives them."""
        return self.ray.pod_labels() if self.ray else strings(at(self.document, "metadata", "labels"))

    @property
    def node_selector(self) -> dict[str, str]:
        """What they want of a node."""
        return strings(self.spec.get("nodeSelector"))

    @cached_property
    def containers(self) -> tuple[Container, ...]:
        """Init containers, sidecars and the rest; for a head with Ray's autoscaler, that too."""
        return tuple(self._containers())

    def where(self, *path: str | int) -> str:
        """A place in `spec`, in the object."""
        return dotted((*self.spec_path, *path))

    def _containers(self) -> Iterator[Container]:
        for index, document in enumerate(self.spec.get("initContainers") or []):
            role: Role = "sidecar" if document.get("restartPolicy") == "Always" else "init"
            yield Container(self, (*self.spec_path, "initContainers", index), document, role)
        for index, document in enumerate(self.spec.get("containers") or []):
            is_ray = self.ray is not None and index == 0  # KubeRay: Ray's container is the first
            yield Container(self, (*self.spec_path, "containers", index), document, "main", is_ray)
        if self.ray and self.ray.is_head and self.ray.cluster.autoscales:
            cluster = self.ray.cluster
            options = cluster.spec.get("autoscalerOptions") or {}
            yield Container(self, (*cluster.path, "autoscalerOptions"), options, "autoscaler")


def pod_templates(manifest: Manifest) -> Iterator[PodTemplate]:
    """All pods that an object describes; a lone Pod is its own template."""
    if manifest.kind == "Pod":
        yield PodTemplate(manifest, (), manifest.document)
    path = _TEMPLATES.get(manifest.kind)
    if path and isinstance(template := manifest.at(*path), dict):
        yield PodTemplate(manifest, path, template)
    for cluster in ray_clusters(manifest):
        for group in cluster.groups:
            if group.template:
                yield PodTemplate(manifest, (*group.path, "template"), group.template, group)
    if manifest.kind in JOBS:
        submitter = (*JOBS[manifest.kind], "submitterPodTemplate")
        if isinstance(template := manifest.at(*submitter), dict):
            yield PodTemplate(manifest, submitter, template)
