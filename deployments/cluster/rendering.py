"""An overlay as the objects that it stands for, by kustomize."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import yaml

from fraudray.cli.exits import InputError
from fraudray.deployments.cluster.manifests import Document, Manifest

_TIME_S = 120.0
_MESSAGE_MAX = 1200
_LOGGED = re.compile(r'err="(.*)"\s*$', re.DOTALL)


def render(overlay: Path, *, programs: str | None = None) -> list[Manifest]:
    """The objects of an overlay, in kustomize's order.

    `programs` is where `kustomize` or `kubectl` is looked for, as PATH says it; PATH itself where that is None. Base
    and site values lie beside the overlay, not below it, hence no restriction on what is loaded. Raises InputError for
    a folder that is none, where neither program is there, and with kustomize's own words where it fails.
    """
    if not any((overlay / name).is_file() for name in ("kustomization.yaml", "kustomization.yml", "Kustomization")):
        raise InputError(f"{overlay} has no kustomization.yaml: name the folder of an overlay, as kuberay/overlays/…")
    command = [*_kustomize(programs), str(overlay), "--load-restrictor", "LoadRestrictionsNone"]
    try:
        done = subprocess.run(  # noqa: S603 - found by shutil.which, its only argument a folder that exists
            command, capture_output=True, text=True, encoding="utf-8", timeout=_TIME_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise InputError(f"kustomize has not rendered {overlay} within {_TIME_S:.0f} s") from None
    if done.returncode:
        raise InputError(f"kustomize cannot render {overlay}: {_shortened(done.stderr)}")
    return parse(done.stdout, source=str(overlay))


def parse(text: str, *, source: str) -> list[Manifest]:
    """The objects of a stream of YAML documents, those of a List one by one. Raises InputError, naming `source`."""
    try:
        documents = [document for document in yaml.safe_load_all(text) if document is not None]
    except yaml.YAMLError as error:
        raise InputError(f"{source} is not YAML: {' '.join(str(error).split())}") from None
    found: list[Document] = []
    for number, document in enumerate(documents, 1):
        if not isinstance(document, dict) or not document.get("kind"):
            raise InputError(f"{source}: document {number} is no Kubernetes object (it has no kind)")
        found.extend(document.get("items") or [] if document["kind"] == "List" else [document])
    return [Manifest(document) for document in found]


def _kustomize(programs: str | None) -> Sequence[str]:
    if found := shutil.which("kustomize", path=programs):
        return (found, "build")
    if found := shutil.which("kubectl", path=programs):
        return (found, "kustomize")
    raise InputError(
        "rendering needs kubectl (1.27 or newer) or kustomize (5 or newer), and neither is on PATH: "
        "https://kubernetes.io/docs/tasks/tools/"
    )


def _shortened(text: str) -> str:
    if logged := _LOGGED.search(text):  # kubectl's, as a line of its log
        text = logged[1].replace('\\"', '"').replace("\\n", " ")
    text = " ".join(text.split()).removeprefix("error: ").removeprefix("Error: ")
    return text if len(text) <= _MESSAGE_MAX else text[: _MESSAGE_MAX - 1] + "…"
