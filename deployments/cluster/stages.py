"""The order in which objects are applied: what others stand on comes first. They are deleted in the reverse order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from fraudray.deployments.cluster.manifests import Manifest

# A network policy comes before the pods that it is for; what KubeRay makes pods of comes after all that they mount,
# ask for and keep their state in; traffic is let in last.
_STAGES = (
    ("Namespace",),
    ("CustomResourceDefinition", "StorageClass", "PriorityClass", "IngressClassParams", "IngressClass"),
    ("NetworkPolicy", "ServiceAccount", "Role", "ClusterRole"),
    ("RoleBinding", "ClusterRoleBinding", "ConfigMap", "Secret", "SecretStore", "PersistentVolume"),
    ("ExternalSecret", "PersistentVolumeClaim"),
    ("Service", "PodDisruptionBudget", "PodMonitor", "ServiceMonitor", "PrometheusRule"),
    ("StatefulSet", "DaemonSet"),
    ("Job",),
    ("RayService", "RayCluster", "RayJob"),
    ("Deployment", "CronJob", "RayCronJob"),
    ("Ingress",),
)
_OF_KIND = {kind: number for number, kinds in enumerate(_STAGES) for kind in kinds}
_OTHERS = _OF_KIND["Service"]


def stages(manifests: Iterable[Manifest]) -> Iterator[list[Manifest]]:
    """The objects in stages, each in the order given. Kinds that are not known here go with the services."""
    ordered = sorted(manifests, key=_stage)
    for _, group in groupby(ordered, key=_stage):
        yield list(group)


def _stage(manifest: Manifest) -> int:
    return _OF_KIND.get(manifest.kind, _OTHERS)
