"""The investigator as a deployment, between the gateway and what it asks: the model and the MCP tools.

A replica holds no state beyond the breaker, which all of its investigations share, so there may be any number.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any, Protocol, Self, cast

import httpx2
from pydantic import BaseModel
from ray import serve
from ray.exceptions import RayError
from ray.serve.exceptions import BackPressureError, RayServeException
from ray.serve.handle import DeploymentHandle

from fraudray.adapters.models import open_model
from fraudray.adapters.otlp import open_tracer
from fraudray.agent import answering
from fraudray.agent.agent import Agent
from fraudray.deployments.llm_handle import ENGINE_URL, EngineOf, HandleTransport
from fraudray.domain.errors import SettingsError
from fraudray.domain.investigation import Event, FallbackReason, Finding
from fraudray.ports.clock import SystemClock
from fraudray.ports.investigator import AskBrief, Brief
from fraudray.ports.llm import ModelFailed
from fraudray.settings import load_settings
from fraudray.tools.callers import HandleCaller
from fraudray.tools.toolbox import McpToolbox

log = logging.getLogger(__name__)
ONGOING_MAX = 128
BREAKER_S = 2.0
UNREACHABLE = "unreachable"


@serve.deployment(max_ongoing_requests=ONGOING_MAX)
class Investigating:
    """Answers by handle what `ports.investigator.Investigator` asks."""

    def __init__(self, tools: DeploymentHandle[Any]) -> None:
        """Asks `tools` (the deployment McpTools) and the model that the replica's settings name.

        Raises SettingsError where they name none.
        """
        settings = load_settings()
        client = None
        if settings.llm_app is not None:
            client = httpx2.AsyncClient(transport=HandleTransport(EngineOf(settings.llm_app)))
        model = open_model(settings, url=ENGINE_URL if client is not None else None, http_client=client)
        if model is None:
            raise SettingsError("llm_url or llm_app: an investigator needs a model")
        self._tracer = open_tracer(settings, service="fraudray-agent")
        toolbox = McpToolbox(HandleCaller(tools.call.remote), tools.subject.remote)
        self._agent = Agent(model, toolbox, clock=SystemClock(), tracer=self._tracer)

    async def investigate(self, brief: str) -> AsyncIterator[str]:
        """The events of an investigation as JSON; see `Investigator.investigate`."""
        async for event in self._agent.investigate(Brief.model_validate_json(brief)):
            yield event.model_dump_json()

    async def answer(self, asked: str) -> AsyncIterator[str]:
        """The events of a question being answered as JSON; see `Investigator.answer`."""
        async for event in self._agent.answer(AskBrief.model_validate_json(asked)):
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

    def __del__(self) -> None:
        """Send the last spans when the replica stops."""
        if hasattr(self, "_tracer"):
            self._tracer.close()


class _Texts(Protocol):
    """What `Investigating` answers piece by piece, across the handle."""

    def __aiter__(self) -> Self: ...

    async def __anext__(self) -> str: ...

    def cancel(self) -> None: ...


class HandleInvestigator:
    """`Investigator` on the other side of a deployment handle. Use it from any event loop."""

    def __init__(self, agent: DeploymentHandle[Any]) -> None:
        """`agent` is the handle of `Investigating`."""
        self._agent = agent

    async def investigate(self, brief: Brief) -> AsyncGenerator[Event]:
        """See `Investigator.investigate`."""
        texts = self._agent.options(stream=True).investigate.remote(brief.model_dump_json())
        async with aclosing(
            _told(texts, lambda failed: Finding(failure=failed.reason, detail=failed.detail))
        ) as events:
            async for event in events:
                yield event

    async def answer(self, asked: AskBrief) -> AsyncGenerator[Event]:
        """See `Investigator.answer`."""
        texts = self._agent.options(stream=True).answer.remote(asked.model_dump_json())
        async with aclosing(_told(texts, answering.failed)) as events:
            async for event in events:
                yield event

    async def probe(self) -> None:
        """See `Investigator.probe`."""
        try:
            failed = await self._agent.probe.remote()
        except (RayError, RayServeException) as error:
            detail = f"the investigator's replica failed: {type(error).__name__}"
            raise ModelFailed(FallbackReason.REFUSED_CONNECTION, detail) from error
        if failed is not None:
            raise ModelFailed(FallbackReason(failed[0]), failed[1])

    async def close(self) -> None:
        """Nothing to let go of: the deployment lives on."""

    async def breaker(self) -> str:
        """See `Investigator.breaker`; `unreachable` where no replica says."""
        try:
            async with asyncio.timeout(BREAKER_S):
                state: str = await self._agent.breaker.remote()
        except (RayError, RayServeException, TimeoutError):
            return UNREACHABLE
        return state


async def _told(texts: object, failed: Callable[[ModelFailed], BaseModel]) -> AsyncGenerator[Event]:
    """The events that a replica tells; where it ends before the last one, that says why, as `failed` puts it."""
    events, told = cast(_Texts, texts), 0
    try:
        async for text in events:
            event = Event.model_validate_json(text)
            told = event.seq
            yield event
            if event.kind == "finished":
                return
        failure = ModelFailed(FallbackReason.CUT, "the investigator ended in the middle")
    except BackPressureError:
        failure = ModelFailed(FallbackReason.OVERLOADED, "all investigators are busy")
    except (RayError, RayServeException) as error:
        log.warning("an investigator's replica failed: %s", error)
        failure = ModelFailed(FallbackReason.CUT, f"the investigator's replica failed: {type(error).__name__}")
    finally:
        events.cancel()
    body = failed(failure).model_dump(mode="json", exclude_none=True)
    yield Event(seq=told + 1, at=datetime.now(UTC), kind="finished", body=body)
