"""Who may talk to whom within the cluster."""

from __future__ import annotations

from collections.abc import Iterator

from fraudray.deployments.cluster.manifests import Manifest
from fraudray.deployments.cluster.rendered import Rendering
from fraudray.deployments.cluster.rules.rule import Hit, rule
from fraudray.deployments.cluster.selectors import matches

_DNS = 53


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


@rule(
    "network.names",
    wrong="A pod may not ask for names.",
    why="policies that limit what it reaches let no question to the cluster's DNS through: every other pod, by its "
    "service's name, is then unknown to it, which looks like a hang",
    advice="Let it reach port 53, UDP and TCP, of kube-dns in kube-system; policies add up.",
)
def names_unknown(rendering: Rendering) -> Iterator[Hit]:
    """Pods that a policy limits on their way out, and no policy lets ask."""
    limits = [one for one in rendering.of("NetworkPolicy") if "Egress" in (one.at("spec", "policyTypes") or [])]
    told: set[tuple[str, str]] = set()
    for pod in rendering.pods:
        of_it = [
            policy
            for policy in limits
            if policy.namespace == pod.namespace and matches(policy.at("spec", "podSelector"), pod.labels)
        ]
        first = next((policy for policy in of_it if not _denies_all(policy)), None)
        if first is None or any(_lets_ask(policy) for policy in of_it):
            continue
        if (which := (str(first), str(pod.manifest))) not in told:
            told.add(which)
            yield Hit(first, "spec.egress", f"{pod.manifest} may reach nothing at port 53")


def _lets_ask(policy: Manifest) -> bool:
    for way in policy.at("spec", "egress") or []:
        ports = way.get("ports")
        if not ports or any(one.get("port") == _DNS and one.get("protocol") == "UDP" for one in ports):
            return True
    return False


def _denies_all(policy: Manifest) -> bool:
    spec = policy.at("spec") or {}
    selector = spec.get("podSelector") or {}
    everything = not selector.get("matchLabels") and not selector.get("matchExpressions")
    both = {"Ingress", "Egress"} <= set(spec.get("policyTypes") or [])
    return everything and both and not spec.get("ingress") and not spec.get("egress")
