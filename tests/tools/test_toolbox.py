"""The toolbox of an investigation on the real MCP servers: in this process, over HTTP, and through any handle."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import anyio
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraudray.agent.questions import QUESTIONS
from fraudray.bootstrap import App
from fraudray.domain.decision import Decision
from fraudray.domain.research import Subject
from fraudray.ports.toolbox import ToolAnswer, Toolbox
from fraudray.tools.callers import HandleCaller, InProcessCaller
from fraudray.tools.provider import MountedProvider
from fraudray.tools.reply import McpReply
from fraudray.tools.toolbox import ANSWER_MAX, CALLS_MAX, McpToolbox, answer_of, lookup_in

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
READ = ("transaction-risk", "identity-verifier")
LIMIT_S = 20.0


def asked(
    toolbox: Toolbox, name: str, transaction_id: str = "T", limit_s: float = LIMIT_S, **arguments: Any
) -> ToolAnswer:
    """One question."""

    async def ask() -> ToolAnswer:
        return await toolbox.call(name, arguments, transaction_id=transaction_id, limit_s=limit_s, traceparent=TRACE)

    return anyio.run(ask)


async def known(_transaction_id: str) -> Subject:
    return Subject(transaction_id="T", customer_id="C-1", merchant="Kiosk", device_id="d", ip_address="203.0.113.7")


def toolbox_of(ask: Callable[..., Awaitable[McpReply]]) -> McpToolbox:
    return McpToolbox(HandleCaller(ask), known)


@pytest.fixture(params=["in process", "through a handle"])
def toolbox(request: pytest.FixtureRequest, app: App) -> Iterator[Toolbox]:
    """Over the App's servers, in each of the ways there are."""
    within = InProcessCaller(MountedProvider(app))
    if request.param == "in process":
        yield McpToolbox(within, lookup_in(app.research))
    else:
        yield McpToolbox(HandleCaller(within.call), lookup_in(app.research))


def test_all_six_are_answered_about_the_transaction_and_at_once(
    app: App, toolbox: Toolbox, blocked: Decision, samples: list[dict[str, Any]]
) -> None:
    app.engine.decide(samples[1] | {"transaction_id": "T-2", "customer_id": "C-2"})

    async def all_at_once() -> list[ToolAnswer]:
        return await asyncio.gather(
            *(
                toolbox.call(spec.name, {}, transaction_id=blocked.transaction_id, limit_s=LIMIT_S, traceparent=TRACE)
                for spec in toolbox.tools()
                for _ in range(3)
            )
        )

    answers = anyio.run(all_at_once)
    assert [answer.error for answer in answers] == [None] * 18
    found = {spec.name: answers[3 * place].items for place, spec in enumerate(toolbox.tools())}
    assert found["customer_history"]["counted"] == 0  # itself is left out
    assert [customer["customer_id"] for customer in found["customers_of_device"]["customers"]] == ["C-2"]
    assert [customer["customer_id"] for customer in found["customers_of_address"]["customers"]] == ["C-2"]
    assert found["merchant_history"]["attempts"] == 2
    assert found["similar_cases"]["cases"][0]["customer_id"] == "C-2"
    assert {device["device_id"] for device in found["customer_devices"]["devices"]} >= {"dev-unknown"}
    free = {spec.name for place, spec in enumerate(toolbox.tools()) if answers[3 * place].free_text}
    assert free == {"customer_devices"}


def test_what_cannot_be_asked_is_an_answer_that_says_why(toolbox: Toolbox, blocked: Decision) -> None:
    about = blocked.transaction_id
    assert "takes days and limit only" in str(asked(toolbox, "customer_history", about, customer_id="C-2").error)
    assert asked(toolbox, "customer_history", about, days=0).error == "days is a whole number from 1 to 365"
    assert "there is no such tool" in str(asked(toolbox, "send_fraud_alert_email", about).error)
    assert asked(toolbox, "customer_history", "T-never").error == "no decision on transaction T-never"


def test_the_tools_come_in_the_order_of_the_questions(toolbox: Toolbox) -> None:
    assert [spec.name for spec in toolbox.tools()] == [question.name for question in QUESTIONS]
    assert toolbox.tools() == toolbox.tools()


def test_no_acting_server_is_held(app: App) -> None:
    async def call() -> McpReply:
        caller = InProcessCaller(MountedProvider(app))
        return await caller.call("email-alerts", "send_fraud_alert_email", {}, None, LIMIT_S)

    assert "no read-only server email-alerts is served here" in str(anyio.run(call).error)


def test_a_tool_that_is_late_is_not_waited_for() -> None:
    released = threading.Event()

    async def stuck(*_: Any) -> McpReply:
        await anyio.to_thread.run_sync(released.wait)  # which cannot be cancelled
        return McpReply({"late": True})

    async def ask() -> ToolAnswer:
        answer = await toolbox_of(stuck).call(
            "customer_history", {}, transaction_id="T", limit_s=0.05, traceparent=None
        )
        released.set()
        return answer

    assert anyio.run(ask).error == "no answer within 0.05 s"


@pytest.mark.parametrize("failure", [RuntimeError("secret words"), ExceptionGroup("g", [OSError("secret words")])])
def test_a_tool_that_breaks_is_an_error_without_its_words(failure: Exception) -> None:
    async def breaks(*_: Any) -> McpReply:
        raise failure

    assert asked(toolbox_of(breaks), "customer_history") == ToolAnswer(error="the tool failed")


def test_a_connection_that_is_closed_meanwhile_is_an_error() -> None:
    async def closed(*_: Any) -> McpReply:
        raise asyncio.CancelledError

    assert asked(toolbox_of(closed), "customer_history").error == "the connection was closed"


def test_whoever_stops_waiting_ends_the_call() -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def waits(*_: Any) -> McpReply:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        raise AssertionError

    async def stop() -> None:
        toolbox = toolbox_of(waits)
        call = asyncio.create_task(
            toolbox.call("customer_history", {}, transaction_id="T", limit_s=LIMIT_S, traceparent=None)
        )
        await asyncio.wait_for(begun.wait(), LIMIT_S)
        call.cancel()
        await asyncio.wait_for(ended.wait(), LIMIT_S)

    asyncio.run(stop())


def test_calls_that_pile_up_are_refused() -> None:
    async def pile_up() -> tuple[ToolAnswer, list[ToolAnswer]]:
        go_on = asyncio.Event()

        async def waits(*_: Any) -> McpReply:
            await go_on.wait()
            return McpReply({"counted": 1})

        toolbox = toolbox_of(waits)
        how: dict[str, Any] = {"transaction_id": "T", "limit_s": LIMIT_S, "traceparent": None}
        calls = [asyncio.create_task(toolbox.call("customer_history", {}, **how)) for _ in range(CALLS_MAX)]
        await asyncio.sleep(0)
        refused = await toolbox.call("customer_history", {}, **how)
        go_on.set()
        return refused, await asyncio.gather(*calls)

    refused, answers = asyncio.run(pile_up())
    assert refused.error == "too many questions are under way"
    assert all(answer.items == {"counted": 1} for answer in answers)


def test_an_error_of_the_tool_is_passed_on_bounded_and_on_one_line() -> None:
    async def fails(*_: Any) -> McpReply:
        return McpReply(error="wrong\nthing\x1b[2J " + "x" * 5000)

    error = str(asked(toolbox_of(fails), "customer_history").error)
    assert error.startswith("wrong thing [2J xxx")
    assert len(error) == 500


rows = st.lists(
    st.dictionaries(st.text(max_size=9), st.text(max_size=300) | st.integers(0, 9**9), max_size=6), max_size=25
)


@given(rows, rows, st.booleans())
def test_an_answer_has_four_kibibytes_at_most_and_says_what_was_left_out(
    first: list[Any], second: list[Any], free: bool
) -> None:
    document = {"cases": first, "decisions": second, "free_text": ["decisions"] if free else [], "counted": 7}
    answer = answer_of(McpReply(document))
    assert answer.free_text is free
    if answer.error is None:
        assert len(orjson.dumps(answer.items)) <= ANSWER_MAX
        assert answer.items["counted"] == 7
        kept = answer.items["cases"], answer.items["decisions"]
        assert (kept[0], kept[1]) == (first[: len(kept[0])], second[: len(kept[1])])
        left_out = len(first) + len(second) - len(kept[0]) - len(kept[1])
        assert answer.items.get("left_out", 0) == left_out
        assert "free_text" not in answer.items


def test_an_answer_that_nothing_can_shorten_is_an_error() -> None:
    assert answer_of(McpReply({"text": "x" * 5000})).error == "the answer is too long"


SPANS = """
import anyio, json, sys
from pathlib import Path
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from fraudray.settings import load_settings
from fraudray.tools.callers import InProcessCaller
from fraudray.tools.shared_store import SharedStoreProvider

kept = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(kept))
trace.set_tracer_provider(provider)
caller = InProcessCaller(SharedStoreProvider(load_settings(data_dir=Path(sys.argv[1]))))
question = ("transaction-risk", "merchant_history", {"merchant": "Kiosk"}, sys.argv[2], 20.0)
reply = anyio.run(caller.call, *question)
assert reply.error is None, reply.error
print(json.dumps([
    (span.name, f"00-{span.context.trace_id:032x}-{span.parent.span_id:016x}-01")
    for span in kept.get_finished_spans() if span.parent
]))
"""


def test_the_server_makes_a_child_span_of_the_trace_that_is_given(app: App) -> None:
    """In a process of its own, since a process has one tracer."""
    ran = subprocess.run(
        [sys.executable, "-c", SPANS, str(app.settings.data_dir), TRACE], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert ["tools/call merchant_history", TRACE] in json.loads(ran.stdout)
