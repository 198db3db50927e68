"""How GPUs talk to each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from fraudray.deployments.cluster.accelerators import models
from fraudray.deployments.cluster.manifests import dotted, strings
from fraudray.deployments.cluster.rendered import Rendering
from fraudray.deployments.cluster.rules.rule import Hit, rule
from fraudray.deployments.cluster.serve_config import PATH

_OFF = ("NCCL_P2P_DISABLE", "NCCL_SHM_DISABLE")


@rule(
    "nccl.disabled",
    wrong="NCCL is told not to use NVLink, shared memory or GPUDirect RDMA.",
    why="tensor parallelism lives on them: without, every layer's results go through the host's memory or TCP",
    advice="Leave NCCL_P2P_DISABLE, NCCL_SHM_DISABLE and NCCL_NET_GDR_LEVEL=0 out, whatever samples set.",
)
def disabled(rendering: Rendering) -> Iterator[Hit]:
    """In containers, in ConfigMaps that become their environment, and in a model's `env`."""
    for pod in rendering.pods:
        for container in pod.containers:
            env = {str(entry.get("name")): str(entry.get("value", "")) for entry in container.env}
            for name in _harmful(env):
                yield Hit(pod.manifest, container.where("env"), f"{container.name} sets {name}={env[name]}")
    for manifest in rendering.of("ConfigMap"):
        data = strings(manifest.at("data"))
        for name in _harmful(data):
            yield Hit(manifest, f"data.{name}", f"sets {name}={data[name]}")
    for cluster in rendering.clusters:
        for model in models(cluster):
            for name in _harmful(model.serving.env):
                detail = f"{model.application.name} sets {name}={model.serving.env[name]}"
                yield Hit(cluster.manifest, dotted(PATH), detail)


def _harmful(env: Mapping[str, str]) -> list[str]:
    off = [name for name in _OFF if env.get(name, "0").strip() not in ("", "0")]
    return [*off, "NCCL_NET_GDR_LEVEL"] if env.get("NCCL_NET_GDR_LEVEL", "").strip() in ("0", "LOC") else off
