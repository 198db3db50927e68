"""Images."""

from __future__ import annotations

import re
from collections.abc import Iterator

from fraudray.deployments.cluster.rendered import Rendering
from fraudray.deployments.cluster.rules.rule import Hit, rule

_DIGEST = re.compile(r".+@sha256:[0-9a-f]{64}")
_TAG = re.compile(r".+:(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})")


@rule(
    "images.unpinned",
    wrong="An image is not named by a version.",
    why="nodes that pull it at different times run different programs, and a rollback rolls nothing back",
    advice="Name a digest (`@sha256:…`) or a version's tag.",
)
def unpinned(rendering: Rendering) -> Iterator[Hit]:
    """No tag, `latest`, or a tag that has no figure in it (`stable`, `main`)."""
    for pod in rendering.pods:
        for container in pod.containers:
            image = container.image
            if image is None:
                if container.role != "autoscaler":  # KubeRay takes the head's
                    yield Hit(pod.manifest, container.where("image"), f"{container.name} names no image")
            elif not _pinned(image):
                yield Hit(pod.manifest, container.where("image"), f"{container.name} runs {image}")


def _pinned(image: str) -> bool:
    if "@" in image:
        return _DIGEST.fullmatch(image) is not None
    tag = _TAG.fullmatch(image.rpartition("/")[2])
    return tag is not None and any(letter.isdigit() for letter in tag["tag"])
