"""What one gateway of several on the same store is, and what it passed on: its own lines of `/metrics`.

The gateway that decides exports everything else. These lines come after its own; where a request for them was passed
on, after those of the gateway that it was passed on to; and alone while nothing is decided here.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Literal, get_args

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector
from starlette.types import Message, Send

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
State = Literal["waiting", "deciding", "passing-on"]
Result = Literal["answered", "lost"]


class HandoverMetrics(Collector):
    """Its series carry a label of their own, `gateway`: through one address Prometheus may see several."""

    def __init__(self, state: Callable[[], State]) -> None:
        self._state = state
        self.gateway = secrets.token_hex(4)
        """As whom this process is exported and logged. It says nothing to strangers, who may ask while it waits."""
        self._passed_on = Counter[Result]()
        self._registry = CollectorRegistry()
        self._registry.register(self)

    def passed_on(self, result: Result) -> None:
        """Count a request that was passed on: `lost` when the connection ended before an answer came."""
        self._passed_on[result] += 1

    def collect(self) -> Iterator[GaugeMetricFamily | CounterMetricFamily]:
        """See `Collector.collect`."""
        state = GaugeMetricFamily(
            "fraudray_gateway_state", "1 for what a gateway is: waiting for the store, deciding, or passing on to the "
            "one that took over.", labels=["gateway", "state"],
        )  # fmt: skip
        now = self._state()
        for name in get_args(State):
            state.add_metric([self.gateway, name], float(name == now))
        yield state
        passed = CounterMetricFamily(
            "fraudray_passed_on", "Requests that a gateway passed on to the one that took over, by what came of it.",
            labels=["gateway", "result"],
        )  # fmt: skip
        for result in get_args(Result):
            passed.add_metric([self.gateway, result], self._passed_on[result])
        yield passed

    def document(self) -> bytes:
        """These metrics alone, in Prometheus' text format."""
        return generate_latest(self._registry)

    def after(self, send: Send) -> Send:
        """`send` for the metrics of who decides, with these at their end; another gateway's explain them already."""
        more = b""

        async def sent(message: Message) -> None:
            nonlocal more
            if message["type"] == "http.response.start" and message["status"] == 200:
                more = self.document() if self._state() == "deciding" else _bare(self.document())
                headers = [_longer(name, value, len(more)) for name, value in message["headers"]]
                message = {**message, "headers": headers}
            elif message["type"] == "http.response.body" and not message.get("more_body", False):
                message = {**message, "body": message.get("body", b"") + more}
            await send(message)

        return sent


def _bare(text: bytes) -> bytes:
    """The samples, without the lines that explain them."""
    return b"".join(line for line in text.splitlines(keepends=True) if not line.startswith(b"#"))


def _longer(name: bytes, value: bytes, by: int) -> tuple[bytes, bytes]:
    return (name, str(int(value) + by).encode()) if name == b"content-length" else (name, value)
