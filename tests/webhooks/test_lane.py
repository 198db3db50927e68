"""The webhooks' lane: dead endpoints delay nobody, stopping is quick, killing loses nothing."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import orjson
import pytest

from fraudray.bootstrap import App
from fraudray.service import LocalService
from fraudray.settings import load_settings
from fraudray.testing.clock import FixedClock

from .conftest import INSIDE
from .receiver import Receiver

DEAD = 20
Samples = list[dict[str, Any]]


@pytest.fixture
def dead_ports() -> Iterator[list[int]]:
    """Ports that take connections and never say a word."""
    with ExitStack() as stack:
        ports = []
        for _ in range(DEAD):
            listening = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            ports.append(listening.getsockname()[1])
        yield ports


def wish(port: int) -> dict[str, Any]:
    return {"url": f"http://127.0.0.1:{port}/", "events": ["decision.created"]}


def until(what: Any, seconds: float) -> float:
    """How long it took until `what()` held."""
    began = time.monotonic()
    while not what():
        assert time.monotonic() - began < seconds, f"not within {seconds} s"
        time.sleep(0.01)
    return time.monotonic() - began


def test_twenty_dead_endpoints_delay_neither_an_alert_nor_a_live_endpoint_nor_the_end(
    tmp_path: Path, dead_ports: list[int], receiver: Receiver, samples: Samples
) -> None:
    settings = load_settings(data_dir=tmp_path / "data", **INSIDE | {"webhook_timeout_s": 15})
    app = App(settings)
    try:
        webhooks = LocalService(app).webhooks
        for port in [*dead_ports, receiver.port]:
            webhooks.add(wish(port), author="ana")
        app.engine.decide(samples[1])  # 21 webhooks, an e-mail, an SMS and a report
        until(lambda: len(list(settings.mail_dir.glob("*.eml"))) == 1, 2)
        receiver.wait(1, 5)
        app.engine.decide(samples[1] | {"transaction_id": "T-2", "customer_id": "C-67890"})
        until(lambda: len(list(settings.mail_dir.glob("*.eml"))) == 2, 2)
        receiver.wait(1, 5)
        until(lambda: app.worker.lane.results["delivered"] == 2, 5)
    finally:
        began = time.monotonic()
        app.close()
    assert time.monotonic() - began < 5
    with App(settings, work=False) as again:
        rows = [row for row in again.store.outbox.list(limit=200) if row.entry.kind == "webhook"]
    waiting = [row for row in rows if row.status == "pending"]
    assert len(waiting) == 2 * DEAD
    assert {row.attempts for row in waiting} == {0}  # what the end cut off was not tried


def test_what_was_being_sent_when_the_process_was_killed_is_sent_again_under_its_id(
    tmp_path: Path, receiver: Receiver, samples: Samples, clock: FixedClock
) -> None:
    receiver.answers.append(lambda _handler: time.sleep(60))
    settings = {"data_dir": tmp_path / "data", **INSIDE}
    with App(load_settings(**settings), work=False) as app:
        LocalService(app).webhooks.add(wish(receiver.port), author="ana")
    code = (
        "import sys, orjson; from fraudray.bootstrap import App; from fraudray.settings import load_settings\n"
        "App(load_settings()).engine.decide(orjson.loads(sys.argv[1])); sys.stdin.read()"
    )
    environment = os.environ | {f"FRAUDRAY_{name.upper()}": str(value) for name, value in settings.items()}
    process = subprocess.Popen(
        [sys.executable, "-c", code, orjson.dumps(samples[1]).decode()], env=environment, stdin=subprocess.PIPE
    )
    try:
        receiver.wait(1, 60)
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    clock.advance(minutes=5)  # past its lease
    with App(load_settings(**settings), clock=clock, work=False) as app:
        app.worker.drain()
        assert app.worker.lane.results["delivered"] == 1
    first, second = receiver.got
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body


def test_a_backlog_does_not_hammer_on_what_is_down(
    app: App, service: LocalService, receiver: Receiver, samples: Samples, clock: FixedClock
) -> None:
    service.webhooks.add(wish(receiver.port), author="ana")
    receiver.always = 500
    for number in range(20):
        app.engine.decide(samples[1] | {"transaction_id": f"T-{number}"})
    app.worker.drain()
    assert len(receiver.got) == 2
    receiver.always = 200
    clock.advance(seconds=10)
    app.worker.drain()
    assert app.worker.lane.results["delivered"] == 20


def test_events_of_one_endpoint_come_in_order(
    app: App, service: LocalService, receiver: Receiver, samples: Samples
) -> None:
    service.webhooks.add(wish(receiver.port), author="ana")
    ids = [f"T-{number}" for number in range(30)]
    for transaction_id in ids:
        app.engine.decide(samples[1] | {"transaction_id": transaction_id})
    app.worker.drain()
    assert [got.document["data"]["transaction_id"] for got in receiver.got] == ids
