"""The page's process: plain uvicorn, no Ray."""

from __future__ import annotations

import os
import sys
import threading

import uvicorn

from fraudray.ui.config import PageConfig

KEEP_ALIVE_S = 3600
"""A connection is closed by whoever is in front: HAProxy never finds one that the page has just closed."""
BEHIND_DECISIONS = 10
"""How much the page yields to the server beside it, which is starting at the same time and decides payments later."""
STOP_S = 2
"""What open streams get when the page stops."""

_GRADIO = {
    "GRADIO_ANALYTICS_ENABLED": "False",  # asks its makers' hosts otherwise
    "GRADIO_ANALYTICS_CACHE_FREQUENCY": "1000000000",  # figures that nobody asks for, made anew after each event
    "GRADIO_ANALYTICS_MAX_EVENTS": "100",
    "GRADIO_RUN_HISTORY": "False",
    "GRADIO_MCP_SERVER": "False",
    "GRADIO_SSR_MODE": "False",
    "GRADIO_NODE_PATH": "",
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
}


def main() -> None:
    """Serve the page as the server asks: its JSON is the only argument."""
    os.nice(BEHIND_DECISIONS)
    serve(PageConfig.from_json(sys.argv[1]))


def serve(config: PageConfig) -> None:
    """Serve the page until SIGTERM or Ctrl-C."""
    quiet_gradio()
    # Gradio imports it at the first event to choose its backend: a second and 40 MB, and nothing here draws with it.
    sys.modules["matplotlib"] = None  # type: ignore[assignment]
    from fraudray.ui.app import build_page

    server = uvicorn.Server(
        uvicorn.Config(
            build_page(config), host=config.host, port=config.port, log_level="warning", access_log=False,
            timeout_keep_alive=KEEP_ALIVE_S, timeout_graceful_shutdown=STOP_S, server_header=False,
        )
    )  # fmt: skip
    if config.until_eof:
        threading.Thread(target=_stop_at_eof, args=(server,), daemon=True).start()
    server.run()


def quiet_gradio() -> None:
    """Gradio reads these when it is imported."""
    os.environ.update(_GRADIO)


def _stop_at_eof(server: uvicorn.Server) -> None:
    sys.stdin.buffer.read()
    server.should_exit = True
