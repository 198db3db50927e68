"""A Kubernetes API server, asked for plain documents.

The official client brings connection, credentials and TLS (kubeconfig, or the service account within a cluster); what
it makes typed objects of is left as it is.
"""

from __future__ import annotations

import json
import os
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import quote

from fraudray.cli.exits import InputError
from fraudray.deployments.cluster.manifests import Document, at
from fraudray.domain.errors import FraudrayError

_TIME_S = 20.0
_PAGE = 500
_PAGES_MAX = 40
_NAMESPACE_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
_GROUPS = {
    "rayservices": "/apis/ray.io/v1", "rayclusters": "/apis/ray.io/v1", "rayjobs": "/apis/ray.io/v1",
    "pods": "/api/v1", "events": "/api/v1", "secrets": "/api/v1",
}  # fmt: skip


class ClusterUnreachable(FraudrayError):
    """The API server does not answer, or not as one does."""


class NotThere(FraudrayError):
    """The API server has no such object, or no such kind."""


class NotAllowed(FraudrayError):
    """The API server does not let these credentials do that; says what."""


class ChangedMeanwhile(FraudrayError):
    """Somebody else changed the object since it was read; nothing was overwritten."""


class Unacceptable(FraudrayError):
    """The API server does not take an object as it is: a field of it, or what an admission webhook says."""


class Kube:
    """The API server of one context.

    Every call raises ClusterUnreachable, NotThere, NotAllowed, ChangedMeanwhile or Unacceptable.
    """

    def __init__(self, api: Any, *, namespace: str | None, cluster: str = "this one") -> None:
        """`api` is the official client's ApiClient; `namespace` that of its context, if it has one; `cluster` is what
        the kubeconfig calls the cluster."""
        self._api = api
        self.namespace = namespace
        self.cluster = cluster

    @classmethod
    def connect(cls, context: str | None = None) -> Kube:
        """By KUBECONFIG or ~/.kube/config, else as the service account of the pod that this runs in.

        Raises InputError without the client, without either, and for a context that there is not.
        """
        try:
            official: Any = import_module("kubernetes")  # its functions have no types
        except ModuleNotFoundError as error:
            raise InputError(
                f"asking a cluster needs {error.name}, which is not installed: pip install 'fraudray[cluster]'"
            ) from None
        client, config = official.client, official.config
        configuration = client.Configuration()
        configuration.retries = False  # what is not there is told at once
        inside = "KUBERNETES_SERVICE_HOST" in os.environ and "KUBECONFIG" not in os.environ and context is None
        try:
            if inside:
                config.load_incluster_config(client_configuration=configuration)
                return cls(client.ApiClient(configuration), namespace=_NAMESPACE_FILE.read_text("utf-8").strip())
            file = os.environ.get("KUBECONFIG")  # the client itself looks at it only when it is imported
            config.load_kube_config(config_file=file, context=context, client_configuration=configuration)
            contexts, active = config.list_kube_config_contexts(config_file=file)
        except (config.ConfigException, OSError) as error:
            raise InputError(
                f"no cluster to ask: {error} (KUBECONFIG or ~/.kube/config, as `aws eks update-kubeconfig` writes it)"
            ) from None
        named = next((one for one in contexts if one["name"] == context), active)
        api = client.ApiClient(configuration)
        return cls(api, namespace=at(named, "context", "namespace"), cluster=str(at(named, "context", "cluster")))

    def get(self, path: str) -> Document:
        """One object, or what else stands at a path of the API."""
        return self._ask("GET", path)

    def list(self, path: str) -> list[Document]:
        """All objects of a collection, page by page, 20,000 at most."""
        found: list[Document] = []
        token = ""
        for _ in range(_PAGES_MAX):
            page = self._ask("GET", path, query={"limit": str(_PAGE)} | ({"continue": token} if token else {}))
            found.extend(page.get("items") or [])
            token = str(at(page, "metadata", "continue") or "")
            if not token:
                break
        return found

    def merge(self, path: str, changes: Document) -> Document:
        """Change an object by a merge patch: mappings are merged, lists replaced, None takes away."""
        return self._ask("PATCH", path, body=changes, content="application/merge-patch+json")

    def apply(self, path: str, document: Document, *, manager: str, dry_run: bool = False) -> Document:
        """Server-side apply: the object as it is, or would be, afterwards. Fields that the document has become
        `manager`'s, whoever set them before; those that it had and `manager` set go."""
        query = {"fieldManager": manager, "force": "true"} | ({"dryRun": "All"} if dry_run else {})
        return self._ask("PATCH", path, query=query, body=document, content="application/apply-patch+yaml")

    def delete(self, path: str) -> None:
        """Begin to delete an object: it is gone when what it owns is. Raises NotThere where it is gone already."""
        options = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Foreground"}
        self._ask("DELETE", path, body=options, content="application/json")

    def _ask(
        self, method: str, path: str, *, query: dict[str, str] | None = None, body: Document | None = None,
        content: str | None = None,
    ) -> Document:  # fmt: skip
        import urllib3

        headers = {"Accept": "application/json"}
        if content is not None:
            headers["Content-Type"] = content
        asked = self._api.param_serialize(
            method, path, query_params=list((query or {}).items()), header_params=headers, body=body,
            auth_settings=["BearerToken"],
        )  # fmt: skip
        try:
            response = self._api.call_api(*asked, _request_timeout=_TIME_S)
            text = response.read()
        except (urllib3.exceptions.HTTPError, OSError) as error:
            host = self._api.configuration.host
            raise ClusterUnreachable(f"the API server at {host} does not answer: {_reason(error)}") from None
        return _document(response.status, text, f"{method} {path}")


def collection(plural: str, namespace: str | None) -> str:
    """The path of a collection that is asked for by namespace; of all namespaces for None."""
    where = f"/namespaces/{quote(namespace, safe='')}" if namespace else ""
    return f"{_GROUPS[plural]}{where}/{plural}"


def item(plural: str, namespace: str, name: str) -> str:
    """The path of one object."""
    return f"{collection(plural, namespace)}/{quote(name, safe='')}"


def _document(status: int, text: bytes | str, asked: str) -> Document:
    try:
        document = json.loads(text)
    except ValueError:
        document = None
    if status == 404 and not isinstance(document, dict):
        raise NotThere(f"{asked}: this cluster has no such API")  # a group that nobody defined: plain text
    if not isinstance(document, dict):
        raise ClusterUnreachable(
            f"{asked} was answered with {status} and no JSON object: is this a Kubernetes API server?"
        )
    if status < 300:
        return document
    message = str(document.get("message") or document.get("reason") or status)
    if status == 404:
        raise NotThere(message)
    if status in (401, 403):
        raise NotAllowed(message)
    if status == 409:
        raise ChangedMeanwhile(f"{message} (nothing was changed; try again)")
    if status in (400, 422):
        raise Unacceptable(message)
    raise ClusterUnreachable(f"{asked} was answered with {status}: {message}")


def _reason(error: BaseException) -> str:
    reason = getattr(error, "reason", None) or error
    return " ".join(str(reason).split())[:300]
