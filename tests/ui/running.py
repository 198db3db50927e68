"""The API and the page as real servers on loopback, in threads of this process."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn

from fraudray.bootstrap import App
from fraudray.deployments.gateway import build_gateway
from fraudray.settings import load_settings
from fraudray.ui.config import PageConfig
from fraudray.ui.main import quiet_gradio

START_S = 60


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(app: Any, port: int | None = None) -> Iterator[str]:
    """The app on a port of loopback; gives its address."""
    port = port or free_port()
    server = uvicorn.Server(
        uvicorn.Config(app, port=port, log_level="error", timeout_graceful_shutdown=1, timeout_keep_alive=60)
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    give_up_at = time.monotonic() + START_S
    while not server.started:
        assert thread.is_alive(), "the server did not start"
        assert time.monotonic() < give_up_at, "the server does not start"
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def serving_api(folder: Path, *, port: int | None = None, **settings: Any) -> Iterator[str]:
    """A real gateway on an empty data folder."""
    app = App(load_settings(data_dir=folder, **settings))  # the gateway closes it
    with serving(build_gateway(app), port) as url:
        yield url


@contextmanager
def serving_page(api: str, **config: Any) -> Iterator[str]:
    """The page on that API."""
    quiet_gradio()
    from fraudray.ui.app import build_page

    with serving(build_page(PageConfig(api=api, **config))) as url:
        yield url
