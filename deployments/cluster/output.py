"""Rendered objects as YAML, in one stream or in files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import yaml

from fraudray.cli.exits import InputError
from fraudray.deployments.cluster.manifests import Manifest


def yaml_of(manifests: Sequence[Manifest]) -> str:
    """All objects, as `kubectl apply -f -` takes them."""
    return "---\n".join(_dumped(manifest) for manifest in manifests)


def write_files(manifests: Sequence[Manifest], folder: Path) -> int:
    """Write each object into a file of its own, named in their order; gives back how many. Raises InputError where the
    folder has other files already or cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        names = [_file_name(number, manifest) for number, manifest in enumerate(manifests)]
        foreign = sorted(entry.name for entry in folder.iterdir() if entry.name not in names)
        if foreign:
            raise InputError(f"{folder} is not empty (has {foreign[0]}): name an empty or a new folder")
        for name, manifest in zip(names, manifests, strict=True):
            (folder / name).write_text(_dumped(manifest), encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot write to {folder}: {error.strerror}") from None
    return len(names)


def _dumped(manifest: Manifest) -> str:
    text: str = yaml.dump(manifest.document, Dumper=_Dumper, sort_keys=False, width=120, allow_unicode=True)
    return text


def _file_name(number: int, manifest: Manifest) -> str:
    parts = [f"{number:03d}", manifest.kind.lower(), manifest.namespace, manifest.name]
    return "-".join(part for part in parts if part).replace("/", "_") + ".yaml"


class _Dumper(yaml.SafeDumper):
    """Texts of several lines as blocks, and every value in full: kubectl's parser knows no aliases across objects."""

    def ignore_aliases(self, data: object) -> bool:
        """No anchors."""
        return True


def _text(dumper: yaml.SafeDumper, data: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", data, style="|" if "\n" in data else None)


_Dumper.add_representer(str, _text)
