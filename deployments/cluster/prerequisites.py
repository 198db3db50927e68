"""What a cluster must have before an overlay is applied."""

from __future__ import annotations

from collections.abc import Iterable

from fraudray.deployments.cluster.kube import Kube
from fraudray.deployments.cluster.lines import Line
from fraudray.deployments.cluster.manifests import Manifest
from fraudray.deployments.cluster.operators import installed
from fraudray.deployments.cluster.provisions import names, nodes, storage
from fraudray.deployments.cluster.rendered import Rendering


def prerequisites(kube: Kube, manifests: Iterable[Manifest]) -> list[Line]:
    """All lines for an overlay; without objects, what every overlay needs. Raises ClusterUnreachable."""
    rendering = Rendering(manifests)
    return [line for part in (installed, storage, nodes, names) for line in part(kube, rendering)]
