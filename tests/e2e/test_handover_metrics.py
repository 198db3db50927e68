"""What a scrape says of gateways that follow one another, whichever of them it reaches."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NoReturn

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from fraudray.adapters.local_token import read_local_token
from fraudray.deployments.standby import HANDOVER_PATH, Standby
from fraudray.domain.errors import StoreInUse
from tests.batch.job_bench import eventually
from tests.e2e.test_handover import Gateway, Gateways, owner
from tests.ui.running import free_port, serving

Plain = Callable[..., dict[str, Any]]


@pytest.fixture
def gateways(tmp_path: Path) -> Iterator[Gateways]:
    """Starts gateways on one data folder."""
    started: list[Gateway] = []

    def start() -> Gateway:
        gateway = Gateway({"data_dir": tmp_path / "data"})
        gateway.start()
        started.append(gateway)
        eventually(lambda: gateway.url in owner(tmp_path / "data"), "it does not come to decide")
        return gateway

    yield start
    for gateway in reversed(started):
        gateway.stop()


def scraped(url: str) -> dict[tuple[str, str], float]:
    """The sums of samples by name and the value of their state, result or decision: of states, how many are in it."""
    answer = httpx.get(f"{url}/metrics", timeout=30).raise_for_status()
    found: dict[tuple[str, str], float] = {}
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            for label in ("state", "result", "decision"):
                if label in sample.labels:
                    key = sample.name, sample.labels[label]
                    found[key] = found.get(key, 0.0) + sample.value
    return found


def states(found: dict[tuple[str, str], float]) -> dict[str, float]:
    return {state: value for (name, state), value in found.items() if name == "fraudray_gateway_state"}


def test_who_waits_says_so_at_once_and_nothing_else(tmp_path: Path) -> None:
    def build() -> NoReturn:
        raise StoreInUse("process 7 has the database open")

    url = f"http://127.0.0.1:{free_port()}"
    standby = Standby(build, tmp_path, url, first=None, fail=threading.Event().set)
    with serving(standby, int(url.rpartition(":")[2])):
        answer = httpx.get(f"{url}/metrics", timeout=10)
        assert states(scraped(url)) == {"waiting": 1, "deciding": 0, "passing-on": 0}
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    samples = [line for line in answer.text.splitlines() if not line.startswith("#")]
    assert {line.partition("{")[0] for line in samples} == {"fraudray_gateway_state", "fraudray_passed_on_total"}


def test_one_decides_and_the_other_passes_on_whichever_is_asked(gateways: Gateways, plain: Plain) -> None:
    first = gateways()
    assert states(scraped(first.url)) == {"waiting": 0, "deciding": 1, "passing-on": 0}
    second = gateways()
    before = scraped(first.url)
    assert states(before) == {"waiting": 0, "deciding": 1, "passing-on": 1}
    assert states(scraped(second.url)) == {"waiting": 0, "deciding": 1, "passing-on": 0}
    for _ in range(3):
        assert httpx.post(f"{first.url}/v1/decisions", json=plain()).status_code == 201
    after = scraped(first.url)
    decided, passed = ("fraudray_decisions_total", "APPROVE"), ("fraudray_passed_on_total", "answered")
    assert after[decided] - before[decided] == 3  # those of the one that decides
    assert after[passed] - before[passed] == 4  # and the scrape before, once it had been answered
    assert scraped(second.url)[passed] == 0


def test_a_request_whose_answer_was_lost_is_counted_as_lost(gateways: Gateways, plain: Plain, tmp_path: Path) -> None:
    first = gateways()
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        hanging_up = threading.Thread(target=_hang_up, args=(silent,))
        hanging_up.start()
        asked = httpx.post(
            first.url + HANDOVER_PATH, json={"to": f"http://127.0.0.1:{silent.getsockname()[1]}"},
            headers={"authorization": f"Bearer {read_local_token(tmp_path / 'data')}"},
        )  # fmt: skip
        assert asked.status_code == 202
        assert httpx.post(f"{first.url}/v1/decisions", json=plain(), timeout=30).status_code == 503
        silent.shutdown(socket.SHUT_RDWR)
        hanging_up.join(10)
    # Nobody listens there any more: it decides again.
    eventually(lambda: states(scraped(first.url))["deciding"] == 1, "it does not take the store back")
    assert scraped(first.url)["fraudray_passed_on_total", "lost"] == 1


def _hang_up(server: socket.socket) -> None:
    """Take each connection and what comes first on it, and end it."""
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        with connection:
            connection.recv(65536)
