"""The client of OpenAI-compatible endpoints, against real HTTP that behaves and misbehaves."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest

from fraudray.adapters.openai_chat import OpenAIChat
from fraudray.domain.investigation import FallbackReason
from fraudray.ports.llm import ChatRequest, Delta, Message, ModelAbilities, ModelFailed, TokenCount, ToolSpec
from fraudray.testing.endpoint import HOLD, MODEL, ModelEndpoint, Reply, calls, chunk, says, usage
from fraudray.testing.misbehaviour import Misbehaviour, misbehaving

ASKED = ChatRequest(messages=(Message("user", "Is it fraud?"),), max_tokens=50, schema={"type": "object"})
KEY = "sk-do-not-repeat"


def chat(url: str, **abilities: Any) -> OpenAIChat:
    return OpenAIChat(url, ModelAbilities(MODEL, **abilities), api_key=KEY)


async def read(model: OpenAIChat, request: ChatRequest = ASKED) -> list[Delta]:
    try:
        return [delta async for delta in model.stream(request)]
    finally:
        await model.close()


def test_content_reasoning_finish_and_tokens_arrive() -> None:
    with ModelEndpoint(lambda _: says("the answer", reasoning="hmm, well", tokens=(12, 3))) as endpoint:
        deltas = asyncio.run(read(chat(endpoint.url)))
    assert "".join(delta.content for delta in deltas) == "the answer"
    assert "".join(delta.reasoning for delta in deltas) == "hmm, well"
    assert [delta.finish for delta in deltas if delta.finish] == ["stop"]
    assert [delta.tokens for delta in deltas if delta.tokens] == [TokenCount(12, 0, 3)]


def test_the_older_name_of_reasoning_and_cached_tokens_are_read() -> None:
    reply = Reply([chunk({"reasoning_content": "old", "content": None}), chunk({}, "stop"), usage(100, 5, cached=96)])
    with ModelEndpoint(lambda _: reply) as endpoint:
        deltas = asyncio.run(read(chat(endpoint.url)))
    assert deltas[0].reasoning == "old"
    assert deltas[-1].tokens == TokenCount(100, 96, 5)


def test_tool_calls_arrive_in_pieces_under_their_index() -> None:
    with ModelEndpoint(lambda _: calls(("history", '{"days": 30}'), ("devices", "{}"))) as endpoint:
        deltas = asyncio.run(read(chat(endpoint.url)))
    pieces = [piece for delta in deltas for piece in delta.tools]
    assert [piece.name for piece in pieces if piece.name] == ["history", "devices"]
    assert "".join(piece.arguments for piece in pieces if piece.index == 0) == '{"days": 30}'


def test_the_request_carries_schema_tools_priority_and_extra_members_and_always_streams() -> None:
    tool = ToolSpec("history", "What the customer did", {"type": "object", "properties": {}})
    request = ChatRequest(messages=ASKED.messages, max_tokens=7, schema={"type": "object"}, tools=(tool,), priority=3)
    with ModelEndpoint(lambda _: says("x")) as endpoint:
        asyncio.run(read(chat(endpoint.url, priorities=True, extra={"top_k": 1}), request))
    (body,) = endpoint.requests
    assert body["stream"]
    assert body["response_format"]["json_schema"]["strict"]
    assert body["tools"][0]["function"]["strict"]
    assert (body["tool_choice"], body["priority"], body["top_k"], body["max_tokens"]) == ("required", 3, 1, 7)


@pytest.mark.parametrize("kind", [
    Misbehaviour.REFUSED, Misbehaviour.UNAUTHORIZED, Misbehaviour.RATE_LIMITED, Misbehaviour.SERVER_ERROR,
    Misbehaviour.ERROR_IN_STREAM, Misbehaviour.WRONG_MODEL, Misbehaviour.CUT, Misbehaviour.NOT_JSON_IN_STREAM,
])  # fmt: skip
def test_a_failure_of_the_endpoint_is_told_apart(kind: Misbehaviour) -> None:
    with misbehaving(kind) as url, pytest.raises(ModelFailed) as caught:
        asyncio.run(read(chat(url)))
    assert caught.value.reason is kind.reason
    assert caught.value.retry_after_s == (7.0 if kind is Misbehaviour.RATE_LIMITED else None)


def test_a_kept_connection_that_the_server_closes_as_the_request_leaves_is_no_failure() -> None:
    connections: list[socket.socket] = []

    def serve(listener: socket.socket) -> None:
        """Each connection answers one request and is closed, unannounced, on the next."""
        while len(connections) < 2:
            connection, _ = listener.accept()
            connections.append(connection)
            answer(connection)
            if len(connections) == 1:
                connection.recv(65536)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()

    def answer(connection: socket.socket) -> None:
        while b"max_tokens" not in connection.recv(65536):
            pass
        body = b'{"id": "c", "object": "chat.completion", "created": 0, "model": "m", "choices": []}'
        head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body)
        connection.sendall(head + body)

    async def twice(url: str) -> None:
        model = chat(url)
        await model.probe()
        await model.probe()
        await model.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=serve, args=(listener,), daemon=True)
        server.start()
        asyncio.run(twice(f"http://127.0.0.1:{listener.getsockname()[1]}/v1"))
        server.join(5)
    assert len(connections) == 2


def test_a_request_that_was_answered_is_never_sent_twice() -> None:
    with ModelEndpoint(lambda _: Reply(status=500, error="down")) as endpoint:
        with pytest.raises(ModelFailed):
            asyncio.run(read(chat(endpoint.url)))
        assert len(endpoint.requests) == 1


def test_what_the_server_repeats_of_the_key_and_of_card_numbers_is_not_told() -> None:
    said = f"bad request by {KEY} about 4111111111111111 " + "x" * 500
    with (
        ModelEndpoint(lambda _: Reply(status=400, error=said)) as endpoint,
        pytest.raises(ModelFailed) as caught,
    ):
        asyncio.run(read(chat(endpoint.url)))
    assert caught.value.reason is FallbackReason.BAD_REQUEST
    assert KEY not in caught.value.detail
    assert "4111111111111111" not in caught.value.detail
    assert len(caught.value.detail) <= 200


def test_half_a_character_is_shown_as_one_that_is_missing() -> None:
    half = '{"id":"c","object":"chat.completion.chunk","created":0,"choices":[{"index":0,"delta":{%s}}]}'
    cut = [half % r'"reasoning":"so \ud83d"', half % r'"content":"\ude00 and \ud83d\ude00"', chunk({}, "stop")]
    with ModelEndpoint(lambda _: Reply(cut)) as endpoint:
        deltas = asyncio.run(read(chat(endpoint.url)))
    assert [delta.reasoning for delta in deltas if delta.reasoning] == ["so \ufffd"]
    assert [delta.content for delta in deltas if delta.content] == ["\ufffd and \U0001f600"]


def test_whoever_stops_listening_frees_the_engine() -> None:
    async def leave(url: str) -> None:
        model = chat(url)
        stream = model.stream(ASKED)
        assert isinstance(stream, AsyncIterator)
        assert (await anext(stream)).content == "a"
        await stream.aclose()  # type: ignore[attr-defined]
        await model.close()

    with ModelEndpoint(lambda _: Reply([chunk({"content": "a"}), HOLD])) as endpoint:
        asyncio.run(leave(endpoint.url))
        assert endpoint.left.wait(20)


def test_a_probe_is_a_real_completion_of_one_token() -> None:
    async def probe(url: str) -> None:
        model = chat(url)
        await model.probe()
        await model.close()

    with ModelEndpoint(lambda _: says("x")) as endpoint:
        asyncio.run(probe(endpoint.url))
    assert endpoint.requests[0]["max_tokens"] == 1
    with misbehaving(Misbehaviour.SERVER_ERROR) as url, pytest.raises(ModelFailed):
        asyncio.run(probe(url))
