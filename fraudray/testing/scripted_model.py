"""A chat model in this process that says what a script says: for tests of policies and investigations."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable
from typing import Any

import orjson

from fraudray.ports.llm import ChatRequest, Delta, ModelAbilities, ModelFailed, TokenCount

Answer = str | Iterable[Delta] | ModelFailed
Script = Callable[[ChatRequest], Answer]


class ScriptedModel:
    """`ChatModel` whose answers come from a function of the request, or from a list, one a request.

    An answer is text, the pieces of a stream, or the failure to raise. `requests` keeps what was asked.
    """

    def __init__(self, script: Script | Iterable[Answer], *, abilities: ModelAbilities | None = None) -> None:
        self._abilities = abilities or ModelAbilities("scripted")
        if callable(script):
            self._script: Script = script
        else:
            answers = iter(script)
            self._script = lambda _request: next(answers)
        self.requests: list[ChatRequest] = []

    @property
    def abilities(self) -> ModelAbilities:
        """See `ChatModel.abilities`."""
        return self._abilities

    async def stream(self, request: ChatRequest) -> AsyncGenerator[Delta]:
        """See `ChatModel.stream`."""
        self.requests.append(request)
        answer = self._script(request)
        if isinstance(answer, ModelFailed):
            raise answer
        if isinstance(answer, str):
            answer = (Delta(content=answer), Delta(finish="stop"), Delta(tokens=_count(request, answer)))
        for delta in answer:
            yield delta

    async def probe(self) -> None:
        """See `ChatModel.probe`; it always answers."""

    async def close(self) -> None:
        """See `ChatModel.close`."""


def verdict(
    decision: str = "REVIEW", risk: int = 50, evidence: Iterable[str] = (), analysis: str = "As the evidence says.",
    **more: Any,
) -> str:  # fmt: skip
    """A verdict as a model writes it."""
    document = {"risk": risk, "decision": decision, "evidence": list(evidence), "analysis": analysis}
    return orjson.dumps(document | {"next_checks": [], "customer_reason": ""} | more).decode()


def reply(answer: str, evidence: Iterable[str] = ()) -> str:
    """An answer to a question about a case as a model writes it; without text, that there is none."""
    return orjson.dumps({"answered": bool(answer), "evidence": list(evidence), "answer": answer}).decode()


def _count(request: ChatRequest, answer: str) -> TokenCount:
    """Words stand for tokens."""
    return TokenCount(sum(len(message.content.split()) for message in request.messages), 0, len(answer.split()))
