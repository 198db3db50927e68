"""A prompt that is longer than the model's context."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraudray.agent.apart import next_request
from fraudray.agent.fitting import CUT, fitted
from fraudray.domain.investigation import FallbackReason
from fraudray.ports.clock import SystemClock
from fraudray.ports.llm import ChatRequest, Message, ModelAbilities, ModelFailed
from tests.agent.briefs import brief

NONCE = "0123456789abcdef"


def count(messages: Sequence[Message]) -> int:
    """Each character is a token."""
    return sum(len(message.content) for message in messages)


def request(**transaction: str) -> ChatRequest:
    asked = next_request(
        brief(**transaction), [], ModelAbilities("m", tools="none"), nonce=NONCE, clock=SystemClock()
    )  # fmt: skip
    found = asyncio.run(asked)
    assert isinstance(found, ChatRequest)
    return found


def test_one_that_fits_is_left_as_it_is() -> None:
    asked = request(memo="for the car")
    assert fitted(asked, count(asked.messages) + asked.max_tokens, count) is asked


@given(short_by=st.integers(1, 130), memo=st.text(min_size=150, max_size=300))
def test_what_others_wrote_is_cut_and_nothing_else(short_by: int, memo: str) -> None:
    asked = request(memo=memo)
    context = count(asked.messages) + asked.max_tokens - short_by

    cut = fitted(asked, context, count)

    assert count(cut.messages) + cut.max_tokens <= context
    before, after = asked.messages[-1].content, cut.messages[-1].content
    mark = f"<data {NONCE}>\n"
    assert cut.messages[:-1] == asked.messages[:-1]
    assert before.partition(mark)[0] == after.partition(mark)[0]
    kept, told, rest = after.partition(mark)[2].rpartition(CUT)
    assert told
    assert before.partition(mark)[2].startswith(kept)
    assert rest == f"\n</data {NONCE}>"
    assert count(cut.messages) + cut.max_tokens == context, "not more is cut than has to be"


def test_where_the_instructions_alone_are_too_long_nothing_is_asked() -> None:
    asked = request(memo="for the car")
    with pytest.raises(ModelFailed, match="too few") as failed:
        fitted(asked, count(asked.messages[:1]) + asked.max_tokens, count)
    assert failed.value.reason is FallbackReason.BAD_REQUEST
