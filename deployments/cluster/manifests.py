"""Kubernetes objects as a rendering has them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Document = dict[str, Any]


def at(document: Any, *path: str | int) -> Any:
    """What stands at that path of a document; None where there is nothing."""
    for step in path:
        if isinstance(step, int):
            document = document[step] if isinstance(document, list) and step < len(document) else None
        else:
            document = document.get(step) if isinstance(document, Mapping) else None
    return document


def strings(mapping: Any) -> dict[str, str]:
    """A mapping of names to texts (labels, annotations, a node selector); empty for anything else."""
    return {str(key): str(value) for key, value in mapping.items()} if isinstance(mapping, Mapping) else {}


def dotted(path: Iterable[str | int]) -> str:
    """A path as people write it: `spec.ports[0].name`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


@dataclass(frozen=True)
class Manifest:
    """One object. Its document is not to be changed."""

    document: Document

    @property
    def api_version(self) -> str:
        """`apps/v1`."""
        return str(self.document.get("apiVersion", ""))

    @property
    def kind(self) -> str:
        """`Deployment`."""
        return str(self.document.get("kind", ""))

    @property
    def name(self) -> str:
        """Its name within kind and namespace."""
        return str(at(self.document, "metadata", "name") or "")

    @property
    def namespace(self) -> str:
        """Its namespace; empty for what belongs to none, and for what does not say."""
        return str(at(self.document, "metadata", "namespace") or "")

    @property
    def labels(self) -> dict[str, str]:
        """Its own labels."""
        return strings(at(self.document, "metadata", "labels"))

    @property
    def annotations(self) -> dict[str, str]:
        """Its own annotations."""
        return strings(at(self.document, "metadata", "annotations"))

    @property
    def group(self) -> str:
        """The API group: `apps`; empty for the core."""
        return self.api_version.rpartition("/")[0]

    def __str__(self) -> str:
        """How findings name it: `Deployment fraud/page`."""
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"

    def at(self, *path: str | int) -> Any:
        """What stands there, or None."""
        return at(self.document, *path)
