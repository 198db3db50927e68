"""The measurements, each beside a baseline of the same run, over one endpoint."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from time import perf_counter, process_time
from typing import Any

import httpx2
import openai
from pydantic import BaseModel, ConfigDict, Field

from fraudray.adapters.openai_chat import OpenAIChat
from fraudray.agent.agent import Agent
from fraudray.bootstrap import App
from fraudray.deployments.bench.figures import Document, Run, Window, figures
from fraudray.deployments.bench.payments import LIMIT_S, Case
from fraudray.deployments.bench.tap import Tap
from fraudray.deployments.bench.usual_loop import LoopRun, UsualLoop
from fraudray.domain.investigation import Finding
from fraudray.ports.clock import SystemClock
from fraudray.ports.llm import ModelAbilities
from fraudray.tools.toolbox import toolbox_of

RAMP_S = 2.0
PAUSE_S = 0.05
"""After a failure: an agent whose breaker is open fails at once, and again, and lets nobody else run."""
WARM_UPS = 3
SIMPLE_TOKENS = 64
SIMPLE = "In one sentence: what is impossible travel?"
_NONCE = re.compile(rb"(?<=<data )[0-9a-f]{16}(?=>)|(?<=</data )[0-9a-f]{16}(?=>)")
"""What is new in every investigation's prompt: so is it in a replay, which the engine's cache would else know whole."""
Tell = Callable[[str], None]


class Plan(BaseModel):
    """How much is measured. Crosses process borders as JSON."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    count: int = Field(24, ge=1, le=10_000, description="Investigations one at a time.")
    loops: int = Field(8, ge=1, le=1000, description="Runs of the usual loop.")
    at_once: int = Field(32, ge=1, le=1024)
    windows: int = Field(4, ge=1, le=100, description="Windows of each kind, in turn.")
    window_s: float = Field(8, gt=0, le=600)
    seed: int = 1

    @property
    def cases(self) -> int:
        """Different payments that it needs: each is investigated one at a time once."""
        return WARM_UPS + self.count + self.at_once


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An OpenAI-compatible endpoint and what carries the requests to it."""

    url: str
    transport: httpx2.AsyncBaseTransport
    abilities: ModelAbilities
    api_key: str | None = None


class Measuring:
    """Measures one endpoint with the tools of one library."""

    def __init__(self, endpoint: Endpoint, app: App, tell: Tell) -> None:
        """`app` has decided the payments and is not delivering; `tell` is told what is being done."""
        self._endpoint, self._tell = endpoint, tell
        self._tap = Tap(endpoint.transport)
        self._http = httpx2.AsyncClient(transport=self._tap, timeout=LIMIT_S)
        model = OpenAIChat(endpoint.url, endpoint.abilities, api_key=endpoint.api_key, http_client=self._http)
        self._agent = Agent(model, toolbox_of(app), clock=SystemClock())
        self._without_tools = Agent(model, clock=SystemClock())
        self._plain = openai.AsyncOpenAI(
            base_url=endpoint.url, api_key=endpoint.api_key or "none", max_retries=0, http_client=self._http
        )
        self._loop = UsualLoop(self._plain, endpoint.abilities.name, endpoint.abilities.temperature, app)

    async def run(self, cases: Sequence[Case], plan: Plan) -> Document:
        """All of it, as a document. Raises openai.APIError where the endpoint does not answer the baselines."""
        warm, singles, many = _split(cases, [WARM_UPS, plan.count, plan.at_once])
        self._tell("warming up")
        for case in warm:
            await self._investigate(case)
        await self._loop.run(warm[0])
        runs, loops, questions = await self._one_at_a_time(singles, plan)
        windows = await self._many_at_once(many, plan)
        await self._http.aclose()
        return {"model": self._endpoint.abilities.name} | figures(runs, loops, questions, windows, plan.at_once)

    async def _one_at_a_time(
        self, cases: Sequence[Case], plan: Plan
    ) -> tuple[list[Run], list[LoopRun], list[float]]:  # fmt: skip
        """Investigations, usual loops and simple questions in turn, so that all meet the same machine."""
        runs: list[Run] = []
        loops: list[LoopRun] = []
        questions: list[float] = []
        for number, case in enumerate(cases):
            self._tell(f"one at a time: {number + 1} of {len(cases)}")
            runs.append(await self._investigate(case))
            questions.append(await self._simple_question())
            if len(loops) * len(cases) < plan.loops * (number + 1):
                loops.append(await self._loop.run(case))
        return runs, loops, questions

    async def _investigate(self, case: Case) -> Run:
        before = len(self._tap.exchanges)
        began, verdict_s, verdict_engine_s = perf_counter(), None, 0.0
        finding = Finding()
        async for event in self._agent.investigate(case.brief):
            if event.kind == "verdict" and verdict_s is None:
                verdict_s = perf_counter() - began
                verdict_engine_s = self._engine_s(before)
            if event.kind == "finished":
                finding = Finding.model_validate(event.body)
        total_s = perf_counter() - began
        return Run(finding, verdict_s, verdict_engine_s, total_s, self._engine_s(before))

    def _engine_s(self, since: int) -> float:
        return sum(exchange.engine_s for exchange in self._tap.exchanges[since:])

    async def _simple_question(self) -> float:
        began = perf_counter()
        asked: Any = [{"role": "user", "content": SIMPLE}]
        await self._plain.chat.completions.create(
            model=self._endpoint.abilities.name, messages=asked, max_tokens=SIMPLE_TOKENS
        )
        return perf_counter() - began

    async def _many_at_once(self, cases: list[Case], plan: Plan) -> dict[str, list[Window]]:
        """Tokens a second: by investigations without tools, whose work is not the agent's, and by the same requests
        sent again with nobody reading the answers."""
        windows: dict[str, list[Window]] = {"agent": [], "bare": []}
        first = len(self._tap.exchanges)
        for number in range(plan.windows):
            for kind, measured in windows.items():
                self._tell(f"{plan.at_once} at once, {kind}: {number + 1} of {plan.windows}")
                bodies = [exchange.body for exchange in self._tap.exchanges[first:]][: 4 * plan.at_once]
                works = [
                    self._investigating(cases[index:] + cases[:index])
                    if kind == "agent"
                    else self._replaying(bodies[index:] + bodies[:index])
                    for index in range(plan.at_once)
                ]
                measured.append(await self._window(works, plan.window_s))
        return windows

    async def _window(self, works: Sequence[Awaitable[None]], seconds: float) -> Window:
        """What comes within `seconds`, once all are under way."""
        tasks = [asyncio.ensure_future(work) for work in works]
        await asyncio.sleep(RAMP_S)
        tokens, began, cpu_began = self._tap.tokens, perf_counter(), process_time()
        await asyncio.sleep(seconds)
        came, took, cpu_s = self._tap.tokens - tokens, perf_counter() - began, process_time() - cpu_began
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        for error in ended:
            if isinstance(error, Exception):
                raise error
        return Window(came / took, cpu_s / max(1, came) * 1e6)

    async def _investigating(self, cases: Sequence[Case]) -> None:
        while True:
            for case in cases:
                async for event in self._without_tools.investigate(case.brief):
                    if event.kind == "finished" and "failure" in event.body:
                        await asyncio.sleep(PAUSE_S)

    async def _replaying(self, bodies: Sequence[bytes]) -> None:
        headers = {"content-type": "application/json", "authorization": f"Bearer {self._endpoint.api_key or 'none'}"}
        while bodies:
            for body in bodies:
                fresh = _NONCE.sub(secrets.token_hex(8).encode(), body)
                request = self._http.stream(
                    "POST", self._endpoint.url.rstrip("/") + "/chat/completions", content=fresh, headers=headers
                )
                async with request as answer:
                    async for _ in answer.aiter_raw():
                        pass


def _split(cases: Sequence[Case], sizes: Sequence[int]) -> list[list[Case]]:
    parts, start = [], 0
    for size in sizes:
        parts.append(list(cases[start : start + size]))
        start += size
    return parts
