"""What makes an upgrade of a RayService fail."""

from __future__ import annotations

from collections.abc import Iterator

from fraudray.deployments.cluster.manifests import at, dotted
from fraudray.deployments.cluster.rendered import Rendering
from fraudray.deployments.cluster.rules.rule import Hit, rule


@rule(
    "upgrade.storage-namespace",
    wrong="The clusters of a RayService share one namespace in the store of the GCS.",
    why="the new cluster's head takes the old one's state over, and the old one dies in the middle of the upgrade "
    "(kuberay#1296)",
    advice="Leave gcsFaultToleranceOptions.externalStorageNamespace out: KubeRay takes each cluster's own id.",
)
def storage_namespace(rendering: Rendering) -> Iterator[Hit]:
    """The option, and the annotation that came before it."""
    for cluster in rendering.clusters:
        if cluster.manifest.kind != "RayService":
            continue
        if at(cluster.spec, "gcsFaultToleranceOptions", "externalStorageNamespace"):
            path = (*cluster.path, "gcsFaultToleranceOptions", "externalStorageNamespace")
            yield Hit(cluster.manifest, dotted(path), "is fixed")
        for path in (("metadata",), (*cluster.head.path, "template", "metadata")):
            if at(cluster.manifest.at(*path), "annotations", "ray.io/external-storage-namespace"):
                yield Hit(
                    cluster.manifest, dotted((*path, "annotations")), "ray.io/external-storage-namespace is fixed"
                )


@rule(
    "upgrade.head-service-name",
    wrong="The head's service of a RayService has a fixed name.",
    why="two clusters cannot both have it, so that an upgrade never ends (kuberay#2433)",
    advice="Leave headService.metadata.name out; NAME-head-svc leads to whichever cluster is active.",
)
def head_service_name(rendering: Rendering) -> Iterator[Hit]:
    """`rayClusterConfig.headGroupSpec.headService.metadata.name`."""
    for cluster in rendering.clusters:
        path = ("headService", "metadata", "name")
        if cluster.manifest.kind == "RayService" and at(cluster.head.document, *path):
            yield Hit(cluster.manifest, dotted((*cluster.head.path, *path)), "is fixed")
