"""What a container may do on its node."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fraudray.deployments.cluster.manifests import at
from fraudray.deployments.cluster.pods import Container
from fraudray.deployments.cluster.ray_specs import EFA
from fraudray.deployments.cluster.rendered import Rendering
from fraudray.deployments.cluster.rules.rule import Hit, rule

_ESCAPE = "whoever takes over the process takes over the node, and with it every pod and key on it"


@rule(
    "security.privileged",
    wrong="A container is privileged.",
    why=_ESCAPE,
    advice="Leave `privileged` out. GPUs and EFA come by their device plugins, huge pages by a resource.",
)
def privileged(rendering: Rendering) -> Iterator[Hit]:
    """`privileged: true`."""
    for container in _containers(rendering):
        if container.at("securityContext", "privileged"):
            yield _hit(container, "privileged", f"{container.name} is privileged")


@rule(
    "security.host",
    wrong="A pod shares the node's network, processes or files.",
    why=_ESCAPE,
    advice="Leave hostNetwork, hostPID, hostIPC, hostPath volumes and hostPort out.",
)
def host(rendering: Rendering) -> Iterator[Hit]:
    """Namespaces and paths of the node."""
    for pod in rendering.pods:
        for name in ("hostNetwork", "hostPID", "hostIPC"):
            if pod.spec.get(name):
                yield Hit(pod.manifest, pod.where(name), f"{name} is on")
        for index, volume in enumerate(pod.spec.get("volumes") or []):
            if path := at(volume, "hostPath", "path"):
                yield Hit(pod.manifest, pod.where("volumes", index, "hostPath"), f"mounts {path} of the node")
        for container in pod.containers:
            for index, port in enumerate(container.at("ports") or []):
                if port.get("hostPort"):
                    where = container.where("ports", index, "hostPort")
                    yield Hit(pod.manifest, where, f"{container.name} takes port {port['hostPort']} of the node")


@rule(
    "security.capabilities",
    wrong="A container keeps or adds capabilities.",
    why="each is a part of root's power; libfabric needs IPC_LOCK to pin memory for EFA, nothing else needs any",
    advice="`capabilities: {drop: [ALL]}`, and with EFA `add: [IPC_LOCK]`.",
)
def capabilities(rendering: Rendering) -> Iterator[Hit]:
    """All dropped; none added but IPC_LOCK where EFA is asked for."""
    for container in _containers(rendering):
        held = container.at("securityContext", "capabilities") or {}
        if "ALL" not in (held.get("drop") or []):
            yield _hit(container, "capabilities", f"{container.name} does not drop ALL")
        allowed = {"IPC_LOCK"} if container.at("resources", "limits", EFA) else set()
        for extra in sorted(set(held.get("add") or []) - allowed):
            yield _hit(container, "capabilities", f"{container.name} adds {extra}")


@rule(
    "security.root",
    wrong="A container may run as root.",
    why="root in a container is root on the node, one kernel bug away",
    advice="Set `runAsNonRoot: true` and a `runAsUser` other than 0 on the pod.",
)
def root(rendering: Rendering) -> Iterator[Hit]:
    """Of pod or container, the container's word counts."""
    for container in _containers(rendering):
        if _effective(container, "runAsNonRoot") is not True:
            yield _hit(container, "runAsNonRoot", f"{container.name} lacks runAsNonRoot")
        elif _effective(container, "runAsUser") == 0:
            yield _hit(container, "runAsUser", f"{container.name} runs as user 0")


@rule(
    "security.escalation",
    wrong="A container's processes may gain rights that it does not have.",
    why="a set-user-ID program in the image would make root of a user",
    advice="Set `allowPrivilegeEscalation: false` on the container.",
)
def escalation(rendering: Rendering) -> Iterator[Hit]:
    """There is no such field on a pod; for the autoscaler's container it is in autoscalerOptions."""
    for container in _containers(rendering):
        if container.at("securityContext", "allowPrivilegeEscalation") is not False:
            yield _hit(container, "allowPrivilegeEscalation", f"{container.name} lacks allowPrivilegeEscalation: false")


@rule(
    "security.seccomp",
    wrong="A container may make every system call.",
    why="without a profile the kernel's whole surface is open to whatever runs in it",
    advice="Set `seccompProfile: {type: RuntimeDefault}` on the pod.",
)
def seccomp(rendering: Rendering) -> Iterator[Hit]:
    """RuntimeDefault or a profile of one's own."""
    for container in _containers(rendering):
        profile = _effective(container, "seccompProfile") or {}
        if profile.get("type") not in ("RuntimeDefault", "Localhost"):
            yield _hit(container, "seccompProfile", f"{container.name} lacks seccompProfile RuntimeDefault")


def _containers(rendering: Rendering) -> Iterator[Container]:
    for pod in rendering.pods:
        yield from pod.containers


def _effective(container: Container, name: str) -> Any:
    own = container.at("securityContext", name)
    return at(container.pod.spec, "securityContext", name) if own is None else own


def _hit(container: Container, name: str, detail: str) -> Hit:
    return Hit(container.pod.manifest, container.where("securityContext", name), detail)
