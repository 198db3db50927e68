"""The Serve application: one gateway replica that owns the data folder (DESIGN 7)."""

# Serve looks at the annotation itself to make the model of `args`: no `from __future__ import annotations` here.

from pydantic import BaseModel, ConfigDict, Field, JsonValue
from ray import serve

from fraudray.deployments.gateway import build_asgi_app
from fraudray.settings import load_settings, to_environment


class GatewayArgs(BaseModel):
    """`args` of the gateway in a Serve config file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    settings: dict[str, JsonValue] = Field(
        default_factory=dict,
        description="Settings by name, as in fraudray.toml. Secrets belong in the environment (FRAUDRAY_…), not here.",
    )
    num_cpus: float = Field(0.5, ge=0, le=64, description="What Ray reserves for the gateway.")
    ongoing_max: int = Field(512, ge=1, le=4096, description="Most requests that it works on at once.")


@serve.deployment(
    num_replicas=1,
    max_ongoing_requests=512,
    graceful_shutdown_timeout_s=5,
    logging_config={"log_level": "WARNING", "enable_access_log": False},
    ray_actor_options={"num_cpus": 0.5},
)
@serve.ingress(build_asgi_app)
class Gateway:
    """Runs the ASGI app of `fraudray.deployments.gateway`."""


def build() -> serve.Application:
    """The application that `fraudray serve` runs."""
    application: serve.Application = Gateway.bind()  # type: ignore[attr-defined]  # the decorator makes it a Deployment
    return application


def build_app(args: GatewayArgs) -> serve.Application:
    """The same for a Serve config file (`serve deploy`). Raises SettingsError naming every bad setting."""
    given = to_environment(load_settings(**args.settings))
    named = {name: value for name, value in given.items() if name.removeprefix("FRAUDRAY_").lower() in args.settings}
    gateway = Gateway.options(  # type: ignore[attr-defined]  # the decorator makes it a Deployment
        max_ongoing_requests=args.ongoing_max,
        ray_actor_options={"num_cpus": args.num_cpus, "runtime_env": {"env_vars": named}},
    )
    application: serve.Application = gateway.bind()
    return application
