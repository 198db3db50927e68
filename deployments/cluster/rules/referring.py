"""Names: whether what they name exists."""

from __future__ import annotations

from collections.abc import Iterator

from fraudray.deployments.cluster.manifests import Manifest, at
from fraudray.deployments.cluster.ray_specs import ray_clusters, service_labels
from fraudray.deployments.cluster.references import Reference, backends, references
from fraudray.deployments.cluster.rendered import PROVIDED, Rendering
from fraudray.deployments.cluster.rules.rule import Hit, rule

_WAITS = "the pod waits for it for ever, in ContainerCreating or CreateContainerConfigError"
_PENDING = "the pod stays Pending, or is not made at all"
_ELSEWHERE = f"or, if somebody else makes it, say so in the annotation {PROVIDED} (Kind/name)"


@rule(
    "references.config-map",
    wrong="A ConfigMap is named that there is not.",
    why=_WAITS,
    advice=f"Correct the name, {_ELSEWHERE}.",
)
def config_maps(rendering: Rendering) -> Iterator[Hit]:
    """Environment and volumes."""
    yield from _missing(rendering, "ConfigMap")


@rule(
    "references.secret",
    wrong="A Secret is named that no ExternalSecret brings.",
    why=_WAITS,
    advice=f"Add an ExternalSecret with it as its target, {_ELSEWHERE}.",
)
def secrets(rendering: Rendering) -> Iterator[Hit]:
    """Environment, volumes, tokens of Ray, passwords of the store, keys of monitors, OIDC of an Ingress."""
    yield from _missing(rendering, "Secret")


@rule(
    "references.key",
    wrong="A key is named that is not in its ConfigMap or Secret.",
    why=_WAITS,
    advice="Correct the key, or add it to the ConfigMap or ExternalSecret.",
)
def keys(rendering: Rendering) -> Iterator[Hit]:
    """As far as the keys are known: an ExternalSecret with dataFrom may bring any."""
    for reference in _all(rendering, "ConfigMap", "Secret"):
        holder = rendering.existing.get((reference.kind, reference.manifest.namespace, reference.name))
        known = _keys(holder) if holder else None
        if reference.key is not None and known is not None and reference.key not in known:
            yield Hit(reference.manifest, reference.where, f"{reference.kind} {reference.name} has no {reference.key}")


@rule(
    "references.service-account",
    wrong="A ServiceAccount is named that there is not.",
    why='the pods are not made: "serviceaccount not found"',
    advice=f"Correct the name, {_ELSEWHERE}.",
)
def service_accounts(rendering: Rendering) -> Iterator[Hit]:
    """Those that eksctl makes want the annotation."""
    yield from _missing(rendering, "ServiceAccount")


@rule(
    "references.claim",
    wrong="A PersistentVolumeClaim is named that there is not.",
    why=_PENDING,
    advice=f"Correct the name, {_ELSEWHERE}.",
)
def claims(rendering: Rendering) -> Iterator[Hit]:
    """Volumes of pods."""
    yield from _missing(rendering, "PersistentVolumeClaim")


@rule(
    "references.priority-class",
    wrong="A PriorityClass is named that there is not.",
    why=_PENDING,
    advice=f"Correct the name, {_ELSEWHERE}.",
)
def priority_classes(rendering: Rendering) -> Iterator[Hit]:
    """But system-cluster-critical and system-node-critical."""
    yield from _missing(rendering, "PriorityClass")


@rule(
    "references.storage-class",
    wrong="A StorageClass is named that there is not.",
    why="the claim stays Pending, and with it every pod that mounts it",
    advice=f'Correct the name, {_ELSEWHERE}. A volume that exists already is bound with storageClassName "".',
)
def storage_classes(rendering: Rendering) -> Iterator[Hit]:
    """A static volume's claim and volume may share a name of their own."""
    static = {str(volume.at("spec", "storageClassName")) for volume in rendering.of("PersistentVolume")}
    yield from (
        hit for hit in _missing(rendering, "StorageClass") if not any(f" {name} " in hit.detail for name in static)
    )


@rule(
    "references.service",
    wrong="A Service is named that there is not, or a port that it has not.",
    why="the load balancer has no target and answers 503; a StatefulSet's pods have no names",
    advice="Correct the name or port; KubeRay makes NAME-head-svc and NAME-serve-svc of a RayService.",
)
def services(rendering: Rendering) -> Iterator[Hit]:
    """Backends of Ingresses and services of StatefulSets."""
    yield from _missing(rendering, "Service")
    for manifest in rendering.of("Ingress"):
        for path, backend in backends(manifest):
            name, port = str(at(backend, "service", "name")), at(backend, "service", "port") or {}
            known = _ports(rendering, manifest.namespace, name)
            wanted = port.get("name") or port.get("number")
            if known and wanted not in known:
                reference = Reference(manifest, (*path, "service", "port"), "Service", name)
                yield Hit(manifest, reference.where, f"Service {name} has no port {wanted}")


@rule(
    "references.class",
    wrong="An IngressClass, its parameters or a SecretStore is named that there is not.",
    why="no controller feels responsible, and the object is left alone without a word",
    advice=f"Correct the name, {_ELSEWHERE}.",
)
def classes(rendering: Rendering) -> Iterator[Hit]:
    """What says which controller does something, and how."""
    for kind in ("IngressClass", "IngressClassParams", "SecretStore", "ClusterSecretStore"):
        yield from _missing(rendering, kind)


def _all(rendering: Rendering, *kinds: str) -> Iterator[Reference]:
    for manifest in rendering.manifests:
        if manifest.kind != "ClusterConfig":
            yield from (reference for reference in references(manifest) if reference.kind in kinds)


def _missing(rendering: Rendering, kind: str) -> Iterator[Hit]:
    for reference in _all(rendering, kind):
        manifest = reference.manifest
        if not rendering.exists(kind, manifest.namespace, reference.name):
            yield Hit(manifest, reference.where, f"{kind} {reference.name} is nowhere")


def _keys(holder: Manifest) -> set[str] | None:
    if holder.kind == "ConfigMap":
        return {*(holder.at("data") or {}), *(holder.at("binaryData") or {})}
    if holder.kind != "ExternalSecret" or holder.at("spec", "dataFrom"):
        return None
    template = holder.at("spec", "target", "template", "data")
    if template:
        return set(template)
    return {str(entry.get("secretKey")) for entry in holder.at("spec", "data") or []}


def _ports(rendering: Rendering, namespace: str, name: str) -> set[str | int]:
    """Names and numbers of a Service's ports; empty where they are not known."""
    for manifest in rendering.of("Service"):
        if (manifest.namespace, manifest.name) == (namespace, name):
            return {port[key] for port in manifest.at("spec", "ports") or [] for key in ("name", "port") if key in port}
    for manifest in rendering.of("RayService", "RayCluster"):
        if manifest.namespace == namespace and name in service_labels(manifest):
            return {
                port[key]
                for cluster in ray_clusters(manifest)
                for port in at(cluster.head.template, "spec", "containers", 0, "ports") or []
                for key in ("name", "containerPort")
                if key in port
            }
    return set()
