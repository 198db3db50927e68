"""A small set of objects with nothing wrong, and ways to break one thing in it."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from fraudray.deployments.cluster.check import check_manifests
from fraudray.deployments.cluster.findings import Finding
from fraudray.deployments.cluster.manifests import Manifest
from fraudray.deployments.cluster.rendering import parse

Document = dict[str, Any]
GOOD = Path(__file__).parent / "fixtures" / "good.yaml"


@cache
def _good() -> tuple[Document, ...]:
    return tuple(manifest.document for manifest in parse(GOOD.read_text(encoding="utf-8"), source="good.yaml"))


@dataclass
class World:
    """Objects by `Kind/name`, free to change."""

    # Each on its own: what YAML's anchors share must not change together.
    objects: dict[str, Document] = field(
        default_factory=lambda: {f"{one['kind']}/{one['metadata']['name']}": unshared(one) for one in _good()}
    )

    def at(self, name: str, *path: str | int) -> Any:
        """A part of an object."""
        part: Any = self.objects[name]
        for step in path:
            part = part[step]
        return part

    def put(self, name: str, *path_and_value: Any) -> None:
        """Set a part of an object to the last argument."""
        *path, last, value = path_and_value
        self.at(name, *path)[last] = value

    def drop(self, name: str, *path: str | int) -> None:
        """Take a part of an object, or all of it, away."""
        if not path:
            del self.objects[name]
        else:
            del self.at(name, *path[:-1])[path[-1]]

    def edit(self, name: str, *path: str | int, old: str, new: str) -> None:
        """Replace words in a text of an object."""
        text = self.at(name, *path)
        assert old in text
        self.put(name, *path, text.replace(old, new))

    def add(self, document: Document) -> None:
        """One more object."""
        self.objects[f"{document['kind']}/{document['metadata']['name']}"] = document

    def findings(self) -> list[Finding]:
        """What is wrong with them."""
        return check_manifests(Manifest(document) for document in self.objects.values())


def unshared(document: Any) -> Any:
    """A copy in which no part is the same object as another."""
    if isinstance(document, dict):
        return {key: unshared(value) for key, value in document.items()}
    if isinstance(document, list):
        return [unshared(value) for value in document]
    return deepcopy(document)
