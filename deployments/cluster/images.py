"""Images by the names of their lines in the site's values, where an overlay runs them, and what ran before.

What ran before is kept in the cluster, as an annotation on the RayService that decides, and not in a file: the cluster
alone knows what ran, whoever rolls back from whichever checkout finds it, and it goes when what it is about goes. It is
written by a merge patch, so a deployment, which applies as another field manager, leaves it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from fraudray.cli.exits import InputError
from fraudray.deployments.cluster.kinds import Kinds
from fraudray.deployments.cluster.kube import Kube, NotThere, item
from fraudray.deployments.cluster.manifests import Document, Manifest, at
from fraudray.deployments.cluster.rendered import Rendering

KEY = "IMAGE_"
DECIDES = "IMAGE_SERVE"
NOTE = "fraudray/images-before"
_TAG = r":[A-Za-z0-9_][A-Za-z0-9._-]{0,127}"
_DIGEST = r"@sha256:[0-9a-f]{64}"
_IMAGE = re.compile(rf"[a-z0-9][a-z0-9._/-]*(:[0-9]+/[a-z0-9._/-]+)?({_TAG}|{_DIGEST}|{_TAG}{_DIGEST})")


@dataclass(frozen=True, slots=True)
class Change:
    """One upgrade: images by their keys, as they ran before and as they were asked for."""

    before: Mapping[str, str]
    after: Mapping[str, str]

    def is_under_way(self, now: Mapping[str, str]) -> bool:
        """Whether what runs now is of it alone: it was interrupted, is done, or was rolled back."""
        return all(now.get(key) in (self.before.get(key), image) for key, image in self.after.items())

    def document(self) -> Document:
        """As JSON."""
        return {"before": dict(self.before), "after": dict(self.after)}


def asked(given: Sequence[str], known: Iterable[str]) -> dict[str, str]:
    """Images by their keys, from `serve=registry/serve@sha256:…`. Raises InputError: no such name, no such image."""
    names = {key.removeprefix(KEY).lower(): key for key in known if key.startswith(KEY)}
    found: dict[str, str] = {}
    for one in given:
        name, _, image = one.partition("=")
        if name not in names:
            raise InputError(f"--image {one}: it is NAME=IMAGE, and the names are {', '.join(sorted(names))}")
        if not _IMAGE.fullmatch(image):
            raise InputError(f"--image {one}: {image or 'nothing'} names no image by @sha256:… (or a tag)")
        if names[name] in found:
            raise InputError(f"--image {name}: is given twice")
        found[names[name]] = image
    return found


def running(kube: Kube, overlay: Iterable[Manifest], site: Mapping[str, str]) -> dict[str, str]:
    """What runs now, by the same keys: the live objects' images, where the overlay has the site's. Objects that are
    not there are left out."""
    kinds, found = Kinds(kube), dict[str, str]()
    keys = {value: key for key, value in site.items() if key.startswith(KEY)}
    live: dict[str, Document | None] = {}
    # A Job keeps the image that it ran with: what serves is asked first.
    for pod in sorted(Rendering(overlay).pods, key=lambda pod: pod.manifest.kind != "RayService"):
        for container in pod.containers:
            key = keys.get(container.image or "")
            if key is None or key in found:
                continue
            name = str(pod.manifest)
            if name not in live:
                live[name] = _live(kube, kinds, pod.manifest)
            if image := at(live[name], *container.path, "image"):
                found[key] = str(image)
    return found


def decider(overlay: Iterable[Manifest], site: Mapping[str, str]) -> Manifest:
    """The RayService that runs the image of what decides. Raises InputError where there is none."""
    for pod in Rendering(overlay).pods:
        if pod.manifest.kind == "RayService" and any(one.image == site.get(DECIDES) for one in pod.containers):
            return pod.manifest
    raise InputError(f"no RayService of this overlay runs {DECIDES} of the site's values")


def noted(kube: Kube, service: Manifest) -> Change | None:
    """The last upgrade, if there was one. Raises InputError where the note cannot be read."""
    live = _live(kube, Kinds(kube), service)
    note = at(live, "metadata", "annotations", NOTE)
    if note is None:
        return None
    try:
        read = json.loads(note)
        return Change(*({str(key): str(value) for key, value in read[part].items()} for part in ("before", "after")))
    except (ValueError, TypeError, LookupError, AttributeError):
        raise InputError(
            f"{service}: its annotation {NOTE} cannot be read; name the images: upgrade --image …"
        ) from None


def note(kube: Kube, service: Manifest, change: Change) -> None:
    """Keep what ran before. Of a service that is not there nothing ran."""
    path = item("rayservices", service.namespace, service.name)
    try:
        kube.merge(path, {"metadata": {"annotations": {NOTE: json.dumps(change.document())}}})
    except NotThere:
        return


def _live(kube: Kube, kinds: Kinds, manifest: Manifest) -> Document | None:
    try:
        return kube.get(kinds.path(manifest))
    except NotThere:
        return None
