"""The Serve application: one gateway replica that owns the data folder (DESIGN 7) and, where a model is set, what an
investigation asks.

    gateway ──▶ agent ──▶ model (the application `llm`, or an address)
                  └─────▶ MCP tools
"""

from __future__ import annotations

from typing import Any

from ray import serve
from ray.serve.handle import DeploymentHandle
from starlette.applications import Starlette

from fraudray.deployments.gateway import build_asgi_app
from fraudray.settings import Settings, load_settings


@serve.deployment(
    num_replicas=1,
    max_ongoing_requests=512,
    graceful_shutdown_timeout_s=5,
    logging_config={"log_level": "WARNING", "enable_access_log": False},
    ray_actor_options={"num_cpus": 0.5},
)
@serve.ingress()
class Gateway:
    """Runs the ASGI app of `fraudray.deployments.gateway`."""

    def __init__(self, agent: DeploymentHandle | None = None) -> None:
        self._agent = agent

    def __serve_build_asgi_app__(self) -> Starlette:
        if self._agent is None:
            return build_asgi_app()
        from fraudray.deployments.agent import HandleInvestigator

        return build_asgi_app(HandleInvestigator(self._agent))


def build(settings: Settings) -> serve.Application:
    """Everything that decides, and investigates where `settings` name a model."""
    if not settings.investigates:
        return _bind(Gateway)
    from fraudray.deployments.agent import AgentDeployment
    from fraudray.deployments.mcp_tools import McpTools

    return _bind(Gateway, _bind(AgentDeployment, _bind(McpTools), settings.llm_app))


def build_from_environment() -> serve.Application:
    """The application that `fraudray serve` runs."""
    return build(load_settings())


def _bind(deployment: Any, *arguments: Any) -> serve.Application:
    application: serve.Application = deployment.bind(*arguments)  # the decorator makes it a Deployment
    return application
