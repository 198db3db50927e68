"""The line to the model during one conversation: a round trip at a time, heard within the budget."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import AbstractContextManager, aclosing, contextmanager
from datetime import datetime
from time import monotonic

from fraudray.agent.heard import Heard
from fraudray.agent.reveals import TAIL, reveals
from fraudray.agent.spent import Spent
from fraudray.domain.investigation import Event, EventKind, FallbackReason
from fraudray.ports.investigator import Budget
from fraudray.ports.llm import ChatModel, ChatRequest, ModelFailed
from fraudray.ports.tracing import Span, Tracer

THINKING_S = 0.05
"""Thinking is told at once, then in pieces of this length: an event for each token would cost more than the token."""


class Line:
    """What every conversation shares: numbered events, spans, times and tokens, and hearing the model out."""

    def __init__(
        self, model: ChatModel, budget: Budget, *, nonce: str, wanted: str, span: Span, tracer: Tracer,
        now: Callable[[], datetime],
    ) -> None:  # fmt: skip
        """`wanted` is what the model is asked for, in a word."""
        self._model, self._budget, self.nonce, self._wanted = model, budget, nonce, wanted
        self._span, self._tracer, self._now, self._seq = span, tracer, now, 0
        self.spent = Spent()

    def event(self, kind: EventKind, **body: object) -> Event:
        """It happens now."""
        self._seq += 1
        return Event(seq=self._seq, at=self._now(), kind=kind, body=body)

    def child(self, operation: str, of: str, named: str) -> AbstractContextManager[Span]:
        """A span within the conversation's, named as OpenTelemetry's conventions for generative AI say."""
        about = {"gen_ai.operation.name": operation, named: of}
        return self._tracer.span(f"{operation} {of}", about, parent=self._span.traceparent)

    def over(self, failure: ModelFailed | None) -> None:
        """The conversation has come to its end, by a failure or not."""
        if failure is not None:
            self._span.failed(failure.reason.value)
        self._span.note("fraudray.round_trips", self.spent.usage.round_trips)

    @contextmanager
    def round_trip(self, heard: Heard) -> Iterator[Span]:
        """The span of one, which is counted at its end."""
        with self.child("chat", self._model.abilities.name, "gen_ai.request.model") as span:
            try:
                yield span
            except ModelFailed as failure:
                span.failed(failure.reason.value)
                raise
            finally:
                self.spent.count(heard)
                if heard.tokens is not None:
                    span.note("gen_ai.usage.input_tokens", heard.tokens.prompt)
                    span.note("gen_ai.usage.output_tokens", heard.tokens.completion)

    async def hear(
        self, request: ChatRequest, heard: Heard, left_s: Callable[[], float]
    ) -> AsyncGenerator[Event | None]:
        """Ask and listen: thinking as events, and None for each piece that `heard` took. Raises ModelFailed where the
        model fails, is too slow, or thinks for longer than it may."""
        budget, began = self._budget, monotonic()
        thought, told_at = "", 0.0
        try:
            async with aclosing(self._model.stream(request)) as pieces:
                while True:
                    limit_s = budget.stall_s if heard.begun else budget.first_token_s
                    left = left_s()
                    try:
                        async with asyncio.timeout(max(min(limit_s, left), 0.0)):
                            delta = await anext(pieces, None)
                    except TimeoutError:
                        for event in self._thinking(heard, thought):
                            yield event
                        raise self._too_slow(heard, limit_s, left) from None
                    if delta is None:
                        break
                    if not heard.begun and (delta.content or delta.reasoning or delta.tools):
                        self.spent.first_token()
                    thought += heard.take(delta)
                    if thought and ((now := monotonic()) >= told_at + THINKING_S or heard.answer):
                        for event in self._thinking(heard, thought):
                            yield event
                        thought, told_at = "", now
                    yield None
                    if heard.thought > budget.thinking_tokens_max and not heard.answer:
                        for event in self._thinking(heard, thought):
                            yield event
                        raise ModelFailed(
                            FallbackReason.ENDLESS_REASONING,
                            f"it thought for more than {budget.thinking_tokens_max} tokens",
                        )
            for event in self._thinking(heard, thought):
                yield event
        finally:
            self.spent.waited(monotonic() - began)

    def used_up(self, heard: Heard) -> ModelFailed:
        """Why an answer is none that ended with the tokens."""
        reason = FallbackReason.BUDGET if heard.answer else FallbackReason.ENDLESS_REASONING
        return ModelFailed(reason, f"the tokens were used up before there was {_a(self._wanted)}")

    def _thinking(self, heard: Heard, text: str) -> Iterator[Event]:
        """The event of a piece of thinking, the newest; none where it gives the prompt away."""
        if text and not reveals(heard.thinking[-(len(text) + TAIL) :], self.nonce):
            yield self.event("reasoning", text=text)

    def _too_slow(self, heard: Heard, limit_s: float, left_s: float) -> ModelFailed:
        if left_s <= limit_s:
            return ModelFailed(FallbackReason.LATE, f"no {self._wanted} within {self._budget.limit_s:g} s")
        if heard.begun:
            return ModelFailed(FallbackReason.STALLED, f"nothing for {limit_s:g} s in the middle of the answer")
        return ModelFailed(FallbackReason.SLOW_FIRST_TOKEN, f"no token within {limit_s:g} s")


def _a(word: str) -> str:
    return f"an {word}" if word[0] in "aeiou" else f"a {word}"
