"""What objects refer to by name: ConfigMaps, Secrets, claims, service accounts, classes, Services."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fraudray.deployments.cluster.manifests import Manifest, at, dotted

Path = tuple[str | int, ...]
OIDC = "alb.ingress.kubernetes.io/auth-idp-oidc"
ACTIONS = "alb.ingress.kubernetes.io/actions."

# Fields whose text is a name, wherever they stand.
_NAMES = {
    "claimName": "PersistentVolumeClaim",
    "serviceAccountName": "ServiceAccount",
    "priorityClassName": "PriorityClass",
    "storageClassName": "StorageClass",
    "ingressClassName": "IngressClass",
    "secretName": "Secret",
}
# Fields whose mapping holds a name, and perhaps a key in what is named.
_HOLDERS = {
    "secretKeyRef": "Secret", "secretRef": "Secret", "configMapKeyRef": "ConfigMap", "configMapRef": "ConfigMap",
}  # fmt: skip
# Of a volume, or of one source of a projected volume.
_VOLUMES = {"configMap": "ConfigMap", "secret": "Secret"}


@dataclass(frozen=True, slots=True)
class Reference:
    """A name in one object that another bears. `key`: what must be in that one."""

    manifest: Manifest
    path: Path
    kind: str
    name: str
    key: str | None = None

    @property
    def where(self) -> str:
        """The place of the name."""
        return dotted(self.path)


def references(manifest: Manifest) -> Iterator[Reference]:
    """All names in an object of which an object of the cluster is expected; those said to be optional are left out."""
    yield from _walk(manifest, manifest.document, ())
    match manifest.kind:
        case "Ingress":
            yield from _of_ingress(manifest)
        case "StatefulSet":
            if name := manifest.at("spec", "serviceName"):
                yield Reference(manifest, ("spec", "serviceName"), "Service", str(name))
        case "ExternalSecret":
            store = manifest.at("spec", "secretStoreRef") or {}
            if store.get("name"):
                path = ("spec", "secretStoreRef", "name")
                yield Reference(manifest, path, str(store.get("kind") or "SecretStore"), str(store["name"]))
        case "IngressClass":
            parameters = manifest.at("spec", "parameters") or {}
            if parameters.get("kind") == "IngressClassParams":
                yield Reference(manifest, ("spec", "parameters", "name"), "IngressClassParams", str(parameters["name"]))


def _walk(manifest: Manifest, document: Any, path: Path) -> Iterator[Reference]:
    if isinstance(document, list):
        for index, value in enumerate(document):
            yield from _walk(manifest, value, (*path, index))
    elif isinstance(document, dict):
        for key, value in document.items():
            yield from _at_key(manifest, key, value, (*path, key))
            yield from _walk(manifest, value, (*path, key))


def _at_key(manifest: Manifest, key: str, value: Any, path: Path) -> Iterator[Reference]:
    if isinstance(value, str) and value and key in _NAMES:
        yield Reference(manifest, path, _NAMES[key], value)
    elif key == "imagePullSecrets":
        for index, entry in enumerate(value or []):
            yield Reference(manifest, (*path, index), "Secret", str(at(entry, "name")))
    elif isinstance(value, dict) and not value.get("optional"):
        if key in _HOLDERS and value.get("name"):
            yield Reference(manifest, path, _HOLDERS[key], str(value["name"]), value.get("key"))
        elif key in _VOLUMES and value.get("name"):
            yield Reference(manifest, path, _VOLUMES[key], str(value["name"]), value.get("key"))
        elif manifest.group == "monitoring.coreos.com" and value.keys() == {"name", "key"}:
            yield Reference(manifest, path, "Secret", str(value["name"]), str(value["key"]))


def _of_ingress(manifest: Manifest) -> Iterator[Reference]:
    for path, backend in backends(manifest):
        yield Reference(manifest, (*path, "service", "name"), "Service", str(at(backend, "service", "name")))
    if settings := manifest.annotations.get(OIDC):
        where = ("metadata", "annotations", OIDC)
        try:
            name = at(json.loads(settings), "secretName")
        except ValueError:
            name = None
        yield Reference(manifest, where, "Secret", str(name or "(no secretName)"))


def backends(manifest: Manifest) -> Iterator[tuple[Path, Any]]:
    """The backends of an Ingress that are Services, and their places. An action of the load balancer is none."""
    places: list[Path] = [("spec", "defaultBackend")]
    places += [
        ("spec", "rules", number, "http", "paths", index, "backend")
        for number, entry in enumerate(manifest.at("spec", "rules") or [])
        for index in range(len(at(entry, "http", "paths") or []))
    ]
    for path in places:
        backend = manifest.at(*path)
        name = at(backend, "service", "name")
        by_action = at(backend, "service", "port", "name") == "use-annotation"
        if name and not (by_action and ACTIONS + str(name) in manifest.annotations):
            yield path, backend
