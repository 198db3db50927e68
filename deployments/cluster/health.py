"""How the Ray objects of a cluster are, and what keeps their pods from running."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from fraudray.deployments.cluster.kube import Kube, NotAllowed, NotThere, collection
from fraudray.deployments.cluster.manifests import Document, at

_EVENTS_MAX = 10
_WELL = {"RUNNING", "HEALTHY", "Running", "ready", "SUCCEEDED", "Complete", "suspended", "done"}
_UNDER_WAY = {"DEPLOYING", "UPDATING", "UPSCALING", "DOWNSCALING", "NOT_STARTED", "PENDING", "Initializing", "Waiting"}


@dataclass(frozen=True, slots=True)
class State:
    """A state of something, in its own words. `level`: how deep it stands below the object."""

    what: str
    state: str
    message: str = ""
    level: int = 0

    @property
    def well(self) -> bool:
        """Whether nothing has to be done about it: it runs, is done, or is under way."""
        return self.state in _WELL | _UNDER_WAY


@dataclass(frozen=True, slots=True)
class Health:
    """All of it. `unseen`: what these credentials may not look at."""

    states: list[State] = field(default_factory=list)
    pods: list[State] = field(default_factory=list)
    events: list[State] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)

    @property
    def well(self) -> bool:
        """Whether everything that could be seen is well, and every pod ready."""
        return not self.pods and all(state.well for state in self.states)

    def document(self) -> Document:
        """As JSON."""
        return asdict(self) | {"well": self.well}


def health(kube: Kube, namespaces: list[str | None]) -> Health:
    """RayServices, RayClusters and RayJobs of these namespaces (None: of all), pods that are not ready with the reason,
    and the last warnings about any of them. Raises ClusterUnreachable; NotThere without KubeRay."""
    found = Health()
    troubled: set[str] = set()
    for namespace in namespaces:
        for plural, tell in _TELLERS.items():
            for one in _listed(kube, found, plural, namespace):
                states = list(tell(one))
                found.states.extend(states)
                if not all(state.well for state in states):
                    troubled.add(str(at(one, "metadata", "name")))
        for pod in _listed(kube, found, "pods", namespace):
            if at(pod, "metadata", "labels", "ray.io/is-ray-node") == "yes" and (state := _pod(pod)):
                found.pods.append(state)
                troubled.add(str(at(pod, "metadata", "name")))
        found.events.extend(_warnings(_listed(kube, found, "events", namespace), troubled))
    return found


def _listed(kube: Kube, found: Health, plural: str, namespace: str | None) -> list[Document]:
    try:
        return kube.list(collection(plural, namespace))
    except NotAllowed as error:
        found.unseen.append(str(error))
        return []
    except NotThere:
        if plural.startswith("ray"):
            raise NotThere("this cluster has no KubeRay: `fraudray cluster check` says how to get it") from None
        raise


def _service(one: Document) -> Iterator[State]:
    name = _name("RayService", one)
    conditions = {str(each.get("type")): each for each in at(one, "status", "conditions") or []}
    if at(one, "spec", "suspend"):
        yield State(name, "suspended", "the policy decides alone meanwhile")
        return
    ready = conditions.get("Ready") or {}
    is_ready = ready.get("status") == "True"
    why = str(ready.get("message") or at(one, "status", "serviceStatus") or "")
    yield State(name, "ready" if is_ready else "not ready", "" if is_ready else why)
    for part, word in (("activeServiceStatus", "active"), ("pendingServiceStatus", "pending")):
        status = at(one, "status", part)
        if not at(status, "rayClusterName"):
            continue
        for app, told in sorted((at(status, "applicationStatuses") or {}).items()):
            yield State(f"application {app} ({word})", str(told.get("status")), str(told.get("message") or ""), 1)
            for deployment, state in sorted((told.get("serveDeploymentStatuses") or {}).items()):
                yield State(deployment, str(state.get("status")), str(state.get("message") or ""), 2)


def _cluster(one: Document) -> Iterator[State]:
    status = one.get("status") or {}
    state = str(status.get("state") or "")
    has, wants = status.get("readyWorkerReplicas") or 0, status.get("desiredWorkerReplicas") or 0
    ready = f"{has} of {wants} workers ready"
    if not state:
        unmet = [each for each in status.get("conditions") or [] if each.get("status") == "False"]
        waiting: Document = unmet[0] if unmet else {}
        yield State(
            _name("RayCluster", one), "starting", f"{ready}; {waiting.get('message') or 'its pods are not ready yet'}"
        )
        return
    word = {"ready": "ready" if has >= wants else "lacks workers", "suspended": "suspended"}.get(state, state)
    yield State(_name("RayCluster", one), word, f"{ready}" + (f"; {status['reason']}" if status.get("reason") else ""))


def _job(one: Document) -> Iterator[State]:
    status = one.get("status") or {}
    state = str(status.get("jobStatus") or status.get("jobDeploymentStatus") or "not taken up")
    yield State(_name("RayJob", one), state, str(status.get("message") or status.get("reason") or ""))


_TELLERS: dict[str, Callable[[Document], Iterator[State]]] = {
    "rayservices": _service,
    "rayclusters": _cluster,
    "rayjobs": _job,
}


def _pod(pod: Document) -> State | None:
    """Why a pod is not ready, or None for one that is, or is done."""
    status = pod.get("status") or {}
    conditions = {str(each.get("type")): each for each in status.get("conditions") or []}
    if status.get("phase") == "Succeeded" or at(conditions, "Ready", "status") == "True":
        return None
    name = _name("Pod", pod)
    for container in [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]:
        if reason := _container_reason(container):
            return State(name, *reason)
    scheduled = conditions.get("PodScheduled") or {}
    if scheduled.get("status") == "False":
        return State(name, "Pending", str(scheduled.get("message") or scheduled.get("reason") or ""))
    return State(
        name, str(status.get("reason") or "not ready"), str(status.get("message") or "its probes have not passed yet")
    )


def _container_reason(container: Document) -> tuple[str, str] | None:
    waiting, last = at(container, "state", "waiting") or {}, at(container, "lastState", "terminated") or {}
    ended = at(container, "state", "terminated") or {}
    which = str(container.get("name"))
    for terminated in (ended, last):
        if terminated.get("reason") == "OOMKilled":
            return (
                "OOMKilled",
                f"{which} took more than its memory limit; restarted {container.get('restartCount') or 0} time(s)",
            )
    if waiting and waiting.get("reason") not in ("ContainerCreating", "PodInitializing"):
        return str(waiting.get("reason")), f"{which}: {waiting.get('message') or ''}"
    if ended and ended.get("exitCode"):
        return str(
            ended.get("reason") or "ended"
        ), f"{which} ended with {ended['exitCode']}: {ended.get('message') or ''}"
    return None


def _warnings(events: list[Document], about: set[str]) -> list[State]:
    """The last warnings about what is not well, newest first."""
    chosen = [
        event for event in events if event.get("type") == "Warning" and at(event, "involvedObject", "name") in about
    ]
    chosen.sort(key=_moment, reverse=True)
    return [
        State(
            f"{at(event, 'involvedObject', 'kind')} {at(event, 'involvedObject', 'name')}",
            str(event.get("reason")),
            f"{_moment(event)} {event.get('message') or ''}"
            + (f" ({event['count']} times)" if (event.get("count") or 1) > 1 else ""),
        )
        for event in chosen[:_EVENTS_MAX]
    ]


def _moment(event: Document) -> str:
    return str(event.get("lastTimestamp") or event.get("eventTime") or at(event, "metadata", "creationTimestamp") or "")


def _name(kind: str, one: Any) -> str:
    return f"{kind} {at(one, 'metadata', 'namespace')}/{at(one, 'metadata', 'name')}"
