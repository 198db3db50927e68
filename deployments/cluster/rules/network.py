"""Who may talk to whom within the cluster."""

from __future__ import annotations

from collections.abc import Iterator

from fraudray.deployments.cluster.manifests import Manifest
from fraudray.deployments.cluster.rendered import Rendering
from fraudray.deployments.cluster.rules.rule import Hit, rule


@rule(
    "network.open",
    wrong="A namespace has no policy that denies everything.",
    why="Ray's ports, HAProxy's statistics and vLLM's traffic between nodes are neither encrypted nor authenticated: "
    "who reaches them runs code or reads prompts",
    advice="Add a NetworkPolicy with an empty podSelector, both policyTypes and no rules, and let in what is needed.",
)
def namespace_open(rendering: Rendering) -> Iterator[Hit]:
    """Every namespace that pods run in."""
    denied = {policy.namespace for policy in rendering.of("NetworkPolicy") if _denies_all(policy)}
    first = {pod.namespace: pod.manifest for pod in reversed(rendering.pods)}
    for namespace, manifest in first.items():
        if namespace not in denied:
            where = next((one for one in rendering.of("Namespace") if one.name == namespace), manifest)
            yield Hit(where, "metadata.name", f"namespace {namespace or '(none)'} has no NetworkPolicy that denies all")


def _denies_all(policy: Manifest) -> bool:
    spec = policy.at("spec") or {}
    selector = spec.get("podSelector") or {}
    everything = not selector.get("matchLabels") and not selector.get("matchExpressions")
    both = {"Ingress", "Egress"} <= set(spec.get("policyTypes") or [])
    return everything and both and not spec.get("ingress") and not spec.get("egress")
