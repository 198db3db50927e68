"""Objects deleted in the reverse of the order in which they are applied, each stage gone before the next begins.

KubeRay empties the store that its heads remember themselves in before a cluster of theirs is gone, so the store, and
what pods mount, have to outlast them.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from fraudray.deployments.cluster.kinds import Kinds
from fraudray.deployments.cluster.kube import Kube, NotThere
from fraudray.deployments.cluster.manifests import Manifest, at
from fraudray.deployments.cluster.stages import stages
from fraudray.deployments.cluster.waiting import Patience, Tell

REMOVAL = Patience(900)
"""Head and workers have minutes to drain, load balancers to go."""
_TOLD_MAX = 4


def present(kube: Kube, manifests: Iterable[Manifest]) -> list[Manifest]:
    """Those that are in the cluster, as they are there; what it has no kind for is not."""
    kinds = Kinds(kube)
    found = []
    for manifest in manifests:
        try:
            live = kube.get(kinds.path(manifest))
        except NotThere:
            continue
        found.append(Manifest({"apiVersion": manifest.api_version, "kind": manifest.kind} | live))
    return found


def remove(kube: Kube, manifests: Iterable[Manifest], patience: Patience, tell: Tell) -> None:
    """Delete them and wait until they are gone. What is gone already is no failure. Raises NotInTime, NotAllowed."""
    kinds = Kinds(kube)
    for stage in reversed(list(stages(manifests))):
        for manifest in reversed(stage):
            tell(f"deleting {manifest}")
            try:
                kube.delete(kinds.path(manifest))
            except NotThere:
                continue
        patience.wait(partial(_still_there, kube, stage), tell)


def _still_there(kube: Kube, manifests: list[Manifest]) -> str | None:
    left = present(kube, manifests)
    if not left:
        return None
    told = ", ".join(_with_reason(manifest) for manifest in left[:_TOLD_MAX])
    return f"{told} to be gone" + (f", and {len(left) - _TOLD_MAX} more" if len(left) > _TOLD_MAX else "")


def _with_reason(manifest: Manifest) -> str:
    waits = [str(one) for one in at(manifest.document, "metadata", "finalizers") or [] if one != "foregroundDeletion"]
    return f"{manifest} (held by {', '.join(waits)})" if waits else str(manifest)
