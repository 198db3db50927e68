"""The agent: a bounded conversation with a model about one decision."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from time import monotonic

from fraudray.agent.answering import Answering
from fraudray.agent.breaker import Breaker
from fraudray.agent.conversation import Conversation, Wanted
from fraudray.agent.free_text import goes_as_far, goes_far
from fraudray.agent.line import Line
from fraudray.agent.reveals import discreet
from fraudray.agent.turn import Turn
from fraudray.agent.verdict import ANALYSIS_MAX, Rejected, read_prose
from fraudray.domain.investigation import Event, FallbackReason, Finding, FoundFact, Verdict
from fraudray.ports.clock import Clock
from fraudray.ports.investigator import AskBrief, Brief, Budget
from fraudray.ports.llm import ChatModel, ChatRequest, ModelFailed
from fraudray.ports.toolbox import ToolAnswer, Toolbox
from fraudray.ports.tracing import NoTracer, Span, Tracer

TOOL_LIMIT_S = 2.0
PROBE_S = 10.0
AGAIN_SHARE = 0.9
"""Of the time for the verdict, so much may have passed when the model is asked again without anybody's words."""


class Agent:
    """Investigates with one model and, where there is one, a toolbox. Implements `ports.investigator.Investigator`.

    Use it from one event loop: its breaker is shared by all its investigations.
    """

    def __init__(
        self, model: ChatModel, toolbox: Toolbox | None = None, *, clock: Clock, breaker: Breaker | None = None,
        nonce: Callable[[], str] = lambda: secrets.token_hex(8), tracer: Tracer | None = None,
    ) -> None:  # fmt: skip
        self._model, self._toolbox, self._clock, self._nonce = model, toolbox, clock, nonce
        self._tracer: Tracer = tracer or NoTracer()
        self._breaker = breaker or Breaker()
        self._probing: asyncio.Task[None] | None = None

    async def investigate(self, brief: Brief) -> AsyncGenerator[Event]:
        """See `Investigator.investigate`."""
        about = {"gen_ai.operation.name": "invoke_agent", "fraudray.investigation_id": brief.investigation_id}
        with self._tracer.span("invoke_agent fraudray", about, parent=brief.traceparent) as span:
            async with aclosing(_Investigation(self, brief, span).run()) as happening:
                async for event in happening:
                    yield event

    async def answer(self, asked: AskBrief) -> AsyncGenerator[Event]:
        """See `Investigator.answer`."""
        about = {"gen_ai.operation.name": "invoke_agent", "fraudray.question_id": asked.question_id}
        with self._tracer.span("invoke_agent fraudray", about, parent=asked.traceparent) as span:
            line = self.line(asked.budget, span, wanted="answer")
            answering = Answering(asked, line, self._model, self._breaker, self.refusal())
            async with aclosing(answering.run()) as happening:
                async for event in happening:
                    yield event

    async def probe(self) -> None:
        """See `Investigator.probe`."""
        try:
            async with asyncio.timeout(PROBE_S):
                await self._model.probe()
        except TimeoutError:
            raise ModelFailed(FallbackReason.SLOW_FIRST_TOKEN, f"no token within {PROBE_S:.0f} s") from None

    async def close(self) -> None:
        """Let go of the model's connections."""
        await self._model.close()

    async def breaker(self) -> str:
        """See `Investigator.breaker`."""
        return self._breaker.state

    def refusal(self) -> ModelFailed | None:
        """Why the model is not asked now; begins a probe when one is due."""
        refusal = self._breaker.refusal()
        if refusal is not None and self._breaker.probe_due():
            self._probing = asyncio.get_running_loop().create_task(self._probe())
        return refusal

    def line(self, budget: Budget, span: Span, *, wanted: str) -> Line:
        """A line to the model for one conversation."""
        return Line(
            self._model, budget, nonce=self._nonce(), wanted=wanted, span=span, tracer=self._tracer,
            now=self._clock.now,
        )  # fmt: skip

    async def _probe(self) -> None:
        try:
            await self.probe()
        except ModelFailed as failure:
            self._breaker.failed(failure)
        else:
            self._breaker.succeeded()


class _Investigation:
    """One run."""

    def __init__(self, agent: Agent, brief: Brief, span: Span) -> None:
        self._agent, self._brief = agent, brief
        self._model = agent._model
        self._line = agent.line(brief.budget, span, wanted="verdict")
        self._event, self._spent = self._line.event, self._line.spent
        toolbox = agent._toolbox if agent._model.abilities.tools != "none" else None
        self._toolbox = toolbox if brief.budget.tool_calls_max else None
        self._talk = Conversation(brief, self._line.nonce, agent._model.abilities, self._toolbox, self._spent)
        self._core: Verdict | None = None
        self._first: Verdict | None = None
        """What it said at first, while it is asked again without anybody's words."""
        self._told: Verdict | None = None

    async def run(self) -> AsyncGenerator[Event]:
        """Steps until a verdict, a failure or the end of the budget; the last event is `finished`."""
        verdict: Verdict | None = None
        failure: ModelFailed | None = self._agent.refusal()
        rejections = 0
        while verdict is None and failure is None:
            try:
                async with aclosing(self._step(self._talk.request(verdict_only=rejections > 0))) as step:
                    async for event in step:
                        yield event
                verdict = self._talk.verdict
            except Rejected as rejected:
                failure = self._refused(rejected, rejections)
                rejections += 1
                yield self._event("verdict_rejected", reason=rejected.reason.value, detail=rejected.detail)
            except ModelFailed as failed:
                failure = failed
        if verdict is None:
            verdict = self._core  # it was acted on: what broke off after it was prose
        if verdict is not None and self._told is None:
            async with aclosing(self._look_again(verdict)) as again:
                async for event in again:
                    yield event
            verdict = self._talk.verdict
        if verdict is not None:
            verdict = discreet(verdict, self._line.nonce)
            yield self._event("prose", **verdict.model_dump(include={"analysis", "next_checks", "customer_reason"}))
        self._line.over(failure if verdict is None else None)
        finding = Finding(
            verdict=verdict, failure=failure.reason if verdict is None and failure else None,
            detail=failure.detail if verdict is None and failure else None, model=self._model.abilities.name,
            found=self._talk.found, usage=self._spent.usage, timing=self._spent.ended(),
        )  # fmt: skip
        yield self._event("finished", **finding.model_dump(mode="json", exclude_none=True))

    def _refused(self, rejected: Rejected, before: int) -> ModelFailed | None:
        """Why a rejected answer ends it; None where it is asked for once more."""
        if before or not self._talk.steps_left:
            return ModelFailed(rejected.reason, rejected.detail)
        self._talk.ask_again(rejected.detail)
        return None

    async def _look_again(self, first: Verdict) -> AsyncGenerator[Event]:
        """Ask once more, without anybody's words. Only where that verdict goes as far is it unswayed, and takes the
        place of the first; whatever else comes of it, the first stands."""
        self._first, self._core, self._talk.verdict, why = first, None, None, ""
        try:
            async with aclosing(self._step(self._talk.wordless_request())) as step:
                async for event in step:
                    yield event
        except (Rejected, ModelFailed) as failed:
            why = failed.detail
        if self._told is None:
            yield self._verdict(first)
        second, told = self._talk.verdict, self._told
        if second is not None and told is not None and told.unswayed:
            self._talk.verdict = second.model_copy(update={"unswayed": True})
            return
        said = f"it said {second.decision} {second.risk}. {second.analysis}" if second else f"it gave no verdict: {why}"
        text = f"Asked again without the payment's text, {said}"
        self._talk.verdict = first.model_copy(update={"analysis": f"{text} {first.analysis}".strip()[:ANALYSIS_MAX]})

    async def _step(self, request: ChatRequest) -> AsyncGenerator[Event]:
        """One round trip, and what it asks for. Raises Rejected, ModelFailed."""
        yield self._event(
            "stage", name="model", step=self._spent.usage.round_trips + 1, model=self._model.abilities.name
        )
        turn = Turn(self._talk.ids)
        try:
            with self._line.round_trip(turn) as span:
                async with aclosing(self._stream(turn, replace(request, traceparent=span.traceparent))) as stream:
                    async for event in stream:
                        yield event
        except ModelFailed as failure:
            if turn.core is None:
                self._agent._breaker.failed(failure)
                raise
            self._talk.verdict = read_prose(turn.answer, turn.core)
        else:
            self._agent._breaker.succeeded()
        if self._talk.verdict is not None:
            return
        if turn.core is not None:  # it left already: what follows is prose, whatever else it says
            self._talk.verdict = read_prose(turn.answer, turn.core)
            return
        outcome = turn.outcome()
        if isinstance(outcome, Verdict):
            self._core = self._talk.verdict = outcome
            if not self._asks_again(outcome, self._talk.steps_left):
                yield self._verdict(outcome)
            return
        if self._first is not None:
            raise Rejected(FallbackReason.BEYOND_SCHEMA, "it asks where only a verdict is wanted")
        async with aclosing(self._ask(turn, outcome)) as asking:
            async for event in asking:
                yield event

    async def _stream(self, turn: Turn, request: ChatRequest) -> AsyncGenerator[Event]:
        async with aclosing(self._line.hear(request, turn, self._left_s)) as pieces:
            async for event in pieces:
                if event is not None:
                    yield event
                elif turn.core is not None and self._core is None:
                    self._core = turn.core
                    if self._asks_again(turn.core, self._talk.steps_left - 1):
                        break  # its prose is not waited for
                    yield self._verdict(turn.core)
        if turn.finish == "length" and turn.core is None:
            raise self._line.used_up(turn)

    def _asks_again(self, core: Verdict, steps_left: int) -> bool:
        """Whether a verdict would go far, and the model can be asked once more."""
        return self._first is None and steps_left > 0 and goes_far(self._brief, core)

    def _left_s(self) -> float:
        budget = self._brief.budget
        until_s = budget.limit_s
        if self._first is not None and self._told is None:  # else whoever waits for it would go without
            until_s = min(until_s, AGAIN_SHARE * (budget.verdict_s or until_s))
        return until_s - self._spent.s

    async def _ask(self, turn: Turn, wanted: Sequence[Wanted]) -> AsyncGenerator[Event]:
        """Put the model's questions, independent ones at once; what may not be asked is refused and recorded."""
        allowed: list[Wanted] = []
        for entry in wanted:
            why = self._talk.why_not(entry)
            arguments = dict(entry.arguments)
            if why is None:
                allowed.append(entry)
                yield self._event("tool_call", call_id=entry.call_id, tool=entry.tool, arguments=arguments)
            else:
                yield self._event("tool_refused", call_id=entry.call_id, tool=entry.tool[:64], why=why)
        began = monotonic()
        answers = await asyncio.gather(*(self._call(entry) for entry in allowed))
        self._spent.used_tools(monotonic() - began)
        facts: dict[str, tuple[str, ToolAnswer]] = {}
        for entry, answer in zip(allowed, answers, strict=True):
            fact = self._talk.keep(entry, answer)
            facts[entry.call_id] = (fact.id if fact else entry.tool, answer)
            yield self._result(entry, answer, fact)
        self._talk.answered(turn, wanted, facts)

    async def _call(self, entry: Wanted) -> ToolAnswer:
        assert self._toolbox is not None  # noqa: S101 - without one nothing is allowed
        limit_s = max(min(TOOL_LIMIT_S, self._left_s()), 0.01)
        with self._line.child("execute_tool", entry.tool, "gen_ai.tool.name") as span:
            try:
                async with asyncio.timeout(limit_s):
                    answer = await self._toolbox.call(
                        entry.tool, entry.arguments, transaction_id=self._brief.transaction_id, limit_s=limit_s,
                        traceparent=span.traceparent,
                    )  # fmt: skip
            except TimeoutError:
                answer = ToolAnswer(error=f"no answer within {limit_s * 1000:.0f} ms")
            if answer.error is not None:
                span.failed("no answer")
            return answer

    def _result(self, entry: Wanted, answer: ToolAnswer, fact: FoundFact | None) -> Event:
        if fact is None:
            return self._event("tool_result", call_id=entry.call_id, tool=entry.tool, ok=False, error=answer.error)
        return self._event(
            "tool_result", call_id=entry.call_id, tool=entry.tool, ok=True, evidence=fact.id, items=fact.items,
            free_text=fact.free_text,
        )  # fmt: skip

    def _verdict(self, core: Verdict) -> Event:
        """What is told of a verdict; where it was asked for again, of that one if it goes as far."""
        self._told = core
        if self._first is not None:
            unswayed = core is not self._first and goes_as_far(core, self._first, self._brief)
            self._told = core.model_copy(update={"unswayed": True}) if unswayed else self._first
        self._spent.verdict()
        told = {"risk", "decision", "evidence", "unswayed"}
        return self._event("verdict", **self._told.model_dump(mode="json", include=told))
