"""`ChatModel` over the OpenAI API as vLLM and others speak it, by the `openai` SDK. Streams always, never retries."""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import httpx2
import openai

from fraudray.adapters.retry_after import retry_after_s
from fraudray.domain.cards import mask
from fraudray.domain.errors import SettingsError
from fraudray.domain.investigation import FallbackReason
from fraudray.domain.text import is_unicode
from fraudray.ports.llm import ChatRequest, Delta, Message, ModelAbilities, ModelFailed, TokenCount, ToolPiece, ToolSpec

CONNECT_S = 5.0
DETAIL_MAX = 200
RETRY_AFTER_MAX_S = 3600.0
_CLOSED = (httpx2.ReadError, httpx2.WriteError, httpx2.RemoteProtocolError)
T = TypeVar("T")
_NO_KEY = "none"  # the SDK wants one; an endpoint without keys ignores it


class OpenAIChat:
    """One model at one address."""

    def __init__(
        self,
        url: str,
        abilities: ModelAbilities,
        *,
        api_key: str | None = None,
        ca_file: Path | None = None,
        http_client: httpx2.AsyncClient | None = None,
    ) -> None:
        """`url` ends in `/v1`. With `http_client` requests go its way. Raises SettingsError for a bad `ca_file`."""
        self._abilities, self._key = abilities, api_key
        if http_client is None:
            limits = httpx2.Limits(max_connections=1000, max_keepalive_connections=64)
            http_client = httpx2.AsyncClient(verify=_trust(ca_file), limits=limits)
        self._client = openai.AsyncOpenAI(
            base_url=url, api_key=api_key or _NO_KEY, max_retries=0, http_client=http_client,
            timeout=httpx2.Timeout(None, connect=CONNECT_S),
        )  # fmt: skip

    @property
    def abilities(self) -> ModelAbilities:
        """See `ChatModel.abilities`."""
        return self._abilities

    async def stream(self, request: ChatRequest) -> AsyncGenerator[Delta]:
        """See `ChatModel.stream`."""
        begun = finished = False
        with self._failures(lambda: begun):
            pieces = await self._sent(request)
            begun = True
            try:
                async with pieces:
                    async for chunk in pieces:
                        delta = _delta(chunk)
                        finished = finished or delta.finish is not None
                        yield delta
            finally:
                await _run_out(pieces)
        if not finished:
            raise ModelFailed(FallbackReason.CUT, "the stream ended before the answer did")

    async def probe(self) -> None:
        """See `ChatModel.probe`."""
        with self._failures(lambda: False):
            asked: Any = [{"role": "user", "content": "ok"}]
            completions = self._client.chat.completions
            await _once_more(lambda: completions.create(model=self._abilities.name, messages=asked, max_tokens=1))

    async def close(self) -> None:
        """See `ChatModel.close`."""
        await self._client.close()

    async def _sent(self, request: ChatRequest) -> openai.AsyncStream[object]:
        """The chunks as plain documents: building the SDK's models of them costs three times as much as all else."""
        headers = {} if request.traceparent is None else {"traceparent": request.traceparent}
        return await _once_more(
            lambda: self._client.post(
                "/chat/completions", body=self._body(request), options={"headers": headers}, cast_to=object,
                stream=True, stream_cls=openai.AsyncStream[object],
            )
        )  # fmt: skip

    def _body(self, request: ChatRequest) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": self._abilities.name,
            "messages": [_message(message) for message in request.messages],
            "max_tokens": request.max_tokens,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        if self._abilities.temperature is not None:
            body["temperature"] = self._abilities.temperature
        if request.tools:
            body |= {"tools": [_tool(tool) for tool in request.tools], "tool_choice": "required"}
        if request.schema is not None:
            schema = {"name": "answer", "schema": dict(request.schema), "strict": True}
            body["response_format"] = {"type": "json_schema", "json_schema": schema}
        if self._abilities.priorities:
            body["priority"] = request.priority
        return body | dict(self._abilities.extra)

    @contextmanager
    def _failures(self, begun: Any) -> Iterator[None]:
        """What the SDK raises, in the agent's words."""
        try:
            yield
        except openai.APIStatusError as error:
            raise self._by_status(error) from None
        except openai.APIConnectionError as error:
            cause = type(error.__cause__ or error).__name__
            if begun():
                raise ModelFailed(FallbackReason.CUT, f"the connection broke: {cause}") from None
            raise ModelFailed(FallbackReason.REFUSED_CONNECTION, f"no connection: {cause}") from None
        except openai.APIError as error:  # an error object inside the stream
            raise ModelFailed(FallbackReason.SERVER_ERROR, self._said(error.message)) from None
        except (json.JSONDecodeError, UnicodeDecodeError):
            raise ModelFailed(FallbackReason.CUT, "the stream holds what is not JSON") from None

    def _by_status(self, error: openai.APIStatusError) -> ModelFailed:
        status, said = error.status_code, self._said(error.message)
        match status:
            case 401 | 403:
                return ModelFailed(FallbackReason.UNAUTHORIZED, f"HTTP {status}: the key is not accepted")
            case 429:
                return ModelFailed(FallbackReason.RATE_LIMITED, said, _pause_s(error.response.headers))
            case 404 if "model" in said.lower():
                return ModelFailed(FallbackReason.WRONG_MODEL, f"{self._abilities.name} is not served there: {said}")
            case 404:
                return ModelFailed(FallbackReason.BAD_REQUEST, f"nothing is served there; llm_url ends in /v1? {said}")
            case _ if status >= 500:
                return ModelFailed(FallbackReason.SERVER_ERROR, said, _pause_s(error.response.headers))
            case _:
                return ModelFailed(FallbackReason.BAD_REQUEST, said)

    def _said(self, message: str) -> str:
        """The server's own words, in short: it may repeat the key or what it was sent."""
        text = "".join(char if char.isprintable() else " " for char in message)
        if self._key:
            text = text.replace(self._key, "***")
        return mask(text)[:DETAIL_MAX]


async def _once_more(send: Callable[[], Awaitable[T]]) -> T:
    """Sent again where a kept connection closes as it leaves: no failure of the model (RFC 9112, 9.3.1)."""
    try:
        return await send()
    except openai.APIConnectionError as error:
        if not isinstance(error.__cause__, _CLOSED):
            raise
    return await send()


async def _run_out(pieces: Any) -> None:
    """Of a stream that was left and closed, what the SDK keeps suspended ends here, not with the garbage, in whatever
    thread that is collected."""
    with suppress(openai.APIError, ValueError):
        async for _ in pieces:
            pass


def _message(message: Message) -> dict[str, Any]:
    document: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        document["tool_calls"] = [
            {"id": call.call_id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in message.tool_calls
        ]
    if message.tool_call_id is not None:
        document["tool_call_id"] = message.tool_call_id
    return document


def _tool(tool: ToolSpec) -> dict[str, Any]:
    function = {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters), "strict": True}
    return {"type": "function", "function": function}


def _delta(chunk: object) -> Delta:
    """A chunk of the stream; what is not as it should be counts as not there."""
    document = _mapping(chunk)
    counted = document.get("usage")
    tokens = _tokens(_mapping(counted)) if counted else None
    choices = document.get("choices")
    if not isinstance(choices, list) or not choices:
        return Delta(tokens=tokens)
    choice = _mapping(choices[0])
    delta, finish = _mapping(choice.get("delta")), choice.get("finish_reason")
    calls = delta.get("tool_calls")
    return Delta(
        content=_text(delta, "content"),
        reasoning=_text(delta, "reasoning") or _text(delta, "reasoning_content"),
        tools=tuple(_piece(_mapping(call)) for call in calls) if isinstance(calls, list) else (),
        finish=finish if isinstance(finish, str) else None,
        tokens=tokens,
    )


def _piece(call: Mapping[str, Any]) -> ToolPiece:
    function = _mapping(call.get("function"))
    return ToolPiece(_count(call, "index"), _text(call, "id"), _text(function, "name"), _text(function, "arguments"))


def _tokens(usage: Mapping[str, Any]) -> TokenCount:
    prompt, written = (_mapping(usage.get(f"{part}_tokens_details")) for part in ("prompt", "completion"))
    return TokenCount(
        prompt=_count(usage, "prompt_tokens"),
        cached=_count(prompt, "cached_tokens"),
        completion=_count(usage, "completion_tokens"),
        reasoning=_count(written, "reasoning_tokens"),
    )


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _count(document: Mapping[str, Any], name: str) -> int:
    value = document.get(name)
    return value if isinstance(value, int) and value > 0 else 0


def _text(document: Mapping[str, Any], name: str) -> str:
    """Text that can be encoded: half a surrogate pair, where a server cut one in two, becomes a replacement mark."""
    value = document.get(name)
    if not isinstance(value, str) or value.isascii() or is_unicode(value):
        return value if isinstance(value, str) else ""
    return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _pause_s(headers: Mapping[str, str]) -> float | None:
    wait_s = retry_after_s(headers.get("retry-after"), datetime.now(UTC))
    return None if wait_s is None else min(wait_s, RETRY_AFTER_MAX_S)


def _trust(ca_file: Path | None) -> ssl.SSLContext | bool:
    if ca_file is None:
        return True
    try:
        return ssl.create_default_context(cafile=str(ca_file))
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(f"llm_ca_file: {ca_file} holds no certificates: {error}") from None
