"""A small Serve application for the life-cycle tests. Its folder is put on PYTHONPATH, so that a replica finds it."""

from ray import serve
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route


async def _ready(_request: Request) -> JSONResponse:
    return JSONResponse({"status": "ready"})


def build_asgi_app() -> Starlette:
    """The ASGI application, built in the replica."""
    return Starlette(routes=[Route("/readyz", _ready), Route("/health", _ready)])


@serve.deployment(max_ongoing_requests=256, ray_actor_options={"num_cpus": 0.5})
@serve.ingress(build_asgi_app)
class Gateway:
    """The deployment; the application answers for it."""


def build() -> serve.Application:
    """What `LaunchSettings.app` names."""
    application: serve.Application = Gateway.bind()  # type: ignore[attr-defined]  # the decorators add it
    return application


@serve.deployment(ray_actor_options={"num_cpus": 0.5})
@serve.ingress(build_asgi_app)
class Broken:
    """A deployment that cannot start."""

    def __init__(self) -> None:
        raise RuntimeError("the policy file is missing")


def build_broken() -> serve.Application:
    """An application whose replica fails."""
    application: serve.Application = Broken.bind()  # type: ignore[attr-defined]
    return application
