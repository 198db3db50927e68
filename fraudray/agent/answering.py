"""Answering one question about a case: a round trip, and one more where the answer was not accepted.

No tools, no side effects: what comes of it is a text that cites what was given, or the reason for which there is none.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

from fraudray.agent import question_prompt
from fraudray.agent.breaker import Breaker
from fraudray.agent.heard import Heard
from fraudray.agent.line import THINKING_S, Line
from fraudray.agent.material import BYTES_MAX, material_of
from fraudray.agent.prompt import once_more
from fraudray.agent.reply import read_reply, reply_schema, text_so_far
from fraudray.agent.reveals import reveals, settled
from fraudray.agent.verdict import Rejected
from fraudray.domain.investigation import Event, FallbackReason
from fraudray.domain.question import Reply, Unanswered
from fraudray.ports.investigator import AskBrief
from fraudray.ports.llm import ChatModel, ChatRequest, Message, ModelFailed

ANSWER_TOKENS = 1000
"""What an answer may have, beside thinking: its 1,200 characters in most scripts."""
TRIPS_MAX = 2
PRIORITY = 5
"""Behind payments whose clients wait (0), before work in the background (10)."""
SMALLER = 3
"""A prompt that the model does not take is sent once more with so much less of the case."""
NOT_IN_EVIDENCE = "The case's material does not answer it, the model says."
UNCITED = "The model gave an answer that rests on nothing of the case ({why}); it is not shown."
_OUTCOMES = {
    FallbackReason.LATE: Unanswered.LATE,
    FallbackReason.OVERLOADED: Unanswered.OVERLOADED,
    FallbackReason.UNKNOWN_EVIDENCE: Unanswered.NOT_IN_EVIDENCE,
}


def failed(failure: ModelFailed, reply: Reply | None = None) -> Reply:
    """The reply where the model gave none that counts."""
    why = _OUTCOMES.get(failure.reason, Unanswered.MODEL_FAILED)
    uncited = failure.reason is FallbackReason.UNKNOWN_EVIDENCE
    detail = UNCITED.format(why=failure.detail) if uncited else failure.detail
    update = {"why": why, "reason": failure.reason, "detail": detail}
    return (reply or Reply(answered=False)).model_copy(update=update)


class Answering:
    """One run."""

    def __init__(
        self, asked: AskBrief, line: Line, model: ChatModel, breaker: Breaker, refusal: ModelFailed | None
    ) -> None:  # fmt: skip
        """`refusal` is why the model is not asked now."""
        self._asked, self._line, self._model, self._breaker = asked, line, model, breaker
        self._refusal = refusal
        self._reply: Reply | None = None
        self._said = 0
        """Characters of the answer that were told already."""
        self._tell_about(BYTES_MAX)

    async def run(self) -> AsyncGenerator[Event]:
        """Until an answer, or the reason for which there is none; the last event is `finished`."""
        reply: Reply | None = None
        failure, spent = self._refusal, self._line.spent
        while reply is None and failure is None:
            try:
                async with aclosing(self._trip()) as trip:
                    async for event in trip:
                        yield event
                reply = self._reply
            except Rejected as rejected:
                if not self._may_ask_again():
                    failure = ModelFailed(rejected.reason, rejected.detail)
                self._messages.append(once_more(rejected.detail, "answer"))
                self._said = 0
                yield self._line.event("answer_rejected", reason=rejected.reason.value, detail=rejected.detail)
            except ModelFailed as failed_so:
                if failed_so.reason is FallbackReason.BAD_REQUEST and self._may_ask_again():
                    self._tell_about(BYTES_MAX // SMALLER)
                else:
                    failure = failed_so
        counted = {
            "model": self._model.abilities.name, "usage": spent.usage, "timing": spent.ended(),
            "decisions": self._material.decisions, "entries": self._material.entries,
        }  # fmt: skip
        if reply is None:
            assert failure is not None  # noqa: S101 - the loop ends with one of them
            reply = failed(failure)
        elif not reply.answered:
            reply = Reply(answered=False, why=Unanswered.NOT_IN_EVIDENCE, detail=NOT_IN_EVIDENCE)
        reply = reply.model_copy(update=counted)
        self._line.over(failure)
        yield self._line.event("finished", **reply.model_dump(mode="json", exclude_none=True))

    def _may_ask_again(self) -> bool:
        budget, used = self._asked.budget, self._line.spent.usage
        trips_max = min(TRIPS_MAX, budget.steps_max)
        return used.round_trips < trips_max and used.completion_tokens < budget.tokens_max

    def _tell_about(self, bytes_max: int) -> None:
        self._material = material_of(self._asked, bytes_max)
        told = self._material.message(self._asked.question, self._line.nonce)
        self._messages: list[Message] = [question_prompt.system(), told]

    def _request(self) -> ChatRequest:
        budget = self._asked.budget
        left = budget.tokens_max - self._line.spent.usage.completion_tokens
        max_tokens = min(left, budget.thinking_tokens_max + ANSWER_TOKENS)
        schema = reply_schema(self._material.ids)
        return ChatRequest(tuple(self._messages), max_tokens, schema=schema, priority=PRIORITY)

    async def _trip(self) -> AsyncGenerator[Event]:
        """One round trip. Raises Rejected, ModelFailed."""
        request, heard = self._request(), Heard()
        step = self._line.spent.usage.round_trips + 1
        yield self._line.event("stage", name="model", step=step, model=self._model.abilities.name)
        try:
            with self._line.round_trip(heard) as span:
                asked = replace(request, traceparent=span.traceparent)
                async with aclosing(self._hear(asked, heard)) as happening:
                    async for event in happening:
                        yield event
        except ModelFailed as failure:
            self._breaker.failed(failure)
            raise
        self._breaker.succeeded()
        reply = read_reply(heard.whole, self._material.ids)
        if reveals(reply.answer, self._line.nonce):
            raise Rejected(FallbackReason.BEYOND_SCHEMA, "the answer repeats the instructions")
        if rest := reply.answer[self._said :]:
            yield self._line.event("answer", text=rest)
        self._reply = reply

    async def _hear(self, request: ChatRequest, heard: Heard) -> AsyncGenerator[Event]:
        """Thinking and the answer as they come; of the answer what gives away no prompt."""
        told_at = -THINKING_S
        async with aclosing(self._line.hear(request, heard, self._left_s)) as pieces:
            async for event in pieces:
                if event is not None:
                    yield event
                elif self._line.spent.s >= told_at + THINKING_S and (piece := self._new_piece(heard)):
                    told_at = self._line.spent.s
                    yield self._line.event("answer", text=piece)
        if heard.finish == "length":
            raise self._line.used_up(heard)

    def _new_piece(self, heard: Heard) -> str:
        text = text_so_far(heard.answer, self._material.ids) if heard.answer else ""
        end = settled(text)
        if end <= self._said or reveals(text, self._line.nonce):
            return ""
        piece, self._said = text[self._said : end], end
        return piece

    def _left_s(self) -> float:
        return self._asked.budget.limit_s - self._line.spent.s
