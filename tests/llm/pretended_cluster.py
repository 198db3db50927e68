"""Builds each config file's model on pretended nodes and places its GPUs; prints what came of it as one line of JSON.

In a process of its own: Ray reads its token when it is imported, and one process has one cluster.
"""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import ray
from ray import serve
from ray._common.utils import import_attr
from ray.cluster_utils import Cluster
from ray.serve._private.api import call_user_app_builder_with_args_if_necessary
from ray.serve.config import RequestRouterConfig
from ray.serve.llm.request_router import PrefixCacheAffinityRouter
from ray.util.placement_group import placement_group, placement_group_table, remove_placement_group

from fraudray.deployments.engine_call import EngineCall
from fraudray.deployments.placement import PlacementError
from tests.unit.test_serve_configs import LLM, arguments

READY_S = 120
PROMPTS = 12
TWO_NODES = "deepseek-r1-32b-p4d.yaml"
OTHERS = ("deepseek-r1-32b-p4d-single.yaml", "g6-12xlarge.yaml", "laptop-llm.yaml")


def main() -> None:
    """A head without GPUs, a node with eight A100 and one with four L4; then a second of the first kind."""
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 4, "include_dashboard": False})
    cluster.add_node(num_cpus=16, num_gpus=8, resources={"accelerator_type:A100": 1})
    cluster.add_node(num_cpus=8, num_gpus=4, resources={"accelerator_type:L4": 1})
    ray.init(address=cluster.address, log_to_driver=False)
    results: dict[str, Any] = {name: tried(name) for name in OTHERS}
    try:
        tried(TWO_NODES)
    except PlacementError as error:
        results["with one node"] = str(error)
    cluster.add_node(num_cpus=16, num_gpus=8, resources={"accelerator_type:A100": 1})
    cluster.wait_for_nodes()
    results[TWO_NODES] = tried(TWO_NODES)
    results["replicas by prompt"] = routed()
    serve.shutdown()  # type: ignore[no-untyped-call]
    ray.shutdown()
    cluster.shutdown()
    print(json.dumps(results))


def tried(name: str) -> dict[str, Any]:
    """The engine's deployment as Serve gets it from the file, and where its GPUs come to lie."""
    args = arguments(name, LLM) | {"nodes_wait_s": 0}
    application = call_user_app_builder_with_args_if_necessary(import_attr(LLM), args)
    (engine, _host) = application._bound_deployment.init_args
    deployment = engine._bound_deployment
    config = deployment._deployment_config
    return {
        "gpus by node": placed(deployment._replica_config),
        "router": config.request_router_config.get_request_router_class().__name__,
        "scaling": {
            "max_replicas": config.autoscaling_config.max_replicas,
            "target_ongoing_requests": config.autoscaling_config.target_ongoing_requests,
        },
        "health_check_timeout_s": config.health_check_timeout_s,
        "max_queued_requests": config.max_queued_requests,
    }


class Engine:
    """Stands for an engine's replica where only the choice of it matters."""

    def __init__(self) -> None:
        self._name = uuid.uuid4().hex

    async def http(self, call: EngineCall) -> AsyncIterator[str]:
        """Which replica was asked."""
        yield self._name


def routed() -> list[int]:
    """How many of two replicas each of two prompts came to, with the router that the files ask for."""
    serve.start(proxy_location="Disabled")
    router = RequestRouterConfig(request_router_class=PrefixCacheAffinityRouter)  # type: ignore[arg-type]
    deployment = serve.deployment(Engine, num_replicas=2, request_router_config=router)
    handle = serve.run(deployment.bind(), name="routed", route_prefix=None).options(stream=True)
    asked: dict[str, set[str]] = {}
    for _ in range(PROMPTS):
        for prompt in ("The evidence of one transaction. " * 20, "What was seen of another. " * 20):
            body = json.dumps({"messages": [{"role": "user", "content": prompt}]}).encode()
            call = EngineCall.make("POST", "/v1/chat/completions", {}, body)
            asked.setdefault(prompt, set()).update(handle.http.remote(call))
    return [len(replicas) for replicas in asked.values()]


def placed(replica: Any) -> list[int]:
    """How many GPU bundles each node gets when a replica's group of them is really placed."""
    bundles = replica.placement_group_bundles
    group = placement_group(bundles, strategy=replica.placement_group_strategy)
    try:
        if not ray.get(group.ready(), timeout=READY_S):
            raise TimeoutError(f"not placed within {READY_S} s")
        nodes = placement_group_table(group)["bundles_to_node_id"]
        return sorted(Counter(nodes[index] for index, bundle in enumerate(bundles) if bundle.get("GPU")).values())
    finally:
        remove_placement_group(group)


if __name__ == "__main__":
    main()
