"""A Kubernetes API server as far as `fraudray cluster` asks one: real HTTP, with the answers of the real thing.

It keeps objects, answers lists in pages, single objects and merge patches (refused with 409 where the resourceVersion
is an old one), and tells what is not there (404) or not allowed (403) in Kubernetes' own Status objects. It wants its
token.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import yaml

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
    "RayJob": ("/apis/ray.io/v1", "rayjobs"),
}  # fmt: skip


class ApiServer:
    """The objects, what is forbidden, and what was asked."""

    def __init__(self, objects: list[Document]) -> None:
        self._lock = Lock()
        self._objects: dict[str, Document] = {}
        self.kinds = dict(_PLACES)
        self.forbidden: set[str] = set()
        """Plurals that the token may not look at."""
        self.patched: list[tuple[str, Document]] = []
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

    def answer(self, method: str, url: str, token: str | None, body: bytes) -> tuple[int, Document]:
        """The status and document for one request."""
        with self._lock:
            if token != f"Bearer {TOKEN}":
                return _status(401, "Unauthorized", "Unauthorized")
            path, query = urlsplit(url).path, parse_qs(urlsplit(url).query)
            if path == "/version":
                return 200, self.version
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

    def _path(self, document: Document) -> str:
        prefix, plural = _PLACES[document["kind"]]
        namespace = document["metadata"].get("namespace")
        where = f"/namespaces/{namespace}" if namespace else ""
        return f"{prefix}{where}/{plural}/{document['metadata']['name']}"


@contextmanager
def running(server: ApiServer) -> Iterator[ApiServer]:
    """Serve it on a free port of loopback."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _respond(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            status, document = server.answer(self.command, self.path, self.headers.get("authorization"), body)
            content = json.dumps(document).encode() if document else b"404 page not found\n"
            self.send_response(status)
            self.send_header("content-type", "application/json" if document else "text/plain")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_PATCH = _respond  # noqa: N815 - the names that http.server looks for

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listening.daemon_threads = True
    thread = Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    server.url = f"http://127.0.0.1:{listening.server_port}"
    try:
        yield server
    finally:
        listening.shutdown()
        listening.server_close()
        thread.join()


def write_kubeconfig(path: Path, url: str, *, token: str = TOKEN, namespace: str | None = None) -> Path:
    """A kubeconfig with the context `tests` for that address."""
    context: Document = {"cluster": "tests", "user": "viewer"} | ({"namespace": namespace} if namespace else {})
    content = {
        "apiVersion": "v1", "kind": "Config", "current-context": "tests",
        "clusters": [{"name": "tests", "cluster": {"server": url}}],
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
