"""Selectors: whether what they select exists."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fraudray.deployments.cluster.manifests import Manifest, at, dotted, strings
from fraudray.deployments.cluster.pods import PodTemplate
from fraudray.deployments.cluster.ray_specs import service_labels
from fraudray.deployments.cluster.rendered import Rendering
from fraudray.deployments.cluster.rules.rule import Hit, rule
from fraudray.deployments.cluster.selectors import matches

_LABELS = (
    "Select by labels that the pods have; on Ray's pods those are ray.io/node-type, ray.io/group, ray.io/serve, "
    "ray.io/is-ray-node, ray.io/identifier and those of the template."
)
# Where each kind has its selector of pods.
_PODS: dict[str, tuple[str, ...]] = {
    "PodDisruptionBudget": ("spec", "selector"),
    "NetworkPolicy": ("spec", "podSelector"),
    "PodMonitor": ("spec", "selector"),
}


@rule(
    "selectors.service",
    wrong="A Service selects no pod.",
    why="whoever calls it waits for a connection that nobody takes",
    advice=_LABELS,
)
def service(rendering: Rendering) -> Iterator[Hit]:
    """Services without a selector have their endpoints from elsewhere."""
    for manifest in rendering.of("Service"):
        labels = strings(manifest.at("spec", "selector"))
        if labels and not rendering.selected(manifest.namespace, labels):
            yield Hit(manifest, "spec.selector", f"selects {_words(labels)}, which no pod has")


@rule(
    "selectors.pods",
    wrong="A PodDisruptionBudget, NetworkPolicy or PodMonitor selects no pod.",
    why="what it was to guard or to watch is not guarded or watched, and nothing says so",
    advice=_LABELS,
)
def pods(rendering: Rendering) -> Iterator[Hit]:
    """An empty selector means all pods of the namespace."""
    for kind, path in _PODS.items():
        for manifest in rendering.of(kind):
            selector = manifest.at(*path)
            if not _selected(rendering, manifest, selector):
                yield Hit(manifest, dotted(path), f"selects {_words(selector)}, which no pod has")


@rule(
    "selectors.policy-peer",
    wrong="A NetworkPolicy admits pods that there are not.",
    why="who was to be let through is shut out",
    advice=_LABELS,
)
def policy_peers(rendering: Rendering) -> Iterator[Hit]:
    """Peers in the policy's own namespace."""
    for manifest in rendering.of("NetworkPolicy"):
        for way, peers in (("ingress", "from"), ("egress", "to")):
            for number, entry in enumerate(manifest.at("spec", way) or []):
                for index, peer in enumerate(entry.get(peers) or []):
                    selector = peer.get("podSelector")
                    if selector is None or "namespaceSelector" in peer:
                        continue
                    if not _selected(rendering, manifest, selector):
                        where = dotted(("spec", way, number, peers, index))
                        yield Hit(manifest, where, f"admits {_words(selector)}, which no pod has")


@rule(
    "selectors.workload",
    wrong="A workload does not select its own pods.",
    why="the API server refuses it",
    advice="Repeat in the template's labels what the selector asks for.",
)
def workload(rendering: Rendering) -> Iterator[Hit]:
    """Deployments, StatefulSets and DaemonSets."""
    for pod in rendering.pods:
        if pod.manifest.kind in ("Deployment", "StatefulSet", "DaemonSet"):
            selector = pod.manifest.at("spec", "selector")
            if not matches(selector, pod.labels):
                yield Hit(pod.manifest, "spec.selector", f"selects {_words(selector)}, which its pods do not have")


@rule(
    "selectors.random-name",
    wrong="A selector names a cluster of a RayService or RayJob.",
    why="KubeRay ends that name in random letters, others after each upgrade, so that it will match nothing",
    advice="Select by ray.io/serve, ray.io/node-type, ray.io/group or a label of the template.",
)
def random_name(rendering: Rendering) -> Iterator[Hit]:
    """`ray.io/cluster` and `ray.io/identifier` of clusters whose name is not their own."""
    lasting = {cluster.name for cluster in rendering.clusters if cluster.manifest.kind == "RayCluster"}
    for manifest, path, selector in _all_selectors(rendering):
        labels = (
            strings(selector.get("matchLabels"))
            if path != ("spec", "selector") or manifest.kind != "Service"
            else (strings(selector))
        )
        for key in ("ray.io/cluster", "ray.io/identifier"):
            value = labels.get(key)
            if value and not {value, value.rpartition("-")[0]} & lasting:
                yield Hit(manifest, dotted(path), f"selects {key}={value}")


@rule(
    "selectors.monitored-service",
    wrong="A ServiceMonitor selects no Service.",
    why="its figures are never scraped, and alerts on them stay silent",
    advice="Select by labels that a Service has; that of a RayService's applications has ray.io/serve: NAME-serve.",
)
def monitored_service(rendering: Rendering) -> Iterator[Hit]:
    """Services among the objects, and those that KubeRay makes."""
    for manifest in rendering.of("ServiceMonitor"):
        selector = manifest.at("spec", "selector")
        services = [one.labels for one in rendering.of("Service") if one.namespace == manifest.namespace]
        for other in rendering.of("RayService", "RayCluster"):
            if other.namespace == manifest.namespace:
                services.extend(service_labels(other).values())
        if not any(matches(selector, labels) for labels in services):
            yield Hit(manifest, "spec.selector", f"selects {_words(selector)}, which no Service has")


@rule(
    "selectors.port",
    wrong="A Service or PodMonitor names a port that the selected pods do not have.",
    why="it would reach nothing",
    advice="Name a port of the container as its `ports` do.",
)
def ports(rendering: Rendering) -> Iterator[Hit]:
    """Ports by name only: a number needs no declaration."""
    for manifest in rendering.of("Service"):
        labels = strings(manifest.at("spec", "selector"))
        pods = rendering.selected(manifest.namespace, labels) if labels else []
        for index, port in enumerate(manifest.at("spec", "ports") or []):
            if pods and isinstance(name := port.get("targetPort"), str) and not _has_port(pods, name):
                yield Hit(manifest, f"spec.ports[{index}].targetPort", f"no selected pod has a port called {name}")
    for manifest in rendering.of("PodMonitor"):
        chosen = _selected(rendering, manifest, manifest.at("spec", "selector"))
        for index, endpoint in enumerate(manifest.at("spec", "podMetricsEndpoints") or []):
            name = endpoint.get("port")
            if chosen and name and not _has_port(chosen, name):
                where = f"spec.podMetricsEndpoints[{index}].port"
                yield Hit(manifest, where, f"no selected pod has a port called {name}")


def _selected(rendering: Rendering, manifest: Manifest, selector: Any) -> list[PodTemplate]:
    return [
        pod for pod in rendering.pods if pod.namespace == manifest.namespace and matches(selector or {}, pod.labels)
    ]


def _all_selectors(rendering: Rendering) -> Iterator[tuple[Manifest, tuple[str | int, ...], dict[str, Any]]]:
    places: dict[str, tuple[str, ...]] = _PODS | {"Service": ("spec", "selector")}
    for kind, path in places.items():
        for manifest in rendering.of(kind):
            if isinstance(selector := manifest.at(*path), dict):
                yield manifest, path, selector


def _has_port(pods: list[PodTemplate], name: str) -> bool:
    return any(
        port.get("name") == name for pod in pods for container in pod.containers for port in container.at("ports") or []
    )


def _words(selector: Any) -> str:
    labels = strings(selector.get("matchLabels", selector) if isinstance(selector, dict) else {})
    told = [f"{key}={value}" for key, value in sorted(labels.items()) if key != "matchExpressions"]
    told += [
        f"{expression.get('key')} {expression.get('operator')} {expression.get('values') or ''}".strip()
        for expression in at(selector, "matchExpressions") or []
    ]
    return ", ".join(told) or "everything"
