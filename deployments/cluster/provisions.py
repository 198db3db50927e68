"""What an overlay expects of a cluster beside operators: storage, nodes, namespaces, secrets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from fraudray.deployments.cluster.kube import Kube
from fraudray.deployments.cluster.lines import Line, Look, looked
from fraudray.deployments.cluster.manifests import Document, Manifest, at, strings
from fraudray.deployments.cluster.pods import PodTemplate
from fraudray.deployments.cluster.quantities import MIB, quantity
from fraudray.deployments.cluster.ray_specs import EFA, GPU
from fraudray.deployments.cluster.references import references
from fraudray.deployments.cluster.rendered import Rendering
from fraudray.deployments.cluster.rules.capacity import asked_of_node

_DRIVERS = {
    "ebs.csi.aws.com": "aws-ebs-csi-driver", "efs.csi.aws.com": "aws-efs-csi-driver",
    "fsx.csi.aws.com": "aws-fsx-csi-driver",
}  # fmt: skip
_NODES = "eksctl create nodegroup -f FILE (a group that is scaled to zero has no node until a pod waits for one)"


def storage(kube: Kube, rendering: Rendering) -> Iterator[Line]:
    """CSI drivers, and storage classes that the overlay does not make itself."""
    used = {manifest.at("provisioner") or manifest.at("spec", "csi", "driver") for manifest in rendering.manifests}
    for driver, add_on in _DRIVERS.items():
        yield looked(
            f"CSI driver {driver}", _named(kube, "/apis/storage.k8s.io/v1/csidrivers", driver),
            for_what="volumes of its kind", how=f"eksctl create addon --name {add_on}", needed=driver in used,
        )  # fmt: skip
    made = {manifest.name for manifest in rendering.of("StorageClass")}
    static = {str(volume.at("spec", "storageClassName")) for volume in rendering.of("PersistentVolume")}
    asked = {
        name for manifest in rendering.of("PersistentVolumeClaim", "StatefulSet") for name in _classes_of(manifest)
    }
    for name in sorted(asked - made - static):
        yield looked(
            f"StorageClass {name}", _named(kube, "/apis/storage.k8s.io/v1/storageclasses", name),
            for_what="claims name it, and the overlay does not make it", how="make it, or correct the claim's class",
        )  # fmt: skip


def nodes(kube: Kube, rendering: Rendering) -> Iterator[Line]:
    """For each kind of pod that asks for certain nodes: whether one has its labels and devices."""
    pods: dict[tuple[tuple[str, str | int], ...], PodTemplate] = {}
    for pod in rendering.pods:
        devices = _devices(pod)
        if pod.node_selector or devices:
            pods.setdefault((*pod.node_selector.items(), *devices.items()), pod)
    for pod in pods.values():
        devices = _devices(pod)
        labels = ", ".join(
            f"{key.removeprefix('node.kubernetes.io/')}={value}" for key, value in pod.node_selector.items()
        )
        asked = ", ".join(f"{name} {_told(name, amount)}" for name, amount in devices.items())
        what = f"nodes {labels or '(any)'}" + (f" with {asked}" if asked else "")
        look = _nodes_with(kube, pod.node_selector, devices)
        yield looked(what, look, for_what=str(pod.manifest), how=_NODES)


def names(kube: Kube, rendering: Rendering) -> Iterator[Line]:
    """Namespaces, and secrets that are referred to; what the overlay makes or brings need not be there yet."""
    made = {manifest.name for manifest in rendering.of("Namespace")}
    for namespace in sorted({pod.namespace for pod in rendering.pods if pod.namespace}):
        needed = namespace not in made
        yield looked(
            f"Namespace {namespace}", _object(kube, f"/api/v1/namespaces/{namespace}"), for_what="holds the objects",
            how="kubectl create namespace" if needed else "the overlay makes it", needed=needed,
        )  # fmt: skip
    wanted = {
        (manifest.namespace, reference.name)
        for manifest in rendering.manifests
        for reference in references(manifest)
        if reference.kind == "Secret"
    }
    for namespace, name in sorted(wanted):
        brought = ("Secret", namespace, name) in rendering.existing
        brings = "its ExternalSecret brings it; `kubectl describe externalsecret` says why not"
        yield looked(
            f"Secret {namespace}/{name}", _object(kube, f"/api/v1/namespaces/{namespace}/secrets/{name}"),
            for_what="is referred to", how=brings if brought else "put it into Secrets Manager, add an ExternalSecret",
            needed=not brought,
        )  # fmt: skip


def _object(kube: Kube, path: str) -> Look:
    def look() -> tuple[bool, str]:
        kube.get(path)
        return True, "is there"

    return look


def _named(kube: Kube, path: str, name: str) -> Look:
    def look() -> tuple[bool, str]:
        there = any(at(one, "metadata", "name") == name for one in kube.list(path))
        return there, "is there" if there else "not there"

    return look


def _nodes_with(kube: Kube, selector: Mapping[str, str], devices: Mapping[str, int]) -> Look:
    def look() -> tuple[bool | None, str]:
        labelled = [
            node for node in kube.list("/api/v1/nodes")
            if selector.items() <= strings(at(node, "metadata", "labels")).items()
        ]  # fmt: skip
        fitting = [node for node in labelled if all(_has(node, name) >= amount for name, amount in devices.items())]
        if fitting:
            return True, f"{len(fitting)} node(s)"
        if not labelled:
            return None, "no node has these labels now"
        most = ", ".join(f"{name} {_told(name, max(_has(node, name) for node in labelled))}" for name in devices)
        return False, f"{len(labelled)} node(s), which have at most {most}"

    return look


def _devices(pod: PodTemplate) -> dict[str, int]:
    wants = asked_of_node(pod)
    asked = {GPU: wants.gpus, EFA: wants.efa, "hugepages-2Mi": wants.huge_pages_mib * MIB}
    return {name: amount for name, amount in asked.items() if amount}


def _classes_of(manifest: Manifest) -> Iterator[str]:
    claims = [manifest.document, *(manifest.at("spec", "volumeClaimTemplates") or [])]
    for claim in claims:
        if name := at(claim, "spec", "storageClassName"):
            yield str(name)


def _told(name: str, amount: int) -> str:
    return f"{amount // MIB}Mi" if name.startswith("hugepages-") else str(amount)


def _has(node: Document, name: str) -> int:
    return int(quantity(at(node, "status", "allocatable", name) or 0))
