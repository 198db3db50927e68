"""The measurements, each beside a baseline of the same run, over one endpoint."""

from __future__ import annotations

import asyncio
import re
import secrets
import statistics
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
from fraudray.deployments.bench.payments import LIMIT_S, Case
from fraudray.deployments.bench.tap import Tap
from fraudray.deployments.bench.usual_loop import LoopRun, UsualLoop
from fraudray.domain.investigation import Finding, Usage
from fraudray.ports.clock import SystemClock
from fraudray.ports.llm import ModelAbilities
from fraudray.tools.toolbox import toolbox_of

RAMP_S = 2.0
WARM_UPS = 3
SIMPLE_TOKENS = 64
SIMPLE = "In one sentence: what is impossible travel?"
OVERHEAD_AIM_MS, THROUGHPUT_AIM_PERCENT, CACHE_AIM_PERCENT, FASTER_AIM = 15.0, 10.0, 80.0, 3.0
_NONCE = re.compile(rb"(?<=<data )[0-9a-f]{16}(?=>)|(?<=</data )[0-9a-f]{16}(?=>)")
"""What is new in every investigation's prompt: so is it in a replay, which the engine's cache would else know whole."""
Document = dict[str, Any]
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


@dataclass(frozen=True, slots=True)
class Run:
    """One investigation; seconds since its beginning."""

    finding: Finding
    verdict_s: float | None
    verdict_engine_s: float
    """Of these, waited for the engine."""
    total_s: float
    total_engine_s: float


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
        throughput = await self._many_at_once(many, plan)
        await self._http.aclose()
        return {
            "model": self._endpoint.abilities.name,
            "investigations": len(runs),
            "without_verdict": sum(run.finding.verdict is None for run in runs),
            "overhead": _overhead(runs),
            "throughput": throughput,
            "prefix_cache": _cache(runs, loops),
            "usual_loop": _beside_loop(runs, loops),
            "kinds": _kinds(runs, questions),
        }

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

    async def _many_at_once(self, cases: list[Case], plan: Plan) -> Document:
        """Tokens a second: by investigations without tools, whose work is not the agent's, and by the same requests
        sent again with nobody reading the answers."""
        kinds: dict[str, list[tuple[float, float]]] = {"agent": [], "bare": []}
        first = len(self._tap.exchanges)
        for number in range(plan.windows):
            for kind, rates in kinds.items():
                self._tell(f"{plan.at_once} at once, {kind}: {number + 1} of {plan.windows}")
                bodies = [exchange.body for exchange in self._tap.exchanges[first:]][: 4 * plan.at_once]
                works = [
                    self._investigating(cases[index:] + cases[:index])
                    if kind == "agent"
                    else self._replaying(bodies[index:] + bodies[:index])
                    for index in range(plan.at_once)
                ]
                rates.append(await self._window(works, plan.window_s))
        agent, bare = (_mean(rate for rate, _ in kinds[kind]) for kind in ("agent", "bare"))
        return {
            "at_once": plan.at_once,
            "agent_tokens_per_s": round(agent, 1),
            "bare_tokens_per_s": round(bare, 1),
            "overhead_percent": round(100 * (1 - agent / bare), 1) if bare else None,
            "aim_percent": THROUGHPUT_AIM_PERCENT,
            "cpu_us_per_token": {kind: round(_mean(cpu for _, cpu in rates), 1) for kind, rates in kinds.items()},
        }

    async def _window(self, works: Sequence[Awaitable[None]], seconds: float) -> tuple[float, float]:
        """Tokens a second and microseconds of this process's CPU time for each, once all are under way."""
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
        return came / took, cpu_s / max(1, came) * 1e6

    async def _investigating(self, cases: Sequence[Case]) -> None:
        while True:
            for case in cases:
                async for _ in self._without_tools.investigate(case.brief):
                    pass

    async def _replaying(self, bodies: Sequence[bytes]) -> None:
        headers = {"content-type": "application/json", "authorization": f"Bearer {self._endpoint.api_key or 'none'}"}
        while True:
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


def _overhead(runs: Sequence[Run]) -> Document:
    """Of the agent beyond the engine's own time and the tools'."""
    reached = [(run, run.verdict_s) for run in runs if run.verdict_s is not None]
    verdict = [(took - run.verdict_engine_s) * 1000 - run.finding.timing.tools_ms for run, took in reached]
    answer = [(run.total_s - run.total_engine_s) * 1000 - run.finding.timing.tools_ms for run in runs]
    return {
        "verdict_ms": _spread(verdict),
        "whole_answer_ms": _spread(answer),
        "engine_verdict_ms": _spread([run.verdict_engine_s * 1000 for run, _ in reached]),
        "tools_ms": _spread([run.finding.timing.tools_ms for run in runs]),
        "aim_ms": OVERHEAD_AIM_MS,
    }


def _cache(runs: Sequence[Run], loops: Sequence[LoopRun]) -> Document:
    ours = _sum([run.finding.usage for run in runs])
    return {
        "cached_percent": _percent(ours.cached_tokens, ours.prompt_tokens),
        "prompt_tokens": ours.prompt_tokens,
        "cached_tokens": ours.cached_tokens,
        "aim_percent": CACHE_AIM_PERCENT,
        "usual_loop_percent": _percent(*_cached(loops)),
    }


def _beside_loop(runs: Sequence[Run], loops: Sequence[LoopRun]) -> Document:
    decision = [run.verdict_s * 1000 for run in runs if run.verdict_s is not None]
    usual = [loop.decision_s * 1000 for loop in loops]
    return {
        "decision_ms": _spread(decision),
        "usual_decision_ms": _spread(usual),
        "times_faster": round(_mean(usual) / _mean(decision), 2) if decision else None,
        "aim_times": FASTER_AIM,
        "round_trips": round(_mean(run.finding.usage.round_trips for run in runs), 2),
        "usual_round_trips": round(_mean(loop.usage.round_trips for loop in loops), 2),
        "completion_tokens": round(_mean(run.finding.usage.completion_tokens for run in runs), 1),
        "usual_completion_tokens": round(_mean(loop.usage.completion_tokens for loop in loops), 1),
    }


def _kinds(runs: Sequence[Run], questions: Sequence[float]) -> Document:
    return {
        "simple_question_ms": _spread([took * 1000 for took in questions]),
        "fraud_decision_ms": _spread([run.verdict_s * 1000 for run in runs if run.verdict_s is not None]),
        "complex_analysis_ms": _spread([run.total_s * 1000 for run in runs]),
    }


def _sum(usages: Sequence[Usage]) -> Usage:
    total = Usage()
    for usage in usages:
        total += usage
    return total


def _cached(loops: Sequence[LoopRun]) -> tuple[int, int]:
    total = _sum([loop.usage for loop in loops])
    return total.cached_tokens, total.prompt_tokens


def _percent(part: int, whole: int) -> float | None:
    return round(100 * part / whole, 1) if whole else None


def _mean(values: Any) -> float:
    listed = list(values)
    return statistics.fmean(listed) if listed else 0.0


def _spread(values: Sequence[float]) -> dict[str, float] | None:
    """Median, mean and 95th percentile; None of nothing."""
    if not values:
        return None
    ordered = sorted(values)
    p95 = ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
    return {
        "p50": round(statistics.median(ordered), 2), "mean": round(statistics.fmean(ordered), 2), "p95": round(p95, 2)
    }  # fmt: skip
