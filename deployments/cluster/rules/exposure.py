"""What can be reached from outside the cluster, and by whom."""

from __future__ import annotations

import json
from collections.abc import Iterator

from fraudray.deployments.cluster.load_balancers import listeners, setting
from fraudray.deployments.cluster.manifests import Manifest, at, dotted
from fraudray.deployments.cluster.ray_specs import serve_service
from fraudray.deployments.cluster.references import OIDC, backends
from fraudray.deployments.cluster.rendered import Rendering
from fraudray.deployments.cluster.rules.rule import Hit, rule

_DASHBOARD = {8265, "dashboard"}
_ANNOTATIONS = "metadata.annotations"


@rule(
    "exposure.dashboard",
    wrong="Ray's dashboard can be reached from outside the cluster.",
    why="it takes jobs, that is, code to run (CVE-2023-48022)",
    advice="Take it out of Ingress and load balancer; `kubectl port-forward` opens it for one person.",
)
def dashboard(rendering: Rendering) -> Iterator[Hit]:
    """Port 8265 in an Ingress or a Service that is not of type ClusterIP, and the Ingress that KubeRay can make."""
    for manifest in rendering.of("Ingress"):
        for path, backend in backends(manifest):
            port = at(backend, "service", "port") or {}
            name = str(at(backend, "service", "name"))
            if {port.get("number"), port.get("name")} & _DASHBOARD or name.endswith("-head-svc"):
                yield Hit(manifest, dotted(path), f"leads to {name}")
    for manifest in rendering.of("Service"):
        if manifest.at("spec", "type") in ("LoadBalancer", "NodePort"):
            for index, port in enumerate(manifest.at("spec", "ports") or []):
                if {port.get("port"), port.get("targetPort"), port.get("name")} & _DASHBOARD:
                    yield Hit(manifest, f"spec.ports[{index}]", f"a {manifest.at('spec', 'type')} has port 8265")
    for cluster in rendering.clusters:
        head = cluster.head
        if head.document.get("enableIngress"):
            yield Hit(cluster.manifest, dotted((*head.path, "enableIngress")), "KubeRay makes an Ingress for the head")
        for path in (("serviceType",), ("headService", "spec", "type")):
            kind = at(head.document, *path)
            if kind not in (None, "ClusterIP"):
                yield Hit(cluster.manifest, dotted((*head.path, *path)), f"the head's service is a {kind}")


@rule(
    "exposure.load-balancer",
    wrong="A Service opens a load balancer or a port of the nodes of its own.",
    why="it stands beside the Ingress, without its TLS, authentication and firewall",
    advice="Make it a ClusterIP and lead an Ingress to it.",
)
def load_balancer(rendering: Rendering) -> Iterator[Hit]:
    """Services among the objects, and the one that KubeRay makes for the applications."""
    for manifest in rendering.of("Service"):
        kind = manifest.at("spec", "type")
        if kind in ("LoadBalancer", "NodePort"):
            yield Hit(manifest, "spec.type", f"is a {kind}")
    for manifest in rendering.of("RayService"):
        kind = manifest.at("spec", "serveService", "spec", "type")
        if kind in ("LoadBalancer", "NodePort"):
            yield Hit(manifest, "spec.serveService.spec.type", f"is a {kind}")


@rule(
    "exposure.internet",
    wrong="An Ingress is open to the internet.",
    why="payments and cases are for systems and analysts of one's own network",
    advice="Set alb.ingress.kubernetes.io/scheme: internal (or scheme of the IngressClassParams).",
)
def internet(rendering: Rendering) -> Iterator[Hit]:
    """Said explicitly: the controller's own default can be changed."""
    for manifest in rendering.of("Ingress"):
        scheme = setting(rendering, manifest, "scheme")
        if scheme != "internal":
            yield Hit(manifest, _ANNOTATIONS, f"its scheme is {scheme or 'not set'}")


@rule(
    "exposure.tls",
    wrong="An Ingress listens without TLS.",
    why="keys, personal data and verdicts would cross the network in clear",
    advice="Set listen-ports: '[{\"HTTPS\": 443}]' and certificate-arn (HTTP only together with ssl-redirect).",
)
def tls(rendering: Rendering) -> Iterator[Hit]:
    """Every listener is HTTPS, or redirects to one."""
    for manifest in rendering.of("Ingress"):
        listens = listeners(manifest)
        secure = listens and any(protocol == "HTTPS" for protocol, _ in listens)
        redirects = setting(rendering, manifest, "ssl-redirect") is not None
        if not listens or not secure or not all(protocol == "HTTPS" or redirects for protocol, _ in listens):
            yield Hit(manifest, _ANNOTATIONS, f"it listens on {_told(listens)}")
        elif not setting(rendering, manifest, "certificate-arn") and not manifest.at("spec", "tls"):
            yield Hit(manifest, _ANNOTATIONS, "it names no certificate")


@rule(
    "exposure.login",
    wrong="An Ingress lets anybody to a page.",
    why="the page holds no secret of its own, but whoever reaches it may try keys and learn what there is",
    advice="Set auth-type: oidc, auth-on-unauthenticated-request: authenticate and auth-idp-oidc with a secretName.",
)
def login(rendering: Rendering) -> Iterator[Hit]:
    """But for the Serve service: the gateway wants an API key of every request, which a machine can send."""
    keyed = {(one.namespace, serve_service(one)) for one in rendering.of("RayService", "RayCluster")}
    for manifest in rendering.of("Ingress"):
        leads = {(manifest.namespace, str(at(backend, "service", "name"))) for _, backend in backends(manifest)}
        if leads <= keyed:
            continue
        kind = setting(rendering, manifest, "auth-type")
        lets_in = setting(rendering, manifest, "auth-on-unauthenticated-request") == "allow"
        if kind not in ("oidc", "cognito") or lets_in or (kind == "oidc" and not _identity(manifest)):
            yield Hit(
                manifest, _ANNOTATIONS, f"its auth-type is {kind or 'not set'}" + (", but allow" if lets_in else "")
            )


@rule(
    "exposure.firewall",
    wrong="An Ingress has no web firewall.",
    why="nothing limits rates or keeps known attacks off before they reach the gateway",
    advice="Set alb.ingress.kubernetes.io/wafv2-acl-arn (or wafv2AclArn of the IngressClassParams).",
)
def firewall(rendering: Rendering) -> Iterator[Hit]:
    """A web ACL of WAFv2."""
    for manifest in rendering.of("Ingress"):
        if not setting(rendering, manifest, "wafv2-acl-arn"):
            yield Hit(manifest, _ANNOTATIONS, "it names no web ACL")


def _identity(manifest: Manifest) -> bool:
    try:
        settings = json.loads(manifest.annotations.get(OIDC, "{}"))
    except ValueError:
        return False
    return isinstance(settings, dict) and bool(settings.get("issuer")) and bool(settings.get("secretName"))


def _told(listens: list[tuple[str, int]] | None) -> str:
    if listens is None:
        return "ports that cannot be read"
    return ", ".join(f"{protocol} {port}" for protocol, port in listens) or "no port that it names"
