"""The page's process as an ASGI app: Gradio with our pages, our own few routes, and what stands before both."""

from __future__ import annotations

import warnings

import gradio as gr
from fastapi import FastAPI
from gradio.utils import LRUCache
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp

from fraudray.ui.assets import shared_assets
from fraudray.ui.backtest_files import BacktestFiles
from fraudray.ui.case_files import CaseFiles
from fraudray.ui.config import PageConfig
from fraudray.ui.document import Documents
from fraudray.ui.door import ALIVE_PATH, Door
from fraudray.ui.pages import HOME, PAGES
from fraudray.ui.prefix import Prefix
from fraudray.ui.room import Room
from fraudray.ui.signing import Signing

CONCURRENT_MAX = 32
"""How many events of one kind are worked on at once; each waits for the API in a thread of its own."""
SESSIONS_MAX = 200
"""Of Gradio's sessions, which hold nothing of ours, so many are kept."""
STREAMS_MAX = 1000
"""Of those who are sent something, so many may be at once."""
QUEUE_POLL_S = 0.01
"""Gradio's own is 0.001: 5 % of a core for doing nothing."""
PAGE_TITLE = "fraudray"


def build_page(config: PageConfig) -> ASGIApp:
    """The whole of it. Import `fraudray.ui.main` and call `quiet_gradio` before Gradio is imported."""
    assets = shared_assets()
    signing = Signing(config)
    inner = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    inner.add_route(ALIVE_PATH, _alive, methods=["GET"])
    inner.add_route("/page/static/{name}", assets.serve, methods=["GET"])
    inner.add_route("/page/sign-in", signing.sign_in, methods=["POST"])
    inner.add_route("/page/sign-out", signing.sign_out, methods=["POST"])
    inner.add_route("/page/name", signing.rename, methods=["POST"])
    files = CaseFiles(config)
    inner.add_route("/page/cases/{case_id}/files", files.upload, methods=["POST"])
    inner.add_route("/page/cases/{case_id}/files/{file_id}", files.download, methods=["GET"])
    inner.add_route("/page/reports/{case_id}", files.report, methods=["GET"])
    inner.add_route("/page/backtests/{backtest_id}/report", BacktestFiles(config).report, methods=["GET"])
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "SSR mode is not supported")  # nobody asked for it
        _mount(inner, config)
    documents = Documents(inner, config, assets, PAGES, HOME)
    return Prefix(Door(documents, config.hosts, documents.paths), config.root_path)


def _mount(inner: FastAPI, config: PageConfig) -> None:
    gr.mount_gradio_app(
        inner, build_blocks(config), path="/", root_path=config.root_path or None, footer_links=[], run_history=False,
        show_error=False, ssr_mode=False, mcp_server=False, pwa=False, enable_monitoring=False, theme=_theme(),
        blocked_paths=["/"], max_file_size="1kb",
    )  # fmt: skip


def build_blocks(config: PageConfig) -> gr.Blocks:
    """Our pages as routes of one Gradio app: they share its bundle, which a browser loads once."""
    blocks = gr.Blocks(title=PAGE_TITLE, analytics_enabled=False, fill_width=True)
    with blocks:
        HOME.build(Room(config))
    for page in PAGES:
        with blocks.route(page.title, page.path, show_in_navbar=False):
            page.build(Room(config))
    blocks.state_session_capacity = SESSIONS_MAX
    blocks.queue(default_concurrency_limit=CONCURRENT_MAX, api_open=False)
    queue = blocks._queue
    queue.sleep_when_free = QUEUE_POLL_S
    # Else it keeps what it has sent to the last 2,000 sessions, and figures of the last 10,000 events.
    queue.pending_messages_per_session = LRUCache(STREAMS_MAX)
    queue.ANALYTICS_MAX_EVENTS = STREAMS_MAX
    return blocks


def _theme() -> gr.themes.Base:
    """Without fonts to load; colours are our style sheet's."""
    fonts = ["system-ui", "sans-serif"]
    return gr.themes.Base(font=fonts, font_mono=["ui-monospace", "monospace"])


async def _alive(_request: Request) -> Response:
    return JSONResponse({"status": "ok"})
