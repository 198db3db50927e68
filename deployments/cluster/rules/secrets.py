"""Secrets are in AWS Secrets Manager, and here by reference only."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml

from fraudray.deployments.cluster.manifests import dotted
from fraudray.deployments.cluster.rendered import Rendering
from fraudray.deployments.cluster.rules.rule import Hit, rule
from fraudray.deployments.cluster.serve_config import PATH

_SECRET = re.compile(
    r"(^|[_.-])(password|passwd|pass|secret|token|api_?key|private_?key|credentials?|database_?url)$", re.IGNORECASE
)
_ADVICE = "Keep it in Secrets Manager, bring it by an ExternalSecret, and refer to it (secretKeyRef, secretRef)."
_WHY = "who reads the repository or the object would have it"


@rule(
    "secrets.literal",
    wrong="A secret's value stands in the environment of a container, in a ConfigMap or in a Serve config.",
    why=_WHY,
    advice=_ADVICE,
)
def literal(rendering: Rendering) -> Iterator[Hit]:
    """Told by the name: …PASSWORD, …SECRET, …TOKEN, …API_KEY, …DATABASE_URL and their like."""
    for pod in rendering.pods:
        for container in pod.containers:
            for index, entry in enumerate(container.env):
                if looks_secret(str(entry.get("name", ""))) and entry.get("value"):
                    where = container.where("env", index)
                    yield Hit(pod.manifest, where, f"{container.name} has the value of {entry['name']}")
    for manifest in rendering.of("ConfigMap"):
        for name, value in (manifest.at("data") or {}).items():
            if value and looks_secret(str(name)):
                yield Hit(manifest, dotted(("data", str(name))), f"has the value of {name}")
    for manifest in rendering.of("RayService"):
        for where in _named_secrets(_parsed(manifest.at(*PATH))):
            yield Hit(manifest, f"{dotted(PATH)}: {where}", f"has the value of {where.rpartition('.')[2]}")


@rule("secrets.object", wrong="A Secret with its data is among the objects.", why=_WHY, advice=_ADVICE)
def objects(rendering: Rendering) -> Iterator[Hit]:
    """A Secret without data, which a controller fills, is none."""
    for manifest in rendering.of("Secret"):
        for part in ("data", "stringData"):
            if manifest.at(part):
                yield Hit(manifest, part, f"holds {', '.join(sorted(manifest.at(part)))}")


def looks_secret(name: str) -> bool:
    """Whether a variable or field of that name holds a secret."""
    return _SECRET.search(name) is not None


def _parsed(text: Any) -> Any:
    try:
        return yaml.safe_load(text or "")
    except yaml.YAMLError:
        return None  # `serve.config` says so


def _named_secrets(document: Any, path: tuple[str | int, ...] = ()) -> Iterator[str]:
    if isinstance(document, dict):
        for name, value in document.items():
            if isinstance(value, str) and value and looks_secret(str(name)):
                yield dotted((*path, str(name)))
            yield from _named_secrets(value, (*path, str(name)))
    elif isinstance(document, list):
        for index, value in enumerate(document):
            yield from _named_secrets(value, (*path, index))
