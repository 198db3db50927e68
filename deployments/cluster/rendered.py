"""All objects of a rendering together: what exists, and which pods there will be."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from fraudray.deployments.cluster.manifests import Manifest, at, strings
from fraudray.deployments.cluster.pods import PodTemplate, pod_templates
from fraudray.deployments.cluster.ray_specs import INSTANCE_TYPE, RayCluster, ray_clusters, service_labels

PROVIDED = "fraudray/provided-elsewhere"
"""An annotation, on any object: what the manifests refer to and somebody else makes, as `Kind/name, Kind/name`."""

# What every cluster has.
_BUILT_IN = {
    ("ServiceAccount", "default"), ("ConfigMap", "kube-root-ca.crt"),
    ("PriorityClass", "system-cluster-critical"), ("PriorityClass", "system-node-critical"),
}  # fmt: skip
_CLUSTER_WIDE = {
    "PriorityClass",
    "StorageClass",
    "IngressClass",
    "IngressClassParams",
    "ClusterSecretStore",
    "Namespace",
}


@dataclass(frozen=True)
class NodeGroup:
    """Nodes as an eksctl file asks for them."""

    name: str
    instance_types: tuple[str, ...]
    labels: dict[str, str]
    efa: bool


class Rendering:
    """The objects of one overlay; an eksctl ClusterConfig among them tells which nodes there are."""

    def __init__(self, manifests: Iterable[Manifest]) -> None:
        self.manifests = tuple(manifests)

    def of(self, *kinds: str) -> list[Manifest]:
        """Objects of these kinds."""
        return [manifest for manifest in self.manifests if manifest.kind in kinds]

    @cached_property
    def pods(self) -> tuple[PodTemplate, ...]:
        """All pods that the objects describe."""
        return tuple(pod for manifest in self.manifests for pod in pod_templates(manifest))

    @cached_property
    def clusters(self) -> tuple[RayCluster, ...]:
        """All Ray clusters that the objects describe."""
        return tuple(cluster for manifest in self.manifests for cluster in ray_clusters(manifest))

    @cached_property
    def node_groups(self) -> tuple[NodeGroup, ...]:
        """Groups of nodes of the eksctl files, managed or not."""
        return tuple(
            _node_group(group, managed=key == "managedNodeGroups")
            for manifest in self.of("ClusterConfig")
            for key in ("managedNodeGroups", "nodeGroups")
            for group in manifest.document.get(key) or []
        )

    @cached_property
    def existing(self) -> dict[tuple[str, str, str], Manifest | None]:
        """What references may name, by kind, namespace and name: objects, what operators make of them, and what an
        annotation says that others provide (in whatever namespace it is asked for)."""
        found: dict[tuple[str, str, str], Manifest | None] = {}
        for manifest in self.manifests:
            found[manifest.kind, manifest.namespace, manifest.name] = manifest
            for name in service_labels(manifest):
                found["Service", manifest.namespace, name] = None
            if manifest.kind == "ExternalSecret":
                target = manifest.at("spec", "target", "name") or manifest.name
                found["Secret", manifest.namespace, target] = manifest
        return found

    @cached_property
    def provided(self) -> set[tuple[str, str]]:
        """What others provide, by kind and name."""
        said = ",".join(manifest.annotations.get(PROVIDED, "") for manifest in self.manifests)
        pairs = {(kind.strip(), name.strip()) for kind, _, name in (one.partition("/") for one in said.split(","))}
        return _BUILT_IN | {(kind, name) for kind, name in pairs if kind and name}

    def exists(self, kind: str, namespace: str, name: str) -> bool:
        """Whether there will be such an object."""
        where = "" if kind in _CLUSTER_WIDE else namespace
        return (kind, where, name) in self.existing or (kind, name) in self.provided

    def selected(self, namespace: str, labels: dict[str, str]) -> list[PodTemplate]:
        """The pods of a namespace that have all these labels."""
        return [pod for pod in self.pods if pod.namespace == namespace and labels.items() <= pod.labels.items()]

    def instance_types_of(self, pod: PodTemplate) -> tuple[str, ...]:
        """The instance types that a pod may be put on: those of its node selector or required affinity, else those of
        the groups of nodes whose labels its selector asks for. Empty where nothing says so."""
        named = pod.node_selector.get(INSTANCE_TYPE)
        if named:
            return (named,)
        for term in at(pod.spec, "affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution",
                       "nodeSelectorTerms") or []:  # fmt: skip
            for expression in at(term, "matchExpressions") or []:
                if expression.get("key") == INSTANCE_TYPE and expression.get("operator") == "In":
                    return tuple(expression.get("values") or ())
        groups = self.groups_of(pod)
        return tuple(dict.fromkeys(name for group in groups for name in group.instance_types))

    def groups_of(self, pod: PodTemplate) -> list[NodeGroup]:
        """The groups of nodes that a pod's selector admits; none for a pod without a selector."""
        wanted = pod.node_selector
        return [group for group in self.node_groups if wanted and wanted.items() <= group.labels.items()]


def _node_group(group: dict[str, object], *, managed: bool) -> NodeGroup:
    several = group.get("instanceTypes") or at(group, "instancesDistribution", "instanceTypes")
    types = several if isinstance(several, list) else [group.get("instanceType")]
    names = tuple(str(name) for name in types if name and name != "mixed")
    name = str(group.get("name", ""))
    made = {"kubernetes.io/os": "linux", "alpha.eksctl.io/nodegroup-name": name}
    if managed:
        made["eks.amazonaws.com/nodegroup"] = name
        made["eks.amazonaws.com/capacityType"] = "SPOT" if group.get("spot") else "ON_DEMAND"
    if len(names) == 1:
        made[INSTANCE_TYPE] = names[0]
    return NodeGroup(name, names, made | strings(group.get("labels")), bool(group.get("efaEnabled")))
