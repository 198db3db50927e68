"""The gateway beside the read tools' deployment, and a route that asks it as an investigation would."""

from ray import serve
from ray.serve.handle import DeploymentHandle
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from fraudray.deployments import gateway
from fraudray.deployments.mcp_tools import McpTools
from fraudray.deployments.server_process import APP_NAME
from fraudray.domain.research import Subject
from fraudray.tools.callers import HandleCaller
from fraudray.tools.toolbox import McpToolbox


async def _ask(request: Request) -> JSONResponse:
    handle: DeploymentHandle = serve.get_deployment_handle("McpTools", APP_NAME)

    async def subject(transaction_id: str) -> Subject:
        return Subject.model_validate(dict(request.query_params) | {"transaction_id": transaction_id})

    toolbox = McpToolbox(HandleCaller(handle.call.remote), subject)
    answer = await toolbox.call(request.path_params["name"], {}, transaction_id="T", limit_s=30, traceparent=None)
    return JSONResponse({"items": dict(answer.items), "error": answer.error, "free_text": answer.free_text})


async def _call(request: Request) -> JSONResponse:
    handle: DeploymentHandle = serve.get_deployment_handle("McpTools", APP_NAME)
    body = await request.json()
    reply = await handle.call.remote(body["server"], body["tool"], body["arguments"], None, 30)
    return JSONResponse({"error": reply.error})


def build_asgi_app() -> Starlette:
    """The real gateway, which owns the store, with the two routes."""
    app = gateway.build_asgi_app()
    app.router.routes[:0] = [Route("/ask/{name}", _ask), Route("/call", _call, methods=["POST"])]
    return app


@serve.deployment(max_ongoing_requests=256, ray_actor_options={"num_cpus": 0.5})
@serve.ingress(build_asgi_app)
class Gateway:
    """The ingress. It needs the tools, so that Serve deploys them too."""

    def __init__(self, tools: DeploymentHandle) -> None:
        self.tools = tools


def build() -> serve.Application:
    """Both deployments."""
    tools = McpTools.options(ray_actor_options={"num_cpus": 0.25}).bind()  # type: ignore[attr-defined]
    application: serve.Application = Gateway.bind(tools)  # type: ignore[attr-defined]
    return application
