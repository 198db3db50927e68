"""Where a cluster keeps objects of each kind, as it says itself (discovery)."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote

from fraudray.deployments.cluster.kube import Kube, NotThere
from fraudray.deployments.cluster.manifests import Manifest


class Kinds:
    """The kinds of one cluster. Each API group is asked for once."""

    def __init__(self, kube: Kube) -> None:
        self._kube = kube
        self._known: dict[str, dict[str, tuple[str, bool]]] = {}

    def collection(self, api_version: str, kind: str) -> str | None:
        """The path of all objects of a kind, of all namespaces; None where the cluster does not know the kind."""
        found = self._of_group(api_version).get(kind)
        return f"{_prefix(api_version)}/{found[0]}" if found else None

    def path(self, manifest: Manifest) -> str:
        """The path of an object. Raises NotThere where the cluster does not know its kind."""
        found = self._of_group(manifest.api_version).get(manifest.kind)
        if found is None:
            raise NotThere(f"this cluster knows no {manifest.kind} ({manifest.api_version})")
        plural, namespaced = found
        where = f"/namespaces/{quote(manifest.namespace or 'default', safe='')}" if namespaced else ""
        return f"{_prefix(manifest.api_version)}{where}/{plural}/{quote(manifest.name, safe='')}"

    def unknown(self, manifests: Iterable[Manifest]) -> list[str]:
        """Kinds of these objects that the cluster does not know."""
        wanted = {(manifest.api_version, manifest.kind) for manifest in manifests}
        return [f"{kind} ({version})" for version, kind in sorted(wanted) if not self.collection(version, kind)]

    def _of_group(self, api_version: str) -> dict[str, tuple[str, bool]]:
        if api_version not in self._known:
            try:
                listed = self._kube.get(_prefix(api_version)).get("resources") or []
            except NotThere:
                listed = []
            self._known[api_version] = {
                str(one["kind"]): (str(one["name"]), bool(one.get("namespaced")))
                for one in listed
                if "/" not in one["name"]  # parts of objects: pods/log, rayservices/status
            }
        return self._known[api_version]


def _prefix(api_version: str) -> str:
    return f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
