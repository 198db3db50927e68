"""A Kubernetes API server as far as `fraudray cluster` asks one: real HTTP, with the answers of the real thing.

It keeps objects, answers lists in pages, single objects and merge patches (refused with 409 where the resourceVersion
is an old one), and tells what is not there (404) or not allowed (403) in Kubernetes' own Status objects. It wants its
token. It tells its kinds (discovery), applies on the server, also as a dry run, and deletes; a Job's pods cannot be
changed, a namespace has to be there before what is in it, and takes that with it. Of who set which field it keeps no
more than each manager's last document; lists are replaced, not merged by their keys.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import parse_qs, urlsplit

import yaml

from tests.kuberay.listening import QuietHandler, listening

Document = dict[str, Any]
TOKEN = "a-token-of-the-test"
PAGE_MAX = 2
"""Small, so that clients have to ask for further pages."""

# Where each kind is: its group's path and plural.
_PLACES = {
    "Node": ("/api/v1", "nodes"), "Namespace": ("/api/v1", "namespaces"), "Pod": ("/api/v1", "pods"),
    "Event": ("/api/v1", "events"), "Secret": ("/api/v1", "secrets"), "Deployment": ("/apis/apps/v1", "deployments"),
    "DaemonSet": ("/apis/apps/v1", "daemonsets"), "StorageClass": ("/apis/storage.k8s.io/v1", "storageclasses"),
    "CSIDriver": ("/apis/storage.k8s.io/v1", "csidrivers"),
    "CustomResourceDefinition": ("/apis/apiextensions.k8s.io/v1", "customresourcedefinitions"),
    "RayService": ("/apis/ray.io/v1", "rayservices"), "RayCluster": ("/apis/ray.io/v1", "rayclusters"),
    "RayJob": ("/apis/ray.io/v1", "rayjobs"), "RayCronJob": ("/apis/ray.io/v1", "raycronjobs"),
    "ConfigMap": ("/api/v1", "configmaps"), "Service": ("/api/v1", "services"),
    "ServiceAccount": ("/api/v1", "serviceaccounts"), "PersistentVolume": ("/api/v1", "persistentvolumes"),
    "PersistentVolumeClaim": ("/api/v1", "persistentvolumeclaims"), "StatefulSet": ("/apis/apps/v1", "statefulsets"),
    "Job": ("/apis/batch/v1", "jobs"), "CronJob": ("/apis/batch/v1", "cronjobs"),
    "PriorityClass": ("/apis/scheduling.k8s.io/v1", "priorityclasses"),
    "PodDisruptionBudget": ("/apis/policy/v1", "poddisruptionbudgets"),
    "Role": ("/apis/rbac.authorization.k8s.io/v1", "roles"),
    "RoleBinding": ("/apis/rbac.authorization.k8s.io/v1", "rolebindings"),
    "NetworkPolicy": ("/apis/networking.k8s.io/v1", "networkpolicies"),
    "Ingress": ("/apis/networking.k8s.io/v1", "ingresses"),
    "IngressClass": ("/apis/networking.k8s.io/v1", "ingressclasses"),
    "IngressClassParams": ("/apis/elbv2.k8s.aws/v1beta1", "ingressclassparams"),
    "ExternalSecret": ("/apis/external-secrets.io/v1", "externalsecrets"),
    "SecretStore": ("/apis/external-secrets.io/v1", "secretstores"),
    "PodMonitor": ("/apis/monitoring.coreos.com/v1", "podmonitors"),
    "ServiceMonitor": ("/apis/monitoring.coreos.com/v1", "servicemonitors"),
    "PrometheusRule": ("/apis/monitoring.coreos.com/v1", "prometheusrules"),
}  # fmt: skip
_OF_NO_NAMESPACE = {
    "Node", "Namespace", "StorageClass", "CSIDriver", "CustomResourceDefinition", "PersistentVolume", "PriorityClass",
    "IngressClass", "IngressClassParams",
}  # fmt: skip
APPLY = "application/apply-patch+yaml"


class ApiServer:
    """The objects, what is forbidden, and what was asked."""

    def __init__(self, objects: list[Document]) -> None:
        self._lock = Lock()
        self._objects: dict[str, Document] = {}
        self.kinds = dict(_PLACES)
        self.forbidden: set[str] = set()
        """Plurals that the token may not look at."""
        self.patched: list[tuple[str, Document]] = []
        self.applied: list[str] = []
        """What was applied, as `Kind/name`, dry runs left out."""
        self.deleted: list[str] = []
        self.on_applied: Callable[[Document], None] = lambda _: None
        """A controller: sees each object that was applied, and may change it."""
        self._refusals: dict[str, tuple[tuple[int, Document], bool]] = {}
        self._last: dict[tuple[str, str], Document] = {}
        self.version: Document = {"major": "1", "minor": "34+", "gitVersion": "v1.34.2-eks-113cf36"}
        self.url = ""
        for document in objects:
            self.keep(document)

    def keep(self, document: Document) -> None:
        """One more object."""
        metadata = document["metadata"] | {"resourceVersion": str(1000 + len(self._objects))}
        self._objects[self._path(document)] = document | {"metadata": metadata}

    def stored(self, kind: str, name: str) -> Document:
        """An object as it is now."""
        return next(one for one in self._objects.values() if (one["kind"], one["metadata"]["name"]) == (kind, name))

    def someone_else_changes(self, kind: str, name: str) -> None:
        """Its version goes up, as after somebody else's change."""
        self.stored(kind, name)["metadata"]["resourceVersion"] += "9"

    def there(self) -> set[str]:
        """All objects, as `Kind/name`."""
        return {_told(one) for one in self._objects.values()}

    def refuse(self, kind: str, name: str, code: int, message: str, *, dry_runs: bool = True) -> None:
        """Let nobody write that object; `dry_runs` False: only when it is meant."""
        reason = {403: "Forbidden", 422: "Invalid"}[code]
        self._refusals[f"{kind}/{name}"] = (_status(code, reason, message), dry_runs)

    def allow_all(self) -> None:
        """Refuse nothing any more."""
        self._refusals.clear()

    def answer(
        self, method: str, url: str, token: str | None, body: bytes, content: str | None = None
    ) -> tuple[int, Document]:
        """The status and document for one request."""
        with self._lock:
            if token != f"Bearer {TOKEN}":
                return _status(401, "Unauthorized", "Unauthorized")
            path, query = urlsplit(url).path, parse_qs(urlsplit(url).query)
            if path == "/version":
                return 200, self.version
            if resources := self._resources(path):
                return 200, {"kind": "APIResourceList", "groupVersion": path, "resources": resources}
            served = [(kind, *place) for kind, place in self.kinds.items()]
            kind, namespace, name = _resolved(path, served)
            if not kind:
                return 404, {}
            plural = _PLACES[kind][1]
            if plural in self.forbidden:
                who = 'User "system:serviceaccount:fraudray:viewer"'
                verb = "list" if not name else "get"
                words = f'{plural} is forbidden: {who} cannot {verb} resource "{plural}" at the cluster scope'
                return _status(403, "Forbidden", words)
            if name and content == APPLY:
                return self._apply(path, kind, namespace, name, json.loads(body), query)
            if name:
                return self._one(method, path, plural, name, body)
            chosen = [
                one
                for one in self._objects.values()
                if one["kind"] == kind and namespace in ("", one["metadata"].get("namespace"))
            ]
            return 200, _page(kind, chosen, query)

    def _one(self, method: str, path: str, plural: str, name: str, body: bytes) -> tuple[int, Document]:
        document = self._objects.get(path)
        if document is None:
            return _status(404, "NotFound", f'{plural} "{name}" not found')
        if method == "DELETE":
            return self._delete(path, document)
        if method != "PATCH":
            return 200, document
        changes = json.loads(body)
        wanted = changes.get("metadata", {}).get("resourceVersion")
        if wanted not in (None, document["metadata"]["resourceVersion"]):
            words = f'Operation cannot be fulfilled on {plural} "{name}": the object has been modified'
            return _status(409, "Conflict", words)
        self.patched.append((path, changes))
        changed = merged(document, changes)
        changed["metadata"]["resourceVersion"] = str(int(document["metadata"]["resourceVersion"]) + 1)
        self._objects[path] = changed
        return 200, changed

    def _resources(self, prefix: str) -> list[Document]:
        """The kinds of a group, and a part of objects among them, as the real thing lists them."""
        kinds = [
            {"name": plural, "kind": kind, "namespaced": kind not in _OF_NO_NAMESPACE, "verbs": ["get", "patch"]}
            for kind, (group, plural) in self.kinds.items()
            if group == prefix
        ]
        parts = [one | {"name": f"{one['name']}/status"} for one in kinds if one["kind"] in ("Namespace", "RayService")]
        return [*kinds, *parts]

    def _apply(
        self, path: str, kind: str, namespace: str, name: str, document: Document, query: dict[str, list[str]]
    ) -> tuple[int, Document]:
        dry_run, manager = "dryRun" in query, query["fieldManager"][0]
        refusal, dry_runs = self._refusals.get(f"{kind}/{name}", ((0, {}), False))
        if refusal[0] and (dry_runs or not dry_run):
            return refusal
        if namespace and f"/api/v1/namespaces/{namespace}" not in self._objects:
            return _status(404, "NotFound", f'namespaces "{namespace}" not found')
        live = self._objects.get(path)
        if live and kind == "Job" and live["spec"]["template"] != document["spec"]["template"]:
            words = f'Job.batch "{name}" is invalid: spec.template: Invalid value: {{...}}: field is immutable'
            return _status(422, "Invalid", words)
        last = self._last.get((manager, path), {})
        changed = merged(live or {}, merged(_absent(last, document), document))
        metadata = changed["metadata"]
        before = (live or {}).get("metadata", {})
        same = live is not None and changed.get("spec") == live.get("spec")
        metadata["generation"] = before.get("generation", 0) + (0 if same else 1)
        metadata["resourceVersion"] = str(int(before.get("resourceVersion", 1000)) + 1)
        others = [one for one in before.get("managedFields", []) if one["manager"] != manager]
        metadata["managedFields"] = [*others, {"manager": manager, "operation": "Apply"}]
        if not dry_run:
            self.applied.append(_told(document))
            self._objects[path], self._last[manager, path] = changed, document
            self.on_applied(changed)
        return 200 if live else 201, changed

    def _delete(self, path: str, document: Document) -> tuple[int, Document]:
        self.deleted.append(_told(document))
        if document["metadata"].get("finalizers"):
            document["metadata"]["deletionTimestamp"] = "2026-11-29T12:00:00Z"
            return 200, document
        name = document["metadata"]["name"]
        gone = [path]
        if document["kind"] == "Namespace":
            gone += [where for where, one in self._objects.items() if one["metadata"].get("namespace") == name]
        for where in gone:
            del self._objects[where]
            self._last = {key: value for key, value in self._last.items() if key[1] != where}
        return 200, {"kind": "Status", "apiVersion": "v1", "status": "Success"}

    def _path(self, document: Document) -> str:
        prefix, plural = _PLACES[document["kind"]]
        namespace = document["metadata"].get("namespace")
        where = f"/namespaces/{namespace}" if namespace else ""
        return f"{prefix}{where}/{plural}/{document['metadata']['name']}"


@contextmanager
def running(server: ApiServer) -> Iterator[ApiServer]:
    """Serve it on a free port of loopback."""

    class Handler(QuietHandler):
        def _respond(self) -> None:
            body, headers = self.body(), self.headers
            status, document = server.answer(
                self.command, self.path, headers.get("authorization"), body, headers.get("content-type")
            )
            if document:
                self.respond(status, "application/json", json.dumps(document).encode())
            else:
                self.respond(status, "text/plain", b"404 page not found\n")

        do_GET = do_PATCH = do_DELETE = _respond  # noqa: N815 - the names that http.server looks for

    with listening(Handler) as server.url:
        yield server


def write_kubeconfig(
    path: Path, url: str, *, token: str = TOKEN, namespace: str | None = None, cluster: str = "tests"
) -> Path:
    """A kubeconfig with the context `tests` for that address."""
    context: Document = {"cluster": cluster, "user": "viewer"} | ({"namespace": namespace} if namespace else {})
    content = {
        "apiVersion": "v1", "kind": "Config", "current-context": "tests",
        "clusters": [{"name": cluster, "cluster": {"server": url}}],
        "users": [{"name": "viewer", "user": {"token": token}}],
        "contexts": [{"name": "tests", "context": context}],
    }  # fmt: skip
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def _resolved(path: str, served: list[tuple[str, str, str]]) -> tuple[str, str, str]:
    """Kind, namespace and name that a path asks for; the kind is empty where it is not served."""
    for kind, prefix, plural in served:
        if not path.startswith(prefix + "/"):
            continue
        parts = path.removeprefix(prefix + "/").split("/")
        namespace = ""
        if parts[0] == "namespaces" and len(parts) > 2:
            namespace, parts = parts[1], parts[2:]
        if parts[0] == plural and len(parts) <= 2:
            return kind, namespace, parts[1] if len(parts) == 2 else ""
    return "", "", ""


def _page(kind: str, objects: list[Document], query: dict[str, list[str]]) -> Document:
    begin = int(query.get("continue", ["0"])[0])
    end = begin + min(PAGE_MAX, int(query["limit"][0]) if "limit" in query else PAGE_MAX)
    rest = {"continue": str(end), "remainingItemCount": len(objects) - end} if end < len(objects) else {}
    items = [
        {key: value for key, value in one.items() if key not in ("kind", "apiVersion")} for one in objects[begin:end]
    ]
    return {"kind": f"{kind}List", "apiVersion": "v1", "metadata": {"resourceVersion": "5000"} | rest, "items": items}


def _told(document: Document) -> str:
    return f"{document['kind']}/{document['metadata']['name']}"


def _absent(before: Any, after: Any) -> Document:
    """A merge patch that takes away what `before` has and `after` has not."""
    patch: Document = {}
    for key, value in before.items():
        if key not in after:
            patch[key] = None
        elif isinstance(value, dict) and isinstance(after[key], dict):
            patch[key] = _absent(value, after[key])
    return patch


def _status(code: int, reason: str, message: str) -> tuple[int, Document]:
    return code, {
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message, "reason": reason,
        "code": code,
    }  # fmt: skip


def merged(document: Any, changes: Any) -> Any:
    """RFC 7396."""
    if not isinstance(changes, dict):
        return changes
    made = dict(document) if isinstance(document, dict) else {}
    for key, value in changes.items():
        if value is None:
            made.pop(key, None)
        else:
            made[key] = merged(made.get(key), value)
    return made
