"""The openai SDK over a deployment handle, against handles that behave in every way."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Self, TypeVar

import httpx2
import openai
import pytest
from openai import AsyncOpenAI
from ray.exceptions import ActorDiedError
from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError

from fraudray.deployments.engine_call import EngineCall, EngineHead
from fraudray.deployments.llm_handle import ENGINE_URL, HandleTransport

JSON = EngineHead(200, (("content-type", "application/json"), ("content-length", "9999")))
EVENTS = EngineHead(200, (("content-type", "text/event-stream"),))
STALL = object()
Step = Any  # a piece, an exception to raise, or STALL


class Answer:
    """What a handle gives back: the steps, one after another."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self._steps = list(steps)
        self.cancelled = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> EngineHead | bytes:
        if not self._steps:
            raise StopAsyncIteration
        step = self._steps.pop(0)
        if step is STALL:
            await asyncio.Event().wait()
        if isinstance(step, Exception):
            raise step
        piece: EngineHead | bytes = step
        return piece

    def cancel(self) -> None:
        self.cancelled = True


class Engine:
    """A handle whose engine answers every call with the same steps."""

    def __init__(self, *steps: Step) -> None:
        self.answer = Answer(steps)
        self.calls: list[EngineCall] = []
        self.called = asyncio.Event()

    @property
    def http(self) -> Engine:
        return self

    def remote(self, call: EngineCall) -> Answer:
        self.calls.append(call)
        self.called.set()
        return self.answer


def chunk(text: str) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
    body = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
    return b"data: " + json.dumps(body).encode() + b"\n\n"


T = TypeVar("T")


def with_client(engine: Engine, use: Callable[[AsyncOpenAI], Awaitable[T]], timeout_s: float = 30) -> T:
    async def run() -> T:
        async with httpx2.AsyncClient(transport=HandleTransport(engine), timeout=timeout_s) as http:
            client = AsyncOpenAI(
                base_url=ENGINE_URL, api_key="secret", http_client=http, max_retries=0, timeout=timeout_s
            )
            return await use(client)

    return asyncio.run(run())


async def ask(client: AsyncOpenAI) -> str | None:
    answer = await client.chat.completions.create(
        model="m", messages=[{"role": "system", "content": "Rules."}, {"role": "user", "content": "Is it?"}]
    )
    return answer.choices[0].message.content


async def read(client: AsyncOpenAI) -> list[str]:
    stream = await client.chat.completions.create(
        model="m", messages=[{"role": "user", "content": "Is it?"}], stream=True
    )
    return [piece.choices[0].delta.content or "" async for piece in stream]


def test_an_answer_arrives_whole_and_the_request_keeps_its_path_and_prompt_but_no_key() -> None:
    message = {"role": "assistant", "content": "No."}
    body = {
        "id": "1", "object": "chat.completion", "created": 1, "model": "m",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
    }  # fmt: skip
    text = json.dumps(body).encode()
    engine = Engine(JSON, text[:20], text[20:])

    assert with_client(engine, ask) == "No."
    call = engine.calls[0]
    assert (call.method, call.path, call.prompt) == ("POST", "/v1/chat/completions", "Rules.\nIs it?")
    assert "secret" not in repr(call)


def test_a_stream_arrives_in_its_pieces() -> None:
    # Cut where a network would cut: in the middle of an event.
    text = chunk("No") + chunk(", ") + chunk("never.") + b"data: [DONE]\n\n"
    engine = Engine(EVENTS, text[:50], text[50:300], text[300:])

    assert with_client(engine, read) == ["No", ", ", "never."]
    assert not engine.answer.cancelled


@pytest.mark.parametrize(
    ("status", "error"),
    [(400, openai.BadRequestError), (404, openai.NotFoundError), (500, openai.InternalServerError)],
)
def test_a_refusal_is_the_status_that_the_engine_gave(status: int, error: type[openai.APIStatusError]) -> None:
    head = EngineHead(status, (("content-type", "application/json"),))

    with pytest.raises(error, match="no such thing"):
        with_client(Engine(head, b'{"error": {"message": "no such thing"}}'), ask)


@pytest.mark.parametrize(
    "refusal",
    [
        BackPressureError(num_queued_requests=1, max_queued_requests=1),
        DeploymentUnavailableError(type("Id", (), {"name": "Engine", "app_name": "llm"})()),  # type: ignore[arg-type]
    ],
)
def test_an_engine_that_takes_no_request_is_unavailable(refusal: Exception) -> None:
    with pytest.raises(openai.InternalServerError) as caught:
        with_client(Engine(refusal), ask)

    assert caught.value.status_code == 503


@pytest.mark.parametrize("steps", [[ActorDiedError()], [b"no head"]])
def test_a_replica_that_dies_before_it_answers_is_a_broken_connection(steps: list[Step]) -> None:
    with pytest.raises(openai.APIConnectionError):
        with_client(Engine(*steps), ask)


def test_a_replica_that_dies_in_mid_stream_cuts_the_stream() -> None:
    with pytest.raises((openai.APIConnectionError, httpx2.RemoteProtocolError)):
        with_client(Engine(EVENTS, chunk("No"), ActorDiedError()), read)


@pytest.mark.parametrize("steps", [[STALL], [EVENTS, STALL], [EVENTS, chunk("No"), STALL]])
def test_a_stall_times_out_and_ends_the_engines_work(steps: list[Step]) -> None:
    engine = Engine(*steps)

    with pytest.raises((openai.APITimeoutError, httpx2.ReadTimeout)):
        with_client(engine, read, timeout_s=0.2)

    assert engine.answer.cancelled


def test_who_closes_a_stream_early_ends_the_engines_work() -> None:
    engine = Engine(EVENTS, chunk("No"), STALL)

    async def first(client: AsyncOpenAI) -> str | None:
        stream = await client.chat.completions.create(
            model="m", messages=[{"role": "user", "content": "Is it?"}], stream=True
        )
        piece = await anext(aiter(stream))
        await stream.close()
        return piece.choices[0].delta.content

    assert with_client(engine, first) == "No"
    assert engine.answer.cancelled


def test_who_is_cancelled_while_waiting_ends_the_engines_work() -> None:
    engine = Engine(STALL)

    async def give_up(client: AsyncOpenAI) -> None:
        task = asyncio.create_task(ask(client))
        await engine.called.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with_client(engine, give_up)
    assert engine.answer.cancelled


def test_a_request_beyond_the_limit_does_not_reach_the_engine() -> None:
    engine = Engine(JSON)

    async def ask_at_length(client: AsyncOpenAI) -> None:
        await client.chat.completions.create(model="m", messages=[{"role": "user", "content": "x" * 5_000_000}])

    with pytest.raises(openai.APIStatusError) as caught:
        with_client(engine, ask_at_length)
    assert caught.value.status_code == 413
    assert not engine.calls


@pytest.mark.parametrize(
    ("body", "prompt"),
    [
        (b"", ""),
        (b"not JSON", ""),
        (b"[]", ""),
        (b'{"messages": 3}', ""),
        (b'{"messages": [3, {"content": null}, {"content": "a"}]}', "\na"),
        (b'{"messages": [{"content": [{"type": "text", "text": "a"}, 3, {"text": null}]}]}', "a"),
        (b'{"prompt": "b"}', "b"),
    ],
)
def test_the_prompt_for_the_router_is_read_from_any_body(body: bytes, prompt: str) -> None:
    assert EngineCall.make("POST", "/v1/chat/completions", {}, body).prompt == prompt
