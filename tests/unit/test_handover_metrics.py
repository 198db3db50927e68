"""A gateway's own lines, after those of the one that decides."""

from __future__ import annotations

import asyncio
from typing import get_args

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.types import Message

from fraudray.deployments.handover_metrics import HandoverMetrics, State


def answered(metrics: HandoverMetrics, *messages: Message) -> list[Message]:
    """What is sent where these are."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def run() -> None:
        more = metrics.after(send)
        for message in messages:
            await more(message)

    asyncio.run(run())
    return sent


def start(status: int, length: int | None) -> Message:
    headers = [(b"content-type", b"text/plain")]
    if length is not None:
        headers.append((b"content-length", str(length).encode()))
    return {"type": "http.response.start", "status": status, "headers": headers}


def body(text: bytes, *, more: bool = False) -> Message:
    return {"type": "http.response.body", "body": text, "more_body": more}


@pytest.mark.parametrize("state", get_args(State))
def test_a_gateway_is_one_thing_at_a_time(state: State) -> None:
    metrics = HandoverMetrics(lambda: state)
    found = {
        sample.labels["state"]: (sample.labels["gateway"], sample.value)
        for family in text_string_to_metric_families(metrics.document().decode())
        for sample in family.samples
        if sample.name == "fraudray_gateway_state"
    }
    assert found == {name: (metrics.gateway, float(name == state)) for name in get_args(State)}


def test_two_gateways_are_told_apart() -> None:
    assert HandoverMetrics(lambda: "waiting").gateway != HandoverMetrics(lambda: "waiting").gateway


def test_its_lines_come_last_and_are_counted_in_the_length() -> None:
    metrics = HandoverMetrics(lambda: "deciding")
    begun, first, last = answered(metrics, start(200, 8), body(b"up 1", more=True), body(b"\nb 2"))
    assert first == body(b"up 1", more=True)
    assert last == body(b"\nb 2" + metrics.document())
    assert dict(begun["headers"]) == {
        b"content-type": b"text/plain", b"content-length": str(8 + len(metrics.document())).encode(),
    }  # fmt: skip


def test_where_another_ones_lines_explain_them_they_are_samples_only() -> None:
    metrics = HandoverMetrics(lambda: "passing-on")
    metrics.passed_on("answered")
    begun, last = answered(metrics, start(200, None), body(b"up 1\n"))
    assert dict(begun["headers"]) == {b"content-type": b"text/plain"}
    lines = last["body"].decode().splitlines()
    assert lines[0] == "up 1"
    assert f'fraudray_passed_on_total{{gateway="{metrics.gateway}",result="answered"}} 1.0' in lines
    assert not any(line.startswith("#") for line in lines)


def test_a_refusal_stays_as_it_is() -> None:
    refusal = [start(401, 3), body(b"key")]
    assert answered(HandoverMetrics(lambda: "passing-on"), *refusal) == refusal
