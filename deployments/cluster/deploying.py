"""What applying an overlay would do to a cluster, object by object, and doing it.

Objects are applied on the server (server-side apply), as the field manager `fraudray`: the cluster itself knows what
we set, so that nothing has to be kept of what was applied before, whoever applies from wherever.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from fraudray.deployments.cluster.kinds import Kinds
from fraudray.deployments.cluster.kube import ChangedMeanwhile, Kube, NotAllowed, NotThere, Unacceptable
from fraudray.deployments.cluster.manifests import Document, Manifest, at, dotted
from fraudray.deployments.cluster.scaling import BEFORE
from fraudray.deployments.cluster.stages import stages
from fraudray.deployments.cluster.waiting import Patience, Tell
from fraudray.domain.errors import Refused

MANAGER = "fraudray"
State = Literal["new", "changed", "unchanged", "replaced", "refused"]
STATES: tuple[State, ...] = ("new", "changed", "unchanged", "replaced", "refused")

# Set by the server with every write, or told by a controller.
_NOT_OURS = ("managedFields", "resourceVersion", "generation", "creationTimestamp", "uid")
_TOLD_MAX = 4
SWEPT = (
    ("v1", "ConfigMap"), ("v1", "Service"), ("v1", "ServiceAccount"), ("apps/v1", "Deployment"),
    ("apps/v1", "StatefulSet"), ("batch/v1", "CronJob"), ("networking.k8s.io/v1", "NetworkPolicy"),
    ("networking.k8s.io/v1", "Ingress"), ("policy/v1", "PodDisruptionBudget"),
    ("rbac.authorization.k8s.io/v1", "Role"), ("rbac.authorization.k8s.io/v1", "RoleBinding"),
    ("ray.io/v1", "RayService"), ("ray.io/v1", "RayCluster"), ("ray.io/v1", "RayCronJob"),
    ("external-secrets.io/v1", "ExternalSecret"), ("external-secrets.io/v1", "SecretStore"),
    ("monitoring.coreos.com/v1", "PodMonitor"), ("monitoring.coreos.com/v1", "ServiceMonitor"),
    ("monitoring.coreos.com/v1", "PrometheusRule"),
)  # fmt: skip
"""Kinds (with their API versions) of what earlier deployments may have left, and `--prune` deletes."""
KEPT = (
    ("v1", "Namespace"), ("v1", "PersistentVolume"), ("v1", "PersistentVolumeClaim"), ("batch/v1", "Job"),
    ("storage.k8s.io/v1", "StorageClass"), ("scheduling.k8s.io/v1", "PriorityClass"),
    ("networking.k8s.io/v1", "IngressClass"), ("elbv2.k8s.aws/v1beta1", "IngressClassParams"), ("ray.io/v1", "RayJob"),
)  # fmt: skip
"""What it leaves, since data hangs on it, or others may use it; a clean-up takes it too."""


class NotTaken(Refused):
    """The API server did not take an object: which, why, and what was applied before it."""


@dataclass(frozen=True, slots=True)
class Step:
    """What is to be done with one object. `why`: the server's words, or the fields that change. `wakes`: it was
    switched off by `scale --to-zero`, and applying would switch it on again."""

    manifest: Manifest
    path: str
    state: State
    why: str = ""
    wakes: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """All of it, in the order in which it is done."""

    steps: tuple[Step, ...]
    left_over: tuple[Manifest, ...] = ()
    """Objects that earlier deployments applied, and that this one does not have."""
    unseen: tuple[str, ...] = ()
    """What these credentials may not look at."""

    def count(self, state: State) -> int:
        """How many objects are in that state."""
        return Counter(step.state for step in self.steps)[state]

    @property
    def to_do(self) -> tuple[Step, ...]:
        """Steps that change something."""
        return tuple(step for step in self.steps if step.state != "unchanged")

    def document(self) -> Document:
        """As JSON."""
        return {
            **{state: self.count(state) for state in STATES}, "left_over": [str(one) for one in self.left_over],
            "objects": [
                {"object": str(step.manifest), "state": step.state, "why": step.why, "wakes": step.wakes}
                for step in self.steps
            ],
            "unseen": list(self.unseen),
        }  # fmt: skip


def plan(kube: Kube, manifests: Iterable[Manifest]) -> Plan:
    """Ask the server what applying these objects would do; changes nothing.

    Raises NotThere where the cluster does not know a kind, ClusterUnreachable, NotAllowed.
    """
    ordered = [manifest for stage in stages(manifests) for manifest in stage]
    kinds = Kinds(kube)
    if unknown := kinds.unknown(ordered):
        raise NotThere(
            f"this cluster does not know {', '.join(unknown)}: `fraudray cluster check --overlay …` says which "
            "operator brings it; nothing was changed"
        )
    to_come: set[str] = set()
    steps = []
    for manifest in ordered:
        step = _step(kube, kinds.path(manifest), manifest, to_come)
        if step.state == "new" and manifest.kind == "Namespace":
            to_come.add(manifest.name)
        steps.append(step)
    left_over, unseen = left_overs(kube, kinds, ordered)
    return Plan(tuple(steps), tuple(left_over), tuple(unseen))


def carry_out(kube: Kube, steps: Iterable[Step], patience: Patience, tell: Tell) -> Iterator[Step]:
    """Do the steps one after another; gives each when it is done. What is done twice is done once.

    Raises NotTaken at the first object that the server does not take: those before it are applied, those after it are
    as they were, and a further run goes on there.
    """
    for done, step in enumerate(steps):
        tell(f"applying {step.manifest}")
        try:
            if step.state == "replaced":
                _remove(kube, step, patience, tell)
            kube.apply(step.path, step.manifest.document, manager=MANAGER)
        except (Unacceptable, NotAllowed, NotThere, ChangedMeanwhile) as error:
            raise NotTaken(
                f"{step.manifest} was not taken: {error}. {done} object(s) before it are applied, the others are as "
                "they were; the same command goes on here"
            ) from None
        yield step


def left_overs(
    kube: Kube, kinds: Kinds, wanted: Iterable[Manifest], *, of: Iterable[tuple[str, str]] = SWEPT
) -> tuple[list[Manifest], list[str]]:
    """Objects in the cluster that `fraudray` applied and that are not among these; and what could not be looked at."""
    kept = {(manifest.kind, manifest.namespace, manifest.name) for manifest in wanted}
    found, unseen = [], []
    for api_version, kind in of:
        path = kinds.collection(api_version, kind)
        if path is None:
            continue
        try:
            listed = kube.list(path)
        except NotAllowed as error:
            unseen.append(str(error))
            continue
        for document in listed:
            manifest = Manifest({"apiVersion": api_version, "kind": kind} | document)
            if _applied_by_us(manifest) and (kind, manifest.namespace, manifest.name) not in kept:
                found.append(manifest)
    return found, unseen


def _step(kube: Kube, path: str, manifest: Manifest, to_come: set[str]) -> Step:
    try:
        live: Document | None = kube.get(path)
    except NotThere:
        live = None
    if live is None and manifest.namespace in to_come:
        return Step(manifest, path, "new")  # the server cannot try it before its namespace is there
    try:
        wanted = kube.apply(path, manifest.document, manager=MANAGER, dry_run=True)
    except (Unacceptable, NotAllowed, NotThere) as error:
        if live is not None and manifest.kind == "Job" and "immutable" in str(error):
            return Step(manifest, path, "replaced", "a Job's pods cannot be changed: it is deleted and made anew")
        return Step(manifest, path, "refused", str(error))
    if live is None:
        return Step(manifest, path, "new")
    changes = list(_differences(_compared(live), _compared(wanted)))
    if not changes:
        return Step(manifest, path, "unchanged")
    more = f" and {len(changes) - _TOLD_MAX} more" if len(changes) > _TOLD_MAX else ""
    why = ", ".join(changes[:_TOLD_MAX]) + more
    return Step(manifest, path, "changed", why, wakes=BEFORE in Manifest(live).annotations)


def _remove(kube: Kube, step: Step, patience: Patience, tell: Tell) -> None:
    def there() -> str | None:
        try:
            kube.get(step.path)
        except NotThere:
            return None
        return f"{step.manifest} to be gone, before it is made anew"

    try:
        kube.delete(step.path)
    except NotThere:
        return
    patience.wait(there, tell)


def _applied_by_us(manifest: Manifest) -> bool:
    entries = manifest.at("metadata", "managedFields") or []
    return any(at(one, "manager") == MANAGER and at(one, "operation") == "Apply" for one in entries)


def _compared(document: Document) -> Document:
    metadata = {key: value for key, value in document["metadata"].items() if key not in _NOT_OURS}
    return {key: value for key, value in document.items() if key not in ("status", "metadata")} | {"metadata": metadata}


def _differences(before: Any, after: Any, *path: str | int) -> Iterator[str]:
    """Places at which two documents differ, the deepest that say it."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted(before.keys() | after.keys()):
            yield from _differences(before.get(key), after.get(key), *path, key)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for number, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from _differences(one, other, *path, number)
    elif before != after:
        yield dotted(path)
