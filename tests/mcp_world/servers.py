"""The six servers in processes of their own: together in the gateway, and each alone."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx

from fraudray.settings import PREFIX
from fraudray.tools.catalogue import TOOLS
from tests.tools.serving import free_port

READY_S = 60
Addresses = Mapping[str, str]
"""Where each of the six is, by name."""


@contextlib.contextmanager
def mounted(folder: Path) -> Iterator[Addresses]:
    """The gateway on a data folder, as Ray Serve's replica has it, without Ray."""
    port = free_port()
    command = ["-m", "uvicorn", "--factory", "fraudray.deployments.gateway:build_asgi_app", "--port", str(port)]
    addresses = {entry.name: f"http://127.0.0.1:{port}{entry.path}" for entry in TOOLS}
    with _running(folder, {f"http://127.0.0.1:{port}/healthz": command}):
        yield addresses


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[Addresses]:
    """Six processes on one data folder."""
    addresses, commands = {}, {}
    for entry in TOOLS:
        port = free_port()
        addresses[entry.name] = f"http://127.0.0.1:{port}{entry.path}"
        commands[addresses[entry.name]] = ["-m", entry.module, "--transport", "http", "--port", str(port)]
    with _running(folder, commands):
        yield addresses


@contextlib.contextmanager
def _running(folder: Path, commands: Mapping[str, list[str]]) -> Iterator[None]:
    """Python processes, once each answers at its address; their output is shown when one does not."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    environment = kept | {"FRAUDRAY_DATA_DIR": str(folder)}
    log = folder / "test-servers.log"
    processes: list[subprocess.Popen[bytes]] = []
    try:
        with log.open("ab") as out:
            processes.extend(
                subprocess.Popen([sys.executable, *command], env=environment, stdout=out, stderr=out)
                for command in commands.values()
            )
        give_up_at = time.monotonic() + READY_S
        for address in commands:
            while not _answers(address):
                dead = [process.returncode for process in processes if process.poll() is not None]
                assert not dead, log.read_text()
                assert time.monotonic() < give_up_at, log.read_text()
                time.sleep(0.1)
        yield
    finally:
        for process in processes:
            process.send_signal(signal.SIGINT)
        for process in processes:
            process.wait(30)


def _answers(address: str) -> bool:
    """Whether something is served there; an MCP address answers GET with 405."""
    try:
        return httpx.get(address, timeout=10).status_code in (200, 405)
    except httpx.TransportError:
        return False
