"""What must be installed in a cluster: Kubernetes itself, KubeRay, other operators, the device plugins' daemons."""

from __future__ import annotations

import re
from collections.abc import Iterator

from fraudray.deployments.cluster.kube import Kube
from fraudray.deployments.cluster.lines import Line, looked
from fraudray.deployments.cluster.manifests import at
from fraudray.deployments.cluster.ray_specs import EFA, GPU
from fraudray.deployments.cluster.rendered import Rendering
from fraudray.deployments.cluster.rules.capacity import asked_of_node

KUBERNETES_MIN = (1, 32)
"""Older ones are out of EKS's standard support; sidecar containers are on by default from 1.29."""
KUBERAY_MIN = (1, 7, 0)
_CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_KUBERAY = "helm install kuberay-operator kuberay/kuberay-operator --version 1.7.0"
_PROMETHEUS = "helm install kube-prometheus-stack prometheus-community/kube-prometheus-stack"
_SECRETS = "helm install external-secrets external-secrets/external-secrets"
_BALANCER = "helm install aws-load-balancer-controller eks/aws-load-balancer-controller"


def installed(kube: Kube, rendering: Rendering) -> Iterator[Line]:
    """All of it; what no object of the rendering uses is not needed."""
    yield _kubernetes(kube)
    for plural in ("rayservices", "rayclusters", "rayjobs"):
        yield _definition(kube, f"{plural}.ray.io", "v1", "the objects of the overlays", _KUBERAY)
    yield _operator(kube)
    used = {manifest.kind for manifest in rendering.manifests}
    for name, version, for_what, how, kind in (
        ("externalsecrets.external-secrets.io", "v1", "brings secrets from AWS", _SECRETS, "ExternalSecret"),
        ("ingressclassparams.elbv2.k8s.aws", "v1beta1", "makes load balancers of Ingresses", _BALANCER, "Ingress"),
        ("podmonitors.monitoring.coreos.com", "v1", "figures of pods", _PROMETHEUS, "PodMonitor"),
        ("servicemonitors.monitoring.coreos.com", "v1", "figures of services", _PROMETHEUS, "ServiceMonitor"),
        ("prometheusrules.monitoring.coreos.com", "v1", "alerts", _PROMETHEUS, "PrometheusRule"),
    ):
        yield _definition(kube, name, version, for_what, how, needed=kind in used)
    wants = [asked_of_node(pod) for pod in rendering.pods]
    gpus, efa = any(asked.gpus for asked in wants), any(asked.efa for asked in wants)
    for what, part, resource, chart, needed in (
        ("NVIDIA's device plugin", "nvidia-device-plugin", GPU, "nvdp/nvidia-device-plugin", gpus),
        ("EFA's device plugin", "efa-k8s-device-plugin", EFA, "eks/aws-efa-k8s-device-plugin", efa),
    ):
        yield _daemon(kube, what, part, resource, f"helm install {chart.partition('/')[2]} {chart}", needed=needed)


def _kubernetes(kube: Kube) -> Line:
    def look() -> tuple[bool, str]:
        found = kube.get("/version")
        return (_number(found.get("major")), _number(found.get("minor"))) >= KUBERNETES_MIN, str(
            found.get("gitVersion")
        )

    oldest = ".".join(map(str, KUBERNETES_MIN))
    return looked("Kubernetes", look, for_what=f"{oldest} or newer", how="eksctl upgrade cluster")


def _operator(kube: Kube) -> Line:
    def look() -> tuple[bool, str]:
        images = [
            str(at(container, "image"))
            for deployment in kube.list("/apis/apps/v1/deployments")
            for container in at(deployment, "spec", "template", "spec", "containers") or []
        ]
        found = [image for image in images if "kuberay" in image and "operator" in image]
        return any(_version_of(image) >= KUBERAY_MIN for image in found), ", ".join(found) or "no operator runs"

    for_what = "makes the pods; 1.7 knows `suspend` and token authentication"
    return looked("KubeRay's operator", look, for_what=for_what, how=_KUBERAY)


def _definition(kube: Kube, name: str, version: str, for_what: str, how: str, *, needed: bool = True) -> Line:
    def look() -> tuple[bool, str]:
        found = kube.get(f"{_CRDS}/{name}")
        served = [str(one.get("name")) for one in at(found, "spec", "versions") or [] if one.get("served")]
        return version in served, f"serves {', '.join(served) or 'nothing'}"

    return looked(f"CRD {name}", look, for_what=for_what, how=how, needed=needed)


def _daemon(kube: Kube, what: str, part: str, resource: str, how: str, *, needed: bool) -> Line:
    def look() -> tuple[bool, str]:
        sets = [one for one in kube.list("/apis/apps/v1/daemonsets") if part in str(at(one, "metadata", "name"))]
        if not sets:
            return False, "no such DaemonSet"
        ready = sum(at(one, "status", "numberReady") or 0 for one in sets)
        wanted = sum(at(one, "status", "desiredNumberScheduled") or 0 for one in sets)
        return ready == wanted, f"ready on {ready} of {wanted} node(s)"

    return looked(what, look, for_what=f"makes {resource} a resource of nodes", how=how, needed=needed)


def _number(text: object) -> int:
    digits = re.match(r"\d+", str(text))
    return int(digits[0]) if digits else 0


def _version_of(image: str) -> tuple[int, ...]:
    """Of an image's tag; empty, which is less than any, for one that is no version."""
    found = re.search(r":v?(\d+)\.(\d+)\.(\d+)", image)
    return tuple(int(part) for part in found.groups()) if found else ()
