"""Traces over a real HTTP connection, as any OpenTelemetry collector gets them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest

from fraudray.adapters.openai_chat import OpenAIChat
from fraudray.adapters.otlp import open_tracer
from fraudray.agent.agent import Agent
from fraudray.domain.errors import SettingsError
from fraudray.ports.clock import SystemClock
from fraudray.ports.llm import ModelAbilities
from fraudray.ports.tracing import NoTracer, current_traceparent, deciding
from fraudray.settings import load_settings
from fraudray.testing.endpoint import MODEL, ModelEndpoint, says
from fraudray.testing.misbehaviour import Misbehaviour, misbehaving
from fraudray.testing.scripted_model import verdict
from tests.agent.briefs import AMOUNT, brief, investigated
from tests.agent.test_agent import Box, ask
from tests.collector import Collector

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as made:
        yield made


def investigate(url: str, collector: Collector, box: Box | None = None, **about: Any) -> None:
    tracer = open_tracer(load_settings(otlp_url=collector.url))
    agent = Agent(OpenAIChat(url, ModelAbilities(MODEL)), box, clock=SystemClock(), tracer=tracer)
    investigated(agent, brief().model_copy(update=about))
    tracer.close()


def test_the_model_and_the_tools_are_children_of_the_decisions_trace(collector: Collector) -> None:
    answers = [ask({"tool": "customer-history", "arguments": {}}), verdict("REVIEW", 50, [AMOUNT])]
    box = Box()
    with ModelEndpoint(lambda _: says(answers.pop(0), tokens=(90, 7))) as endpoint:
        investigate(endpoint.url, collector, box, traceparent=PARENT)
        sent = list(endpoint.headers)
    spans = {span.name: span for span in collector.spans}
    assert sorted(span.name for span in collector.spans) == [
        "chat scripted", "chat scripted", "execute_tool customer-history", "invoke_agent fraudray",
    ]  # fmt: skip
    assert {span.trace_id.hex() for span in collector.spans} == {PARENT.split("-")[1]}
    root = spans["invoke_agent fraudray"]
    assert root.parent_span_id.hex() == PARENT.split("-")[2]
    assert {span.parent_span_id for span in collector.spans if span is not root} == {root.span_id}
    chats = {span.span_id.hex() for span in collector.spans if span.name == "chat scripted"}
    assert {headers["traceparent"].split("-")[2] for headers in sent} == chats
    assert box.traceparents == [f"00-{root.trace_id.hex()}-{spans['execute_tool customer-history'].span_id.hex()}-01"]
    noted = {pair.key: pair.value.int_value for pair in spans["chat scripted"].attributes}
    assert (noted["gen_ai.usage.input_tokens"], noted["gen_ai.usage.output_tokens"]) == (90, 7)


def test_a_failure_is_an_error_of_its_span(collector: Collector) -> None:
    with misbehaving(Misbehaviour.CUT) as url:
        investigate(url, collector)
    said = {span.name: span.status.message for span in collector.spans}
    assert said == {"invoke_agent fraudray": "cut", "chat scripted": "cut"}


@pytest.mark.parametrize("sent", ["nonsense", "00-" + "0" * 32 + "-" + "1" * 16 + "-01", PARENT + "\n", ""])
def test_what_is_no_traceparent_begins_a_trace_of_its_own(collector: Collector, sent: str) -> None:
    tracer = open_tracer(load_settings(otlp_url=collector.url))
    with deciding(tracer, sent) as span:
        assert current_traceparent() == span.traceparent is not None
    assert current_traceparent() is None
    tracer.close()
    assert [span.parent_span_id for span in collector.spans] == [b""]


def test_without_an_address_nothing_is_traced_and_parents_are_handed_on() -> None:
    tracer = open_tracer(load_settings())
    assert isinstance(tracer, NoTracer)
    with deciding(tracer, PARENT):
        assert current_traceparent() == PARENT


def test_a_part_of_opentelemetry_that_is_missing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "fraudray.adapters.otlp_tracer", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with pytest.raises(SettingsError, match=r"fraudray\[llm\]"):
        open_tracer(load_settings(otlp_url="http://127.0.0.1:1/v1/traces"))


def test_a_collector_that_is_away_harms_nothing() -> None:
    tracer = open_tracer(load_settings(otlp_url="http://127.0.0.1:1/v1/traces"))
    with tracer.span("alone"):
        pass
    tracer.close()
