"""What KubeRay's operator refuses though its schema allows it.

Without its webhook such an object is accepted, and nothing comes of it but an event. From the operator's own checks
(v1.7.0, ray-operator/controllers/ray/utils/validation.go) and its feature gates.
"""

from __future__ import annotations

from collections.abc import Iterator

from fraudray.deployments.cluster.manifests import at, dotted
from fraudray.deployments.cluster.ray_specs import RayCluster
from fraudray.deployments.cluster.rendered import Rendering
from fraudray.deployments.cluster.rules.rule import Hit, rule

_RESOURCES = ("num-cpus", "num-gpus", "memory", "resources")
# Fields that do something only where the operator was started with an alpha feature gate.
_GATES = {
    "networkPolicy": "RayClusterNetworkPolicy", "tlsOptions": "RayClusterMTLS",
    "historyServerOptions": "RayClusterHistoryServer",
}  # fmt: skip
# So that names which the operator makes of it still fit 63 letters.
_NAME_MAX = {"RayCluster": 53, "RayService": 47, "RayJob": 47, "RayCronJob": 36}


@rule(
    "kuberay.refused",
    wrong="KubeRay's operator will refuse an object.",
    why="the API server accepts it, and then nothing happens but an event",
    advice="Change it as said; `kubectl describe` shows the operator's own words.",
)
def refused(rendering: Rendering) -> Iterator[Hit]:
    """Names, doubled resources, labels, autoscaler and authentication."""
    for manifest in rendering.of(*_NAME_MAX):
        if len(manifest.name) > _NAME_MAX[manifest.kind]:
            yield Hit(manifest, "metadata.name", f"has more than {_NAME_MAX[manifest.kind]} letters")
    for cluster in rendering.clusters:
        for path, detail in _refusals(cluster):
            yield Hit(cluster.manifest, dotted(path), detail)


@rule(
    "kuberay.gated",
    wrong="An object uses what the operator does only behind a feature gate that is off by default.",
    why="the operator refuses the cluster, or leaves the object alone",
    advice="Leave it out, or start the operator with the gate (Helm: featureGates) and say so in the annotation "
    "fraudray/feature-gates of the object.",
)
def gated(rendering: Rendering) -> Iterator[Hit]:
    """Alpha features of v1.7."""
    for manifest in rendering.of("RayCronJob"):
        if "RayCronJob" not in manifest.annotations.get("fraudray/feature-gates", ""):
            yield Hit(manifest, "kind", "needs the feature gate RayCronJob")
    for cluster in rendering.clusters:
        allowed = cluster.manifest.annotations.get("fraudray/feature-gates", "")
        for field, gate in _GATES.items():
            if field in cluster.spec and gate not in allowed:
                yield Hit(cluster.manifest, dotted((*cluster.path, field)), f"needs the feature gate {gate}")
        if at(cluster.spec, "gcsFaultToleranceOptions", "backend") == "rocksdb":
            gate = "GCSFaultToleranceEmbeddedStorage"
            if gate not in allowed:
                path = dotted((*cluster.path, "gcsFaultToleranceOptions", "backend"))
                yield Hit(cluster.manifest, path, f"needs the feature gate {gate}")


def _refusals(cluster: RayCluster) -> Iterator[tuple[tuple[str | int, ...], str]]:
    for group in cluster.groups:
        if group.ray_resources and any(name in group.start_params for name in _RESOURCES):
            yield (*group.path, "resources"), f"{group.name} has resources both here and in rayStartParams"
        if "labels" in group.start_params:
            yield (*group.path, "rayStartParams", "labels"), "labels belong into the group's `labels`"
        restart = at(group.template, "spec", "restartPolicy")
        if _autoscaler_v2(cluster) and restart not in (None, "Never"):
            path = (*group.path, "template", "spec", "restartPolicy")
            yield path, f"{group.name} must have restartPolicy Never with autoscaler v2"
        if cluster.autoscales and group.document.get("suspend"):
            yield (*group.path, "suspend"), f"{group.name} cannot be suspended while Ray's autoscaler is on"
    auth = cluster.spec.get("authOptions") or {}
    if auth.get("mode") == "token" and _version(cluster) < (2, 52):
        yield (*cluster.path, "rayVersion"), "token authentication needs a rayVersion of 2.52 or newer"
    if auth.get("enableK8sTokenAuth") and cluster.manifest.kind != "RayCluster":
        yield (*cluster.path, "authOptions", "enableK8sTokenAuth"), f"is not supported for a {cluster.manifest.kind}"
    if cluster.manifest.kind == "RayService" and not cluster.manifest.at("spec", "serveService"):
        ports = at(cluster.head.template, "spec", "containers", 0, "ports") or []
        names = [str(port.get("name", "")) for port in ports]
        if ports and not any(name == "serve" or name.startswith("serve-") for name in names):
            path = (*cluster.head.path, "template", "spec", "containers", 0, "ports")
            yield path, "the head names ports, and none of them `serve`: no service is made for the applications"
    if cluster.manifest.at("spec", "upgradeStrategy", "type") == "NewClusterWithIncrementalUpgrade":
        options = cluster.manifest.at("spec", "upgradeStrategy", "clusterUpgradeOptions") or {}
        if not cluster.autoscales or not options.get("gatewayClassName"):
            yield ("spec", "upgradeStrategy"), "an incremental upgrade needs Ray's autoscaler and a gatewayClassName"


def _autoscaler_v2(cluster: RayCluster) -> bool:
    return cluster.autoscales and at(cluster.spec, "autoscalerOptions", "version") == "v2"


def _version(cluster: RayCluster) -> tuple[int, ...]:
    parts = str(cluster.spec.get("rayVersion", "")).split(".")[:2]
    return tuple(int(part) for part in parts if part.isdigit())
