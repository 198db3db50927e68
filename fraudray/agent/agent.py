"""The agent: a bounded conversation with a model about one decision."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import AbstractContextManager, aclosing
from dataclasses import replace
from datetime import datetime
from time import monotonic

from fraudray.agent.breaker import Breaker
from fraudray.agent.conversation import Conversation, Wanted
from fraudray.agent.free_text import goes_as_far, goes_far
from fraudray.agent.reveals import TAIL, discreet, reveals
from fraudray.agent.turn import Turn
from fraudray.agent.verdict import ANALYSIS_MAX, Rejected, read_prose
from fraudray.domain.investigation import Event, EventKind, FallbackReason, Finding, FoundFact, Verdict
from fraudray.ports.clock import Clock
from fraudray.ports.investigator import Brief
from fraudray.ports.llm import ChatModel, ChatRequest, ModelFailed
from fraudray.ports.toolbox import ToolAnswer, Toolbox
from fraudray.ports.tracing import NoTracer, Span, Tracer

TOOL_LIMIT_S = 2.0
PROBE_S = 10.0
THINKING_S = 0.05
"""Thinking is told at once, then in pieces of this length: an event for each token would cost more than the token."""
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
        self._agent, self._brief, self._nonce, self._span = agent, brief, agent._nonce(), span
        self._model, self._now = agent._model, agent._clock.now
        toolbox = agent._toolbox if agent._model.abilities.tools != "none" else None
        self._toolbox = toolbox if brief.budget.tool_calls_max else None
        self._talk = Conversation(brief, self._nonce, agent._model.abilities, self._toolbox)
        self._started = monotonic()
        self._seq = 0
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
            verdict = discreet(verdict, self._nonce)
            yield self._event("prose", **verdict.model_dump(include={"analysis", "next_checks", "customer_reason"}))
        elif failure is not None:
            self._span.failed(failure.reason.value)
        self._span.note("fraudray.round_trips", self._talk.usage.round_trips)
        timing = self._talk.timing.model_copy(update={"total_ms": self._ms()})
        finding = Finding(
            verdict=verdict, failure=failure.reason if verdict is None and failure else None,
            detail=failure.detail if verdict is None and failure else None, model=self._model.abilities.name,
            found=self._talk.found, usage=self._talk.usage, timing=timing,
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
            "stage", name="model", step=self._talk.usage.round_trips + 1, model=self._model.abilities.name
        )
        turn = Turn(self._talk.ids)
        with self._child("chat", self._model.abilities.name, "gen_ai.request.model") as span:
            asked = replace(request, traceparent=span.traceparent)
            try:
                async with aclosing(self._stream(turn, asked)) as stream:
                    async for event in stream:
                        yield event
            except ModelFailed as failure:
                span.failed(failure.reason.value)
                if turn.core is None:
                    self._agent._breaker.failed(failure)
                    raise
                self._talk.verdict = read_prose(turn.answer, turn.core)
            else:
                self._agent._breaker.succeeded()
            finally:
                self._talk.count(turn)
                if turn.tokens is not None:
                    span.note("gen_ai.usage.input_tokens", turn.tokens.prompt)
                    span.note("gen_ai.usage.output_tokens", turn.tokens.completion)
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
        budget, began = self._brief.budget, monotonic()
        thought, told_at = "", 0.0
        async with aclosing(self._model.stream(request)) as pieces:
            while True:
                limit_s = budget.stall_s if turn.begun else budget.first_token_s
                left_s = self._left_s()
                try:
                    async with asyncio.timeout(max(min(limit_s, left_s), 0.0)):
                        delta = await anext(pieces, None)
                except TimeoutError:
                    for event in self._thinking(turn, thought):
                        yield event
                    self._talk.waited(monotonic() - began)
                    raise self._too_slow(turn, limit_s, left_s) from None
                if delta is None:
                    break
                if not turn.begun and (delta.content or delta.reasoning or delta.tools):
                    self._talk.first_token(self._ms())
                thought += turn.take(delta)
                if thought and ((now := monotonic()) >= told_at + THINKING_S or turn.answer):
                    for event in self._thinking(turn, thought):
                        yield event
                    thought, told_at = "", now
                if turn.core is not None and self._core is None:
                    self._core = turn.core
                    if self._asks_again(turn.core, self._talk.steps_left - 1):
                        break  # its prose is not waited for
                    yield self._verdict(turn.core)
                if turn.thought > budget.thinking_tokens_max and not turn.answer:
                    for event in self._thinking(turn, thought):
                        yield event
                    raise ModelFailed(
                        FallbackReason.ENDLESS_REASONING,
                        f"it thought for more than {budget.thinking_tokens_max} tokens",
                    )
        for event in self._thinking(turn, thought):
            yield event
        self._talk.waited(monotonic() - began)
        if turn.finish == "length" and turn.core is None:
            reason = FallbackReason.BUDGET if turn.answer else FallbackReason.ENDLESS_REASONING
            raise ModelFailed(reason, "the tokens were used up before there was a verdict")

    def _thinking(self, turn: Turn, text: str) -> Iterator[Event]:
        """The event of a piece of thinking, the newest; none where it gives the prompt away."""
        if text and not reveals(turn.thinking[-(len(text) + TAIL) :], self._nonce):
            yield self._event("reasoning", text=text)

    def _asks_again(self, core: Verdict, steps_left: int) -> bool:
        """Whether a verdict would go far, and the model can be asked once more."""
        return self._first is None and steps_left > 0 and goes_far(self._brief, core)

    def _left_s(self) -> float:
        budget = self._brief.budget
        until_s = budget.limit_s
        if self._first is not None and self._told is None:  # else whoever waits for it would go without
            until_s = min(until_s, AGAIN_SHARE * (budget.verdict_s or until_s))
        return until_s - (monotonic() - self._started)

    def _too_slow(self, turn: Turn, limit_s: float, left_s: float) -> ModelFailed:
        if left_s <= limit_s:
            return ModelFailed(FallbackReason.LATE, f"no verdict within {self._brief.budget.limit_s:g} s")
        if turn.begun:
            return ModelFailed(FallbackReason.STALLED, f"nothing for {limit_s:g} s in the middle of the answer")
        return ModelFailed(FallbackReason.SLOW_FIRST_TOKEN, f"no token within {limit_s:g} s")

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
        self._talk.used_tools(monotonic() - began)
        facts: dict[str, tuple[str, ToolAnswer]] = {}
        for entry, answer in zip(allowed, answers, strict=True):
            fact = self._talk.keep(entry, answer)
            facts[entry.call_id] = (fact.id if fact else entry.tool, answer)
            yield self._result(entry, answer, fact)
        self._talk.answered(turn, wanted, facts)

    async def _call(self, entry: Wanted) -> ToolAnswer:
        assert self._toolbox is not None  # noqa: S101 - without one nothing is allowed
        limit_s = max(min(TOOL_LIMIT_S, self._left_s()), 0.01)
        with self._child("execute_tool", entry.tool, "gen_ai.tool.name") as span:
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

    def _child(self, operation: str, of: str, named: str) -> AbstractContextManager[Span]:
        """A span within the investigation's, named as OpenTelemetry's conventions for generative AI say."""
        about = {"gen_ai.operation.name": operation, named: of}
        return self._agent._tracer.span(f"{operation} {of}", about, parent=self._span.traceparent)

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
        self._talk.timing = self._talk.timing.model_copy(update={"verdict_ms": self._ms()})
        told = {"risk", "decision", "evidence", "unswayed"}
        return self._event("verdict", **self._told.model_dump(mode="json", include=told))

    def _event(self, kind: EventKind, **body: object) -> Event:
        self._seq += 1
        at: datetime = self._now()
        return Event(seq=self._seq, at=at, kind=kind, body=body)

    def _ms(self) -> float:
        return round((monotonic() - self._started) * 1000, 3)
