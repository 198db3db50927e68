"""The investigator as a deployment: between the gateway and what it asks, the model and the MCP tools."""

from __future__ import annotations

from collections.abc import AsyncIterator

from ray import serve
from ray.serve.handle import DeploymentHandle

from fraudray.adapters.models import open_model
from fraudray.adapters.otlp import open_tracer
from fraudray.agent.agent import Agent
from fraudray.agent.breaker import Breaker
from fraudray.deployments.llm_handle import llm_client
from fraudray.deployments.mcp_tools import HandleCaller
from fraudray.domain.errors import SettingsError
from fraudray.domain.investigation import Event, FallbackReason
from fraudray.ports.investigator import Brief
from fraudray.ports.llm import ModelFailed
from fraudray.settings import load_settings
from fraudray.tools.toolbox import McpToolbox


@serve.deployment(
    max_ongoing_requests=64,
    graceful_shutdown_timeout_s=5,
    health_check_period_s=10,
    health_check_timeout_s=30,
    logging_config={"log_level": "WARNING", "enable_access_log": False},
    ray_actor_options={"num_cpus": 0},
)
class AgentDeployment:
    """Investigates; holds the breaker, so that all of one replica's investigations share what is known of the model."""

    def __init__(self, tools: DeploymentHandle, llm_app: str | None = None) -> None:
        """`llm_app` is the Serve application whose model is asked; otherwise the address that the settings name."""
        settings = load_settings()
        model = open_model(settings, http_client=llm_client(llm_app) if llm_app else None)
        if model is None:
            raise SettingsError("llm_url: an investigator needs a model")
        self._breaker = Breaker(model.probe)
        self._agent = Agent(model, McpToolbox(HandleCaller(tools)), breaker=self._breaker, tracer=open_tracer(settings))

    async def investigate(self, brief: str) -> AsyncIterator[str]:
        """The events of an investigation as JSON; see `Investigator.investigate`."""
        async for event in self._agent.investigate(Brief.model_validate_json(brief)):
            yield event.model_dump_json()

    async def probe(self) -> tuple[str, str] | None:
        """None when the model answers, else the reason and detail of its failure."""
        try:
            await self._agent.probe()
        except ModelFailed as failed:
            return failed.reason.value, failed.detail
        return None

    async def breaker(self) -> str:
        """See `Investigator.breaker`."""
        return await self._agent.breaker()


class HandleInvestigator:
    """`Investigator` on the other side of a deployment handle."""

    def __init__(self, agent: DeploymentHandle) -> None:
        self._agent = agent

    async def investigate(self, brief: Brief) -> AsyncIterator[Event]:
        """See `Investigator.investigate`."""
        events = self._agent.options(stream=True).investigate.remote(brief.model_dump_json())
        try:
            async for event in events:
                yield Event.model_validate_json(event)
        finally:
            events.cancel()

    async def probe(self) -> None:
        """See `Investigator.probe`."""
        failed = await self._agent.probe.remote()
        if failed is not None:
            raise ModelFailed(FallbackReason(failed[0]), failed[1])

    async def breaker(self) -> str:
        """See `Investigator.breaker`."""
        state: str = await self._agent.breaker.remote()
        return state
