"""Cutting a prompt to what a model can read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from fraudray.domain.investigation import FallbackReason
from fraudray.ports.llm import ChatRequest, Message, ModelFailed

CUT = "… (cut)"
Count = Callable[[Sequence[Message]], int]
"""How many tokens messages have, as the model reads them."""


def fitted(request: ChatRequest, context_tokens: int, count: Count) -> ChatRequest:
    """The request, so that prompt and answer together have `context_tokens` at most.

    What others wrote, between its marks, is cut from its end; nothing else is. Raises ModelFailed where that is not
    enough.
    """
    room = context_tokens - request.max_tokens
    if count(request.messages) <= room:
        return request
    at, (start, end) = _longest_block(request.messages)
    text = request.messages[at].content

    def cut_to(chars: int) -> list[Message]:
        kept = text[:start] + text[start : start + chars] + CUT + text[end:]
        return [*request.messages[:at], replace(request.messages[at], content=kept), *request.messages[at + 1 :]]

    low, high = 0, end - start
    if count(cut_to(low)) > room:
        raise ModelFailed(
            FallbackReason.BAD_REQUEST,
            f"the model reads and writes {context_tokens} tokens, of which {room} are left for the prompt: too few",
        )
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if count(cut_to(middle)) <= room else (low, middle)
    return replace(request, messages=tuple(cut_to(low)))


def _longest_block(messages: Sequence[Message]) -> tuple[int, tuple[int, int]]:
    """The message whose block of others' words is the longest, and where these begin and end in it."""
    places = [(index, _block(message.content)) for index, message in enumerate(messages) if message.role != "system"]
    return max(places, key=lambda place: place[1][1] - place[1][0], default=(0, (0, 0)))


def _block(text: str) -> tuple[int, int]:
    opened, closed = text.find("<data "), text.rfind("\n</data ")
    start = text.find("\n", opened) + 1
    return (start, closed) if 0 <= opened < start <= closed else (len(text), len(text))
