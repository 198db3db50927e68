"""Objects of a live cluster, as its API answers with them."""

from __future__ import annotations

from tests.kuberay.api_server import Document
from tests.kuberay.good import World

HOSTS = ("ip-10-0-1-17.ec2.internal", "ip-10-0-1-42.ec2.internal")


def node(name: str, labels: dict[str, str], **allocatable: str) -> Document:
    """A node with what pods may have of it."""
    return {
        "apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels},
        "status": {"allocatable": {"cpu": "95690m", "memory": "1086032Mi"} | allocatable},
    }  # fmt: skip


def p4d(name: str) -> Document:
    """A p4d.24xlarge with its device plugins at work."""
    resources = {"nvidia.com/gpu": "8", "vpc.amazonaws.com/efa": "4", "hugepages-2Mi": "10256Mi"}
    return node(name, {"node.kubernetes.io/instance-type": "p4d.24xlarge"}, **resources)


def definition(name: str, *versions: str) -> Document:
    """A custom resource definition that serves these versions."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": name},
        "spec": {"versions": [{"name": version, "served": True} for version in versions]},
    }  # fmt: skip


def workload(kind: str, name: str, image: str, ready: int = 2, wanted: int = 2) -> Document:
    """A Deployment or DaemonSet."""
    return {
        "apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name, "namespace": "kube-system"},
        "spec": {"template": {"spec": {"containers": [{"name": "main", "image": image}]}}},
        "status": {"numberReady": ready, "desiredNumberScheduled": wanted},
    }  # fmt: skip


def named(kind: str, name: str, namespace: str | None = None) -> Document:
    """Something of which only the name matters."""
    return {
        "apiVersion": "v1",
        "kind": kind,
        "metadata": {"name": name} | ({"namespace": namespace} if namespace else {}),
    }


def complete() -> list[Document]:
    """A cluster that has all that the good objects need."""
    definitions = [
        definition("rayservices.ray.io", "v1alpha1", "v1"), definition("rayclusters.ray.io", "v1"),
        definition("rayjobs.ray.io", "v1"), definition("externalsecrets.external-secrets.io", "v1"),
        definition("ingressclassparams.elbv2.k8s.aws", "v1beta1"),
        definition("podmonitors.monitoring.coreos.com", "v1"),
        definition("servicemonitors.monitoring.coreos.com", "v1"),
        definition("prometheusrules.monitoring.coreos.com", "v1"),
    ]  # fmt: skip
    return [
        *definitions,
        workload("Deployment", "kuberay-operator", "quay.io/kuberay/operator:v1.7.0"),
        workload("DaemonSet", "nvidia-device-plugin", "nvcr.io/nvidia/k8s-device-plugin:v0.17.1"),
        workload("DaemonSet", "aws-efa-k8s-device-plugin", "602401143452.dkr.ecr.eu-west-1.amazonaws.com/efa:v0.5.5"),
        *(named("CSIDriver", f"{kind}.csi.aws.com") for kind in ("ebs", "efs", "fsx")),
        p4d(HOSTS[0]), p4d(HOSTS[1]), node("ip-10-0-2-8.ec2.internal", {"nodes": "small"}),
        named("Namespace", "fraud"), named("Secret", "keys", "fraud"),
    ]  # fmt: skip


def ray_service(**status: object) -> Document:
    """The good RayService, with that status."""
    return World().objects["RayService/fraud"] | {"status": status}


def model_service() -> Document:
    """A RayService that serves a model and nothing else."""
    world = World()
    config = world.at("RayService/fraud", "spec", "serveConfigV2")
    world.put("RayService/fraud", "spec", "serveConfigV2", config[: config.index("  - name: fraud\n")])
    return world.objects["RayService/fraud"]


def kuberay(applied: Document) -> None:
    """What KubeRay does to a RayService that was applied, sooner or later."""
    if applied["kind"] == "RayService":
        ready = {"type": "Ready", "status": "True"}
        applied["status"] = {"observedGeneration": applied["metadata"]["generation"], "conditions": [ready]}
