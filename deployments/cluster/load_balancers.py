"""What an Ingress asks of AWS's load balancer: by its annotations, else by the parameters of its class."""

from __future__ import annotations

import json
from typing import Any

from fraudray.deployments.cluster.manifests import Manifest
from fraudray.deployments.cluster.rendered import Rendering

_PREFIX = "alb.ingress.kubernetes.io/"
# Parameters of a class and the annotations that they stand for; the class has the last word.
_PARAMETERS = {
    "scheme": "scheme", "certificate-arn": "certificateArn", "wafv2-acl-arn": "wafv2AclArn", "ssl-policy": "sslPolicy",
}  # fmt: skip


def setting(rendering: Rendering, ingress: Manifest, name: str) -> Any:
    """A setting of an Ingress's load balancer under its annotation's name without prefix; None where nobody says it."""
    if name in _PARAMETERS and (parameters := _class_parameters(rendering, ingress)) is not None:
        value = parameters.at("spec", _PARAMETERS[name])
        if value:
            return value
    return ingress.annotations.get(_PREFIX + name)


def listeners(ingress: Manifest) -> list[tuple[str, int]] | None:
    """Protocols and ports that it listens on, as its annotation says; None where that is no list of them."""
    try:
        entries = json.loads(ingress.annotations.get(_PREFIX + "listen-ports", "[]"))
        return [(str(protocol), int(port)) for entry in entries for protocol, port in entry.items()]
    except (ValueError, AttributeError, TypeError):
        return None


def _class_parameters(rendering: Rendering, ingress: Manifest) -> Manifest | None:
    for kind in rendering.of("IngressClass"):
        if kind.name == ingress.at("spec", "ingressClassName"):
            for parameters in rendering.of("IngressClassParams"):
                if parameters.name == kind.at("spec", "parameters", "name"):
                    return parameters
    return None
