"""The Serve application: one gateway replica that owns the data folder (DESIGN 7)."""

from __future__ import annotations

from ray import serve

from fraudray.deployments.gateway import build_asgi_app


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
