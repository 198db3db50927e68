"""Investigating from Python: a model, a transaction and the evidence, without a store or a server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any, Self

from fraudray.adapters.models import open_model
from fraudray.adapters.otlp import open_tracer
from fraudray.agent.agent import Agent
from fraudray.domain.decision import Decision
from fraudray.domain.errors import SettingsError
from fraudray.domain.evidence import ToolEvidence
from fraudray.domain.investigation import Event, Finding
from fraudray.domain.transaction import Transaction
from fraudray.investigations.briefs import Decided, brief_of
from fraudray.policy.policy import Policy
from fraudray.ports.clock import Clock, RandomIds, SystemClock
from fraudray.ports.llm import ChatModel
from fraudray.ports.toolbox import Toolbox
from fraudray.ports.tracing import NoTracer, Tracer
from fraudray.settings import load_settings


class Investigator:
    """Asks a model about transactions, within the budget of a policy. It decides nothing and stores nothing.

    An async context manager, or `close()` it.
    """

    def __init__(
        self, model: ChatModel, toolbox: Toolbox | None = None, *, policy: Policy | None = None,
        clock: Clock | None = None, tracer: Tracer | None = None,
    ) -> None:  # fmt: skip
        """`toolbox` is what the model may ask further; `policy` gives the budget, the packaged default otherwise;
        `tracer` is closed with it."""
        self._clock: Clock = clock or SystemClock()
        self._policy, self._ids = policy or Policy.load(), RandomIds()
        self._tracer: Tracer = tracer or NoTracer()
        self._agent = Agent(model, toolbox, clock=self._clock, tracer=self._tracer)

    @classmethod
    def from_settings(cls, **overrides: Any) -> Self:
        """With the model that the settings name (`llm_url`, `llm_model`), traced to `otlp_url` where there is one.

        Raises SettingsError, PolicyError.
        """
        settings = load_settings(**overrides)
        model = open_model(settings)
        if model is None:
            raise SettingsError("llm_url: an investigator needs a model (FRAUDRAY_LLM_URL)")
        return cls(model, policy=Policy.load(settings.policy_file), tracer=open_tracer(settings))

    async def investigate(
        self, tx: Transaction | Mapping[str, Any], evidence: Decision | Mapping[str, ToolEvidence]
    ) -> Finding:
        """A verdict with what it rests on and what it cost, or the reason for which there is none.

        `evidence` is a decision (the model is told its reasons and score too), or tools' findings by tool. Raises
        InvalidTransaction; what the model does wrong is a finding.
        """
        async with aclosing(self.stream(tx, evidence)) as events:
            async for event in events:
                if event.kind == "finished":
                    return Finding.model_validate(event.body)
        raise AssertionError("an investigation ends with its finding")

    async def stream(
        self, tx: Transaction | Mapping[str, Any], evidence: Decision | Mapping[str, ToolEvidence]
    ) -> AsyncGenerator[Event]:
        """`investigate`, event by event."""
        if not isinstance(tx, Transaction):
            tx = Transaction.parse(tx, now=self._clock.now())
        decided = Decided.by(evidence) if isinstance(evidence, Decision) else Decided(dict(evidence))
        left_s = self._policy.document.investigate.later_limit_s
        brief = brief_of(self._policy, self._ids.new("inv"), tx, decided, left_s=left_s, waiting=True)
        async with aclosing(self._agent.investigate(brief)) as events:
            async for event in events:
                yield event

    async def close(self) -> None:
        """Let go of the model's connections, and send the last spans."""
        await self._agent.close()
        await asyncio.to_thread(self._tracer.close)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
