"""Whether RayServices serve what was applied last, and what each still waits for."""

from __future__ import annotations

from collections.abc import Iterable

from fraudray.deployments.cluster.kube import ClusterUnreachable, Kube, NotThere, item
from fraudray.deployments.cluster.manifests import Document, Manifest, at

_TOLD_MAX = 3


def not_ready(kube: Kube, services: Iterable[Manifest]) -> str | None:
    """What the first of these RayServices that is not ready waits for; None when all are, or are suspended."""
    for manifest in services:
        try:
            document = kube.get(item("rayservices", manifest.namespace, manifest.name))
        except NotThere:
            return f"{manifest} is not there"
        except ClusterUnreachable as error:  # while one waits for an hour, it may be away for a moment
            return str(error)
        if left := awaited(document):
            return f"{manifest}: {left}"
    return None


def awaited(service: Document) -> str | None:
    """What a RayService waits for; None when it serves what its spec says, or is suspended.

    `Ready` alone says that some version answers: while KubeRay starts a second cluster beside the first one, the first
    one does (v1.7.0, rayservice_controller.go: conditions Ready, UpgradeInProgress; status.observedGeneration).
    """
    if at(service, "spec", "suspend"):
        return None
    seen, made = at(service, "status", "observedGeneration"), at(service, "metadata", "generation")
    if made is not None and (seen or 0) < made:
        return "KubeRay has not taken it up yet"
    conditions = {str(each.get("type")): each for each in at(service, "status", "conditions") or []}
    if at(conditions, "UpgradeInProgress", "status") == "True" or at(
        service, "status", "pendingServiceStatus", "rayClusterName"
    ):
        coming = _unwell(at(service, "status", "pendingServiceStatus"))
        return "a second cluster starts beside the first" + (f" ({coming})" if coming else "")
    if at(conditions, "Ready", "status") != "True":
        coming = _unwell(at(service, "status", "activeServiceStatus"))
        return coming or str(at(conditions, "Ready", "message") or "its pods start")
    return None


def _unwell(status: Document | None) -> str:
    told = []
    for app, state in sorted((at(status, "applicationStatuses") or {}).items()):
        if state.get("status") != "RUNNING":
            message = str(state.get("message") or "")
            told.append(f"application {app} is {state.get('status')}" + (f": {message}" if message else ""))
    return "; ".join(told[:_TOLD_MAX])
