"""What is measured, as processes of their own: the API on a folder of its own, the page, and a baseline."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any

import httpx
import yaml

from fraudray.domain.errors import StoreFailed

START_S = 120.0
STOP_S = 20.0
_ONLY_CASES = {"APPROVE": [], "REVIEW": ["open_case"], "BLOCK": ["open_case"]}


@contextmanager
def serving(folder: Path, *, only_cases: bool = True) -> Iterator[tuple[str, str]]:
    """The addresses of an API on `folder` and of the page on it; ended afterwards. With `only_cases` nothing but cases
    follows from decisions. Raises StoreFailed where one does not start."""
    api, page = _free_port(), _free_port()
    environment = _environment(folder)
    if not only_cases:
        del environment["FRAUDRAY_POLICY_FILE"]
    gateway = [sys.executable, "-m", "uvicorn", "fraudray.deployments.gateway:build_asgi_app", "--factory"]
    gateway += ["--port", str(api), "--log-level", "error"]
    with (
        _process(gateway, environment, folder / "api.log", f"http://127.0.0.1:{api}/readyz"),
        _process(
            [sys.executable, "-m", "fraudray.cli", "page", "--api", f"http://127.0.0.1:{api}", "--port", str(page)],
            environment, folder / "page.log", f"http://127.0.0.1:{page}/page/healthz",
        ),
    ):  # fmt: skip
        yield f"http://127.0.0.1:{api}", f"http://127.0.0.1:{page}"


@contextmanager
def empty_gradio(folder: Path) -> Iterator[str]:
    """The address of a Gradio app that shows one line of text: what any such page costs."""
    port = _free_port()
    program = (
        "import gradio as gr\n"
        "with gr.Blocks() as blocks:\n    gr.HTML('<p id=there>Hello</p>')\n"
        f"blocks.launch(server_name='127.0.0.1', server_port={port}, quiet=True, ssr_mode=False)\n"
    )
    address = f"http://127.0.0.1:{port}/"
    with _process([sys.executable, "-c", program], _environment(folder), folder / "gradio.log", address):
        yield address


def cases_policy() -> str:
    """The packaged policy, with no action but opening cases: thousands of mails are not what is measured."""
    text = resources.files("fraudray.policy").joinpath("default.yaml").read_text(encoding="utf-8")
    document: dict[str, Any] = yaml.safe_load(text)
    return yaml.safe_dump(document | {"actions": _ONLY_CASES}, sort_keys=False, allow_unicode=True)


def _environment(folder: Path) -> dict[str, str]:
    policy = folder / "cases.yaml"
    policy.write_text(cases_policy(), encoding="utf-8")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FRAUDRAY_")}
    return kept | {
        "FRAUDRAY_DATA_DIR": str(folder / "data"), "FRAUDRAY_POLICY_FILE": str(policy), "FRAUDRAY_FSYNC": "normal",
        "FRAUDRAY_LOG_LEVEL": "ERROR", "GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_OFFLINE": "1",
    }  # fmt: skip


@contextmanager
def _process(command: list[str], environment: Mapping[str, str], log: Path, ready: str) -> Iterator[None]:
    with log.open("wb") as out:
        process = subprocess.Popen(command, env=dict(environment), stdout=out, stderr=out)  # noqa: S603 - our own
        try:
            _wait(process, log, ready)
            yield
        finally:
            process.terminate()
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()


def _wait(process: subprocess.Popen[bytes], log: Path, ready: str) -> None:
    give_up_at = time.monotonic() + START_S
    while process.poll() is None and time.monotonic() < give_up_at:
        try:
            if httpx.get(ready, timeout=2).is_success:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.1)
    said = log.read_text(encoding="utf-8", errors="replace")[-1000:]
    raise StoreFailed(f"a server to be measured did not start: {said.strip() or 'it said nothing'}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
