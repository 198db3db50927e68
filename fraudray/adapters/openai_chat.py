"""`ChatModel` over the OpenAI API as vLLM and others speak it, by the `openai` SDK. Streams always, never retries."""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import openai
from openai.types.chat import ChatCompletionChunk

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
            pieces = await self._ask(self._body(request))
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
            asked = [{"role": "user", "content": "ok"}]
            await self._ask({"model": self._abilities.name, "messages": asked, "max_tokens": 1})

    async def close(self) -> None:
        """See `ChatModel.close`."""
        await self._client.close()

    async def _ask(self, body: dict[str, Any]) -> Any:
        """Sent once more where a kept connection closes as it leaves: no failure of the model (RFC 9112, 9.3.1)."""
        try:
            return await self._client.chat.completions.create(**body)
        except openai.APIConnectionError as error:
            if not isinstance(error.__cause__, _CLOSED):
                raise
        return await self._client.chat.completions.create(**body)

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
        if request.traceparent is not None:
            body["extra_headers"] = {"traceparent": request.traceparent}
        extra = dict(self._abilities.extra)
        if self._abilities.priorities:
            extra["priority"] = request.priority
        return body | ({"extra_body": extra} if extra else {})

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


def _delta(chunk: ChatCompletionChunk) -> Delta:
    tokens = _tokens(chunk.usage) if chunk.usage is not None else None
    if not chunk.choices:
        return Delta(tokens=tokens)
    choice = chunk.choices[0]
    delta = choice.delta
    more = (delta.model_extra or {}) if delta else {}
    reasoning = more.get("reasoning") or more.get("reasoning_content") or ""
    calls = (delta.tool_calls or []) if delta else []
    return Delta(
        content=_whole(delta.content or "") if delta else "",
        reasoning=_whole(reasoning) if isinstance(reasoning, str) else "",
        tools=tuple(
            ToolPiece(
                call.index, _whole(call.id or ""), _whole(call.function.name or "") if call.function else "",
                _whole(call.function.arguments or "") if call.function else "",
            )
            for call in calls
        ),
        finish=choice.finish_reason,
        tokens=tokens,
    )  # fmt: skip


def _whole(text: str) -> str:
    """Text that can be encoded: half a surrogate pair, where a server cut one in two, becomes a replacement mark."""
    return text if is_unicode(text) else text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _tokens(usage: Any) -> TokenCount:
    prompt, written = usage.prompt_tokens_details, usage.completion_tokens_details
    return TokenCount(
        prompt=usage.prompt_tokens or 0,
        cached=(prompt.cached_tokens or 0) if prompt else 0,
        completion=usage.completion_tokens or 0,
        reasoning=(written.reasoning_tokens or 0) if written else 0,
    )


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
