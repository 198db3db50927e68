"""An investigation whose model answers elsewhere and later: played again with the answers so far, up to the next
question. What is asked, accepted and concluded is the agent's own."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from fraudray.agent.agent import Agent
from fraudray.agent.thinking import parted
from fraudray.domain.investigation import FallbackReason, Finding
from fraudray.ports.clock import Clock
from fraudray.ports.investigator import Brief
from fraudray.ports.llm import ChatRequest, Delta, ModelAbilities, ModelFailed, TokenCount


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of one round trip: the text as the model wrote it, thinking before `</think>`; or why there is none."""

    text: str = ""
    finish: str = "stop"
    tokens: TokenCount = field(default_factory=TokenCount)
    failure: FallbackReason | None = None
    detail: str = ""


async def next_request(
    brief: Brief, answers: Sequence[Answered], abilities: ModelAbilities, *, nonce: str, clock: Clock
) -> ChatRequest | Finding:
    """What the model is to be asked next, after these answers; the finding where that is nothing more.

    The `nonce` is to be the same each time: the marks around others' words in a prompt carry it.
    """
    agent = Agent(_Answers(answers, abilities), clock=clock, nonce=lambda: nonce)
    try:
        async with aclosing(agent.investigate(brief)) as events:
            async for event in events:
                if event.kind == "finished":
                    return Finding.model_validate(event.body)
    except _Unanswered as unanswered:
        return unanswered.request
    raise AssertionError("an investigation ends with its finding")


class _Unanswered(Exception):
    def __init__(self, request: ChatRequest) -> None:
        self.request = request


class _Answers:
    """Implements `ports.llm.ChatModel`: gives the answers in their order."""

    def __init__(self, answers: Sequence[Answered], abilities: ModelAbilities) -> None:
        self._left, self._abilities = iter(answers), abilities

    @property
    def abilities(self) -> ModelAbilities:
        """See `ChatModel.abilities`."""
        return self._abilities

    async def stream(self, request: ChatRequest) -> AsyncGenerator[Delta]:
        """See `ChatModel.stream`."""
        answer = next(self._left, None)
        if answer is None:
            raise _Unanswered(request)
        if answer.failure is not None:
            raise ModelFailed(answer.failure, answer.detail)
        for piece in _pieces(answer):
            yield Delta(content=piece, tokens=answer.tokens)
        yield Delta(finish=answer.finish, tokens=answer.tokens)

    async def probe(self) -> None:
        """See `ChatModel.probe`."""

    async def close(self) -> None:
        """See `ChatModel.close`."""


def _pieces(answer: Answered) -> Iterator[str]:
    """In as many pieces as it has tokens, as it would have streamed in: the agent counts those of the thinking, and
    what it breaks off is not to be heard here either."""
    thinking, rest = parted(answer.text)
    yield from _split(thinking, answer.tokens.reasoning)
    yield from _split(rest, answer.tokens.completion - answer.tokens.reasoning)


def _split(text: str, count: int) -> Iterator[str]:
    count = min(max(count, 1), len(text))
    for number in range(count):
        yield text[number * len(text) // count : (number + 1) * len(text) // count]
