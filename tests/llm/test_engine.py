"""Real vLLM under Ray Serve, through the unmodified `openai` client. The tests that harm the engine come last."""

from __future__ import annotations

import asyncio
import json
import re
import time
from typing import Any

import httpx
import jsonschema
import openai
import psutil
import pytest
from openai import AsyncOpenAI, OpenAI

from fraudray.deployments.processes import RUN_MARKER, run_marker
from fraudray.llm.tiny_model import CONTEXT_TOKENS, MODEL_ID
from tests.llm.conftest import ServedModel

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

BACK_S = 400
VERDICT = {
    "type": "object",
    "properties": {
        "risk": {"type": "integer", "minimum": 0, "maximum": 100},
        "decision": {"enum": ["APPROVE", "REVIEW", "BLOCK"]},
        "cites": {"type": "array", "items": {"enum": ["F1", "F2", "F3"]}, "minItems": 1, "maxItems": 3},
        "text": {"type": "string", "maxLength": 60},
    },
    "required": ["risk", "decision", "cites", "text"],
    "additionalProperties": False,
}
BOUND: Any = {"type": "json_schema", "json_schema": {"name": "verdict", "strict": True, "schema": VERDICT}}
QUESTION: Any = [{"role": "user", "content": "Is this payment fraud?"}]


@pytest.fixture
def reasons_on(llm: httpx.Client) -> dict[str, int]:
    """A bias against the end of a turn, which a model of random weights may draw in the middle of its reasoning."""
    (end,) = llm.post("/tokenize", json={"model": MODEL_ID, "prompt": "<|im_end|>"}).raise_for_status().json()["tokens"]
    return {str(end): -100}


def test_the_model_is_listed_under_its_name(client: OpenAI) -> None:
    assert [model.id for model in client.models.list()] == [MODEL_ID]


def test_a_seed_which_would_end_the_engine_is_refused(client: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="takes no seed"):
        client.chat.completions.create(model=MODEL_ID, messages=QUESTION, max_tokens=2, seed=1)
    assert client.chat.completions.create(model=MODEL_ID, messages=QUESTION, max_tokens=2).choices


def test_an_answer_streams_reasoning_first_and_counts_its_tokens(client: OpenAI, reasons_on: dict[str, int]) -> None:
    pieces = list(
        client.chat.completions.create(
            model=MODEL_ID, messages=QUESTION, max_tokens=2000, response_format=BOUND, stream=True,
            stream_options={"include_usage": True}, logit_bias=reasons_on,
        )
    )  # fmt: skip
    deltas = [piece.choices[0].delta for piece in pieces if piece.choices]
    reasoned = [index for index, delta in enumerate(deltas) if getattr(delta, "reasoning", None)]
    answered = [index for index, delta in enumerate(deltas) if delta.content]

    assert len(answered) > 5  # piece by piece, not whole
    assert not reasoned or max(reasoned) < min(answered)
    jsonschema.validate(json.loads("".join(deltas[index].content or "" for index in answered)), VERDICT)
    assert pieces[-1].usage is not None
    assert pieces[-1].usage.completion_tokens >= len(answered)


def test_answers_conform_to_the_schema_every_time(many: AsyncOpenAI, reasons_on: dict[str, int]) -> None:
    async def ask() -> list[Any]:
        answers = await asyncio.gather(
            *(
                many.chat.completions.create(
                    model=MODEL_ID,
                    messages=QUESTION,
                    max_tokens=3000,
                    response_format=BOUND,
                    temperature=1.5,
                    logit_bias=reasons_on,
                )
                for _ in range(16)
            )
        )
        return [answer.choices[0] for answer in answers]

    # A model of random weights may reason until its tokens are used up; all others answer.
    answered = [choice for choice in asyncio.run(ask()) if choice.finish_reason != "length"]

    assert len(answered) > 12
    for choice in answered:
        assert choice.message.content, choice
        jsonschema.validate(json.loads(choice.message.content), VERDICT)
        assert not re.search(r"[\n\t]|: ", choice.message.content.split('"text"')[0])  # nor blanks between the members
    assert len({choice.message.content for choice in answered}) > 8  # they are answers of their own


def test_the_model_calls_a_tool_with_arguments_that_fit(client: OpenAI) -> None:
    parameters = {
        "type": "object",
        "properties": {"days": {"type": "integer", "minimum": 1, "maximum": 90}},
        "required": ["days"],
        "additionalProperties": False,
    }
    tool: Any = {"type": "function", "function": {"name": "history", "strict": True, "parameters": parameters}}

    def asked() -> Any:
        answer = client.chat.completions.create(
            model=MODEL_ID, messages=QUESTION, max_tokens=3000, tools=[tool], tool_choice="required", temperature=1.0
        )
        return answer.choices[0].message.tool_calls

    calls = asked() or asked() or asked()  # its turn may end in the middle of its reasoning
    assert calls
    for call in calls:
        assert call.type == "function"
        assert call.function.name == "history"
        jsonschema.validate(json.loads(call.function.arguments), parameters)


def test_a_prompt_seen_before_is_taken_from_the_cache(client: OpenAI) -> None:
    messages: Any = [{"role": "system", "content": "The evidence of the tools. " * 60}, *QUESTION]
    first, second = (
        client.chat.completions.create(model=MODEL_ID, messages=messages, max_tokens=1).usage for _ in range(2)
    )

    assert first is not None
    assert second is not None
    assert second.prompt_tokens_details is not None
    assert (second.prompt_tokens_details.cached_tokens or 0) > 0.8 * first.prompt_tokens


def test_background_work_may_give_way(client: OpenAI) -> None:
    answer = client.chat.completions.create(
        model=MODEL_ID, messages=QUESTION, max_tokens=1, extra_body={"priority": 10}
    )

    assert answer.choices[0].finish_reason in ("length", "stop")


def test_a_prompt_beyond_the_context_is_refused(client: OpenAI) -> None:
    messages: Any = [{"role": "user", "content": "fraud " * CONTEXT_TOKENS}]

    with pytest.raises(openai.BadRequestError, match="context"):
        client.chat.completions.create(model=MODEL_ID, messages=messages, max_tokens=1)


def test_another_name_of_model_is_not_found(client: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="nobody"):
        client.chat.completions.create(model="nobody", messages=QUESTION, max_tokens=1)


def test_the_engines_own_metrics_are_reachable(llm: httpx.Client) -> None:
    assert _metric(llm, "vllm:prompt_tokens_total") > 0


def test_a_page_that_calls_this_machine_by_another_name_is_kept_out(llm: httpx.Client) -> None:
    assert llm.get("/v1/models", headers={"host": "rebound.example"}).status_code == 401
    assert llm.get("/v1/models", headers={"origin": "https://page.example"}).status_code == 401
    assert llm.get("/v1/models").status_code == 200


def test_only_the_listed_paths_reach_the_engine(llm: httpx.Client) -> None:
    assert llm.get("/docs").status_code == 404
    assert llm.post("/v1/embeddings", json={}).status_code == 404
    assert llm.post("/v1/chat/completions", content=b"x" * 3_000_000).status_code == 413
    assert llm.post("/v1/chat/completions", content=b"{").status_code in (400, 422)


def test_the_gateway_decides_beside_the_model(served: ServedModel) -> None:
    tx = {"transaction_id": "llm-1", "customer_id": "C-12345", "amount": "10.00", "merchant": "Corner Shop"}

    assert httpx.post(f"{served.url}/v1/decisions", json=tx, timeout=30).status_code == 201


def test_who_leaves_an_answer_ends_the_engines_work(client: OpenAI, llm: httpx.Client) -> None:
    before = _metric(llm, "vllm:generation_tokens_total")
    stream = client.chat.completions.create(
        model=MODEL_ID, messages=QUESTION, max_tokens=CONTEXT_TOKENS - 200, stream=True,
        extra_body={"ignore_eos": True},
    )  # fmt: skip
    next(iter(stream))
    stream.close()

    _wait_until_idle(llm)
    assert _metric(llm, "vllm:generation_tokens_total") < before + CONTEXT_TOKENS / 2


def test_who_gives_up_waiting_for_a_whole_answer_ends_the_engines_work(client: OpenAI, llm: httpx.Client) -> None:
    before = _metric(llm, "vllm:generation_tokens_total")
    with pytest.raises(openai.APITimeoutError):
        client.with_options(timeout=1).chat.completions.create(
            model=MODEL_ID, messages=QUESTION, max_tokens=CONTEXT_TOKENS - 200, n=8, extra_body={"ignore_eos": True}
        )

    _wait_until_idle(llm)
    assert _metric(llm, "vllm:generation_tokens_total") < before + 8 * CONTEXT_TOKENS / 2


def test_an_engine_killed_in_flight_ends_the_answer_with_an_error_and_comes_back(
    client: OpenAI, served: ServedModel
) -> None:
    with pytest.raises(openai.APIError):
        _read_while_killing(client, served)
    with pytest.raises(openai.APIError):  # what comes now is refused, not left waiting
        client.with_options(timeout=10).chat.completions.create(model=MODEL_ID, messages=QUESTION, max_tokens=1)

    deadline = time.monotonic() + BACK_S
    while not _answers(client):
        assert time.monotonic() < deadline, f"the engine did not come back within {BACK_S} s"
        time.sleep(1)


def _read_while_killing(client: OpenAI, served: ServedModel) -> None:
    stream = client.chat.completions.create(
        model=MODEL_ID, messages=QUESTION, max_tokens=CONTEXT_TOKENS - 200, stream=True,
        extra_body={"ignore_eos": True},
    )  # fmt: skip
    for count, _piece in enumerate(stream):
        if count == 10:
            engines = engines_of(served)
            assert engines
            for engine in engines:
                engine.kill()


def engines_of(served: ServedModel) -> list[psutil.Process]:
    """The engine's own process of this server, found by the mark that the server's processes carry."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        try:
            ours = process.environ().get(RUN_MARKER) == run_marker(served.data_dir)
        except (psutil.Error, OSError):
            continue
        if ours and "EngineCore" in " ".join(process.info["cmdline"] or []):
            found.append(process)
    return found


def _answers(client: OpenAI) -> bool:
    try:
        client.with_options(timeout=10).chat.completions.create(model=MODEL_ID, messages=QUESTION, max_tokens=1)
    except openai.APIError:
        return False
    return True


def _wait_until_idle(llm: httpx.Client) -> None:
    deadline = time.monotonic() + 60
    while _metric(llm, "vllm:num_requests_running"):
        assert time.monotonic() < deadline, "the engine still works for a client that has left"
        time.sleep(0.1)


def _metric(llm: httpx.Client, name: str) -> float:
    """The sum of a metric's series."""
    lines = llm.get("/metrics").raise_for_status().text.splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name + "{"))
