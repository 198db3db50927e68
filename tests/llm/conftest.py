"""One server for all tests: `fraudray serve --llm tiny`, as `make run-llm` starts it, with real vLLM."""

from __future__ import annotations

import importlib.util
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from openai import AsyncOpenAI, OpenAI

from tests.collector import Collector

# Only `make test-llm` runs these: elsewhere there is no vLLM, and nothing to skip either.
collect_ignore_glob = [] if importlib.util.find_spec("vllm") else ["test_*.py"]

READY_S = 600
READY_LINE = "Ctrl-C stops it.\n"


@dataclass(frozen=True)
class ServedModel:
    """A running server with its model."""

    url: str
    data_dir: Path
    log: Path

    @property
    def openai_url(self) -> str:
        return f"{self.url}/llm/v1"


@pytest.fixture(scope="session")
def collector() -> Iterator[Collector]:
    """Where the server sends its traces."""
    with Collector() as made:
        yield made


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory, collector: Collector) -> Iterator[ServedModel]:
    """The server, ready, stopped as Ctrl-C stops it."""
    folder = tmp_path_factory.mktemp("llm")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FRAUDRAY_")} | {
        "FRAUDRAY_DATA_DIR": str(folder / "data"), "FRAUDRAY_OTLP_URL": collector.url,
    }  # fmt: skip
    log = folder / "log"
    command = [str(Path(sys.executable).parent / "fraudray"), "serve", "--llm", "tiny", "--port", str(port)]
    with log.open("w") as out:
        process = subprocess.Popen(
            command, env=environment, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
    try:
        _wait_until_ready(process, log)
        yield ServedModel(f"http://127.0.0.1:{port}", folder / "data", log)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(90)


def _wait_until_ready(process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + READY_S
    while READY_LINE not in log.read_text():
        if process.poll() is not None or time.monotonic() > deadline:
            pytest.fail(f"the server with its model did not get ready:\n{log.read_text()[-4000:]}")
        time.sleep(0.2)


@pytest.fixture
def client(served: ServedModel) -> Iterator[OpenAI]:
    """The unmodified client."""
    with OpenAI(base_url=served.openai_url, api_key="none needed", max_retries=0, timeout=120) as client:
        yield client


@pytest.fixture
def many(served: ServedModel) -> AsyncOpenAI:
    """The same for many requests at once; each test runs it in one event loop."""
    return AsyncOpenAI(base_url=served.openai_url, api_key="none needed", max_retries=0, timeout=240)


@pytest.fixture
def llm(served: ServedModel) -> Iterator[httpx.Client]:
    """Plain HTTP to /llm."""
    with httpx.Client(base_url=served.url + "/llm", timeout=60) as client:
        yield client
