"""The Serve application: what decides and, where a model is set, what an investigation asks (DESIGN 1, 7, 15).

gateway ──▶ investigating ──▶ model (the application `llm` by its handle, or an address)
                  └─────────▶ MCP tools, on the gateway's store, which they only read
"""

# Serve looks at the annotation itself to make the model of `args`: no `from __future__ import annotations` here.

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue
from ray import serve
from ray.serve.config import AutoscalingConfig
from ray.serve.handle import DeploymentHandle
from starlette.types import ASGIApp

from fraudray.deployments.gateway import build_asgi_app
from fraudray.domain.errors import SettingsError
from fraudray.settings import Settings, load_settings, to_environment

DRAIN_S = 5.0
"""What a stopping replica may take to finish its requests."""


class Scaling(BaseModel):
    """Between how many replicas a deployment is, one more for every `ongoing_target` requests under way."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    replicas_min: int = Field(1, ge=1, le=64)
    replicas_max: int = Field(4, ge=1, le=64)
    ongoing_target: float = Field(8, gt=0, le=1024)
    num_cpus: float = Field(0.25, ge=0, le=64, description="What Ray reserves for one replica.")

    def options(self, env: dict[str, str]) -> dict[str, Any]:
        """As each of our deployments takes it; the replicas' environment has `env` too."""
        bounds = AutoscalingConfig(
            min_replicas=self.replicas_min, max_replicas=self.replicas_max, target_ongoing_requests=self.ongoing_target
        )
        actor = {"num_cpus": self.num_cpus, "runtime_env": {"env_vars": env}}
        return {
            "autoscaling_config": bounds, "ray_actor_options": actor, "graceful_shutdown_timeout_s": DRAIN_S,
            "logging_config": {"log_level": "WARNING", "enable_access_log": False},
        }  # fmt: skip


class GatewayArgs(BaseModel):
    """`args` of the application in a Serve config file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    settings: dict[str, JsonValue] = Field(
        default_factory=dict,
        description="Settings by name, as in fraudray.toml. Secrets belong in the environment (FRAUDRAY_…), not here.",
    )
    num_cpus: float = Field(0.5, ge=0, le=64, description="What Ray reserves for the gateway.")
    ongoing_max: int = Field(512, ge=1, le=4096, description="Most requests that the gateway works on at once.")
    investigating: Scaling = Field(Scaling(ongoing_target=32), description="The investigator, where a model is set.")
    tools: Scaling = Field(Scaling(), description="The MCP tools that it asks.")


@serve.deployment
@serve.ingress()
class Gateway:
    """Runs the ASGI app of `fraudray.deployments.gateway`."""

    def __init__(self, agent: DeploymentHandle[Any] | None = None) -> None:
        """`agent` is the handle of `Investigating`; without one, the policy decides alone."""
        self._agent = agent

    def __serve_build_asgi_app__(self) -> ASGIApp:
        """What Serve asks an ingress for, in the replica. Raises as `build_asgi_app` does."""
        if self._agent is None:
            return build_asgi_app()
        from fraudray.deployments.agent import HandleInvestigator

        return build_asgi_app(HandleInvestigator(self._agent))


def build(settings: Settings, args: GatewayArgs | None = None) -> serve.Application:
    """Everything that decides, and investigates where `settings` name a model.

    The replicas read their settings from the environment; what `args` name of them is put there. Raises SettingsError
    for an investigator on a database in memory, which no other process can read.
    """
    args = args or GatewayArgs()
    named = {f"FRAUDRAY_{name.upper()}" for name in args.settings}
    env = {name: value for name, value in to_environment(settings).items() if name in named}
    # One replica, no more: it alone owns the data folder and knows the state of every customer as it decides.
    one = Scaling(replicas_max=1, ongoing_target=args.ongoing_max / 2, num_cpus=args.num_cpus)
    gateway = _with(Gateway, max_ongoing_requests=args.ongoing_max, **one.options(env))
    if not settings.investigates:
        return _bind(gateway)
    if settings.llm_url is not None and settings.llm_app is not None:
        raise SettingsError("llm_url, llm_app: name one of them, an endpoint or an application of this cluster")
    from fraudray.adapters.sql.beside import refuse_in_memory
    from fraudray.deployments.agent import Investigating
    from fraudray.deployments.mcp_tools import McpTools

    refuse_in_memory(settings.database_url)
    tools = _bind(_with(McpTools, **args.tools.options(env)))
    return _bind(gateway, _bind(_with(Investigating, **args.investigating.options(env)), tools))


def build_from_environment() -> serve.Application:
    """The application that `fraudray serve` runs."""
    return build(load_settings())


def build_app(args: GatewayArgs) -> serve.Application:
    """The same for a Serve config file (`serve deploy`). Raises SettingsError naming every bad setting."""
    return build(load_settings(**args.settings), args)


def _with(deployment: Any, **options: Any) -> Any:
    return deployment.options(**options)  # the decorator makes it a Deployment


def _bind(deployment: Any, *arguments: Any) -> serve.Application:
    application: serve.Application = deployment.bind(*arguments)
    return application
