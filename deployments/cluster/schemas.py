"""Whether objects are of the form that the API server, the operators and eksctl accept.

Kubernetes' own kinds are checked by `kubernetes-validate`; custom ones by their definitions' schemas in `data/schemas`.
Both strictly: the API server drops an unknown field with a warning that nobody reads, here it is a finding. What a
definition says in CEL (`x-kubernetes-validations`) is not evaluated.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from fraudray.deployments.cluster.findings import Finding
from fraudray.deployments.cluster.manifests import Document, Manifest, dotted
from fraudray.deployments.cluster.pods import PodTemplate, pod_templates

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

KUBERNETES_VERSION = "1.34"
"""The oldest that the manifests are for: in standard support on EKS in 2026; what it has, later ones have."""

INVALID = "schema.invalid"
UNKNOWN = "schema.unknown-kind"
Path = tuple[str | int, ...]
_ERRORS_MAX = 20
_FOLDERS = {
    "ray.io": "kuberay",
    "monitoring.coreos.com": "prometheus-operator",
    "external-secrets.io": "external-secrets",
    "elbv2.k8s.aws": "aws-load-balancer-controller",
    "eksctl.io": "eksctl",
}


def check_schema(manifest: Manifest) -> Iterator[Finding]:
    """What of an object its schema does not allow; pods within a custom object by the schema of pods too."""
    if manifest.group in _FOLDERS:
        yield from _check_custom(manifest)
    else:
        yield from _check_core(manifest)
    if manifest.group == "ray.io":
        for pod in pod_templates(manifest):
            yield from _check_pod(pod)


def known_kinds() -> set[tuple[str, str]]:
    """The custom kinds that have a schema here, as (apiVersion, kind)."""
    found = set()
    for folder in _FOLDERS.values():
        for file in _data().joinpath(folder).iterdir():
            group, version, kind = file.name.removesuffix(".json.gz").split("_")
            found.add((f"{group}/{version}", kind))
    return found


@cache
def validator(api_version: str, kind: str) -> Validator | None:
    """The validator of a custom kind, or None where there is no schema of it."""
    from jsonschema import Draft7Validator

    group, _, version = api_version.partition("/")
    file = _data().joinpath(_FOLDERS[group], f"{group}_{version}_{kind}.json.gz")
    if not file.is_file():
        return None
    schema = json.loads(gzip.decompress(file.read_bytes()))
    return Draft7Validator(schema if group == "eksctl.io" else strict(schema))


def strict(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A definition's structural schema as JSON Schema that refuses unknown fields.

    Kubernetes' own additions become what they mean: an integer or text, what may be null, what keeps unknown fields.
    `metadata` of the object itself is left to Kubernetes.
    """
    top = _strict(schema)
    top["properties"] = top["properties"] | {
        "metadata": {"type": "object"},
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
    }
    return top


def _strict(schema: Mapping[str, Any]) -> dict[str, Any]:
    made = {key: value for key, value in schema.items() if not key.startswith("x-kubernetes-") and key != "nullable"}
    if schema.get("x-kubernetes-int-or-string"):
        made.pop("type", None)
        made["anyOf"] = [{"type": "integer"}, {"type": "string"}]
    if schema.get("nullable") and isinstance(made.get("type"), str):
        made["type"] = [made["type"], "null"]
    if "(?i)" in (pattern := str(made.get("pattern", ""))):
        made["pattern"] = "(?i)" + pattern.replace("(?i)", "")  # Go takes a flag anywhere, Python only in front
    if isinstance(items := made.get("items"), Mapping):
        made["items"] = _strict(items)
    if isinstance(values := made.get("additionalProperties"), Mapping):
        made["additionalProperties"] = _strict(values)
    if isinstance(properties := made.get("properties"), Mapping):
        made["properties"] = {name: _strict(value) for name, value in properties.items()}
        if not schema.get("x-kubernetes-preserve-unknown-fields"):
            made.setdefault("additionalProperties", False)
    return made


def _data() -> Any:
    return files("fraudray.deployments.cluster").joinpath("data", "schemas")


def _check_custom(manifest: Manifest) -> Iterator[Finding]:
    found = validator(manifest.api_version, manifest.kind)
    if found is None:
        yield _unknown(manifest)
        return
    errors = sorted(found.iter_errors(manifest.document), key=lambda error: list(map(str, error.absolute_path)))
    for error in errors[:_ERRORS_MAX]:
        yield _invalid(manifest, error.absolute_path, _said(error))


def _check_core(manifest: Manifest) -> Iterator[Finding]:
    yield from _core_findings(manifest, (), manifest.document)


def _check_pod(pod: PodTemplate) -> Iterator[Finding]:
    metadata = pod.document.get("metadata") or {}
    document = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": pod.document.get("spec")}
    yield from _core_findings(pod.manifest, pod.path, document)


def _core_findings(manifest: Manifest, path: Path, document: Document) -> Iterator[Finding]:
    problem = _core_problem(json.dumps(document, sort_keys=True, default=str))
    if problem is not None:
        place, words = problem
        yield _unknown(manifest) if words == UNKNOWN else _invalid(manifest, (*path, *place), words)


@lru_cache(maxsize=1024)
def _core_problem(text: str) -> tuple[Path, str] | None:
    """The first thing that is wrong with an object given as JSON: where, and in words; UNKNOWN without a schema of it.

    Kept, since one look reads a large schema anew, and the pods of a rendering are much alike.
    """
    import kubernetes_validate

    try:
        kubernetes_validate.validate(json.loads(text), KUBERNETES_VERSION, strict=True)
    except kubernetes_validate.SchemaNotFoundError:
        return (), UNKNOWN
    except kubernetes_validate.ValidationError as error:
        return tuple(error.absolute_path), _said(error)
    return None


def _unknown(manifest: Manifest) -> Finding:
    return Finding(
        str(manifest),
        "apiVersion",
        UNKNOWN,
        f"{manifest.api_version} {manifest.kind} has no schema here",
        "Correct apiVersion and kind; a kind that is new here needs its schema in deployments/cluster/data/schemas "
        "(build_schemas.py).",
    )


def _invalid(manifest: Manifest, path: Iterable[str | int], words: str) -> Finding:
    return Finding(
        str(manifest),
        dotted(path),
        INVALID,
        words,
        "Correct the field: `kubectl explain` shows what there is, and of which type.",
    )


def _said(error: Any) -> str:
    """The deepest reason of an error, without the whole document that jsonschema would print."""
    while error.context:
        error = min(error.context, key=lambda inner: -len(inner.absolute_path))
    message = str(error.message)
    return message if len(message) <= 300 else message[:140] + " … " + message[-140:]
