"""Whether a pod that is told to go may finish what it has begun."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from fraudray.deployments.cluster.pods import PodTemplate
from fraudray.deployments.cluster.ray_specs import RayCluster
from fraudray.deployments.cluster.rendered import Rendering
from fraudray.deployments.cluster.rules.rule import Hit, rule
from fraudray.deployments.cluster.serve_config import ServeConfigError, serve_applications

MARGIN_S = 30
"""For the load balancer to notice, and for Ray's own end."""
_DEFAULT_S = 30  # Kubernetes' own grace


@rule(
    "draining.grace",
    wrong="A pod that serves is killed before its replicas have drained.",
    why="requests under way end in errors at every upgrade and node change (kuberay#4799)",
    advice=f"Set terminationGracePeriodSeconds to the preStop's wait, the longest drain_s and {MARGIN_S} s together.",
)
def grace(rendering: Rendering) -> Iterator[Hit]:
    """The grace counts from the beginning of preStop."""
    for pod, cluster in _serving(rendering):
        given = pod.spec.get("terminationGracePeriodSeconds", _DEFAULT_S)
        waits_s, drain_s = _pre_stop_s(pod), _drain_s(cluster)
        if given < waits_s + drain_s + MARGIN_S:
            where = pod.where("terminationGracePeriodSeconds")
            detail = f"{given} s are less than preStop {waits_s:g} s + drain {drain_s:g} s + {MARGIN_S} s"
            yield Hit(pod.manifest, where, detail)


@rule(
    "draining.pre-stop",
    wrong="A pod that serves is stopped before the load balancer knows.",
    why="it gets new requests while its processes already end (kuberay#4126); a shell in the hook takes the signal for "
    "itself",
    advice='Add lifecycle.preStop in exec form without a shell: `exec: {command: [sleep, "20"]}`.',
)
def pre_stop(rendering: Rendering) -> Iterator[Hit]:
    """Ray's container; `sleep:` of Kubernetes 1.34 will do too."""
    for pod, _ in _serving(rendering):
        for container in pod.containers:
            if not container.is_ray:
                continue
            hook = container.at("lifecycle", "preStop") or {}
            command = (hook.get("exec") or {}).get("command") or []
            shell = (
                bool(command)
                and command[0].rpartition("/")[2] in ("sh", "bash", "dash")
                and "exec " not in str(command)
            )
            if "sleep" not in hook and (not command or shell):
                detail = f"{container.name} has {'a preStop through a shell' if shell else 'no preStop'}"
                yield Hit(pod.manifest, container.where("lifecycle", "preStop"), detail)


def _serving(rendering: Rendering) -> Iterator[tuple[PodTemplate, RayCluster]]:
    """Ray's pods that requests go to: the workers of what serves, and the head unless it is left out."""
    for pod in rendering.pods:
        if pod.ray is not None and pod.labels.get("ray.io/serve") == "true":
            yield pod, pod.ray.cluster


def _drain_s(cluster: RayCluster) -> float:
    """The longest drain of the cluster's applications, in seconds."""
    try:
        return max((limit for app in serve_applications(cluster) for limit in app.drains_s()), default=0.0)
    except ServeConfigError:
        return 0.0  # `serve.config` says so


def _pre_stop_s(pod: PodTemplate) -> float:
    """How long the hooks wait, as far as they are a plain sleep, in seconds."""
    waits = [0.0]
    for container in pod.containers:
        if seconds := container.at("lifecycle", "preStop", "sleep", "seconds"):
            waits.append(float(seconds))
        command = container.at("lifecycle", "preStop", "exec", "command") or []
        for name, value in pairwise(command):
            if name.rpartition("/")[2] == "sleep" and value.isdigit():
                waits.append(float(value))
    return max(waits)
