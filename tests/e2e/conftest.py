"""The HTTP face twice: as an ASGI app in this process, and as `make run` really serves it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.testclient import TestClient

from fraudray.bootstrap import App
from fraudray.deployments.gateway import build_gateway
from fraudray.testing.clock import FixedClock
from tests.e2e.support.casework import Act

REPOSITORY = Path(__file__).parents[2]
READY_S = 180


@pytest.fixture
def http(app: App) -> Iterator[TestClient]:
    with TestClient(build_gateway(app), base_url="http://127.0.0.1:8000") as client:
        yield client


@pytest.fixture
def worked(app: App) -> Callable[[], int]:
    """Carries out what waits in the outbox."""
    return app.worker.drain


@dataclass(frozen=True)
class Served:
    """A running `make run`."""

    url: str
    data_dir: Path
    log: Path
    environment: dict[str, str]


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """`make run` on a free port and a folder of its own, stopped as Ctrl-C stops it."""
    folder = tmp_path_factory.mktemp("served")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("FRAUDRAY_")} | {
        "FRAUDRAY_DATA_DIR": str(folder / "data"),
        "FRAUDRAY_PORT": str(port),
    }
    log = folder / "log"
    with log.open("w") as out:
        process = subprocess.Popen(
            ["make", "run"], cwd=REPOSITORY, env=environment, stdout=out, stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
    try:
        _wait_until_decided(process, log)
        yield Served(f"http://127.0.0.1:{port}", folder / "data", log, environment)
    finally:
        os.killpg(process.pid, signal.SIGINT)
        process.wait(60)


def _wait_until_decided(process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + READY_S
    while "Ctrl-C stops it.\n" not in log.read_text():
        if process.poll() is not None or time.monotonic() > deadline:
            pytest.fail(f"make run did not get ready:\n{log.read_text()[-4000:]}")
        time.sleep(0.2)


@pytest.fixture
def real(served: Served) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=served.url, timeout=30) as client:
        yield client


@pytest.fixture
def cases(http: TestClient, samples: list[dict[str, Any]], clock: FixedClock) -> dict[str, str]:
    """Two cases of two customers: `block` (95) and `review`, opened ten minutes later."""
    block = http.post("/v1/decisions", json=samples[1]).json()["case_id"]
    clock.advance(minutes=10)
    review = http.post("/v1/decisions", json=samples[2]).json()["case_id"]
    return {"block": block, "review": review}


@pytest.fixture
def act(http: TestClient) -> Act:
    """Acts on a case: `act(case_id, "claim", "ana", version=3, **fields)`."""

    def act(case_id: str, what: str, author: str = "ana", *, version: int | None = None, **fields: Any) -> Any:
        headers = {"x-actor": author} | ({} if version is None else {"if-match": f'"{version}"'})
        return http.post(f"/v1/cases/{case_id}/{what}", json=fields, headers=headers)

    return act
