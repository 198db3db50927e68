"""Whose paths are whose, and what HAProxy is told of the page: by a real HAProxy that reads it."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import httpx
import pytest
from starlette.routing import Mount, Route

from fraudray.bootstrap import App
from fraudray.deployments.gateway import build_gateway
from fraudray.deployments.haproxy_front import write_haproxy_front
from fraudray.deployments.paths import API_PATHS, is_api

# As Serve writes it, as far as it matters here.
CONFIG = """\
global
defaults
    mode http
    timeout connect 5s
    timeout client 3600s
    timeout server 5s
    errorfile 503 /nowhere
frontend http_frontend
    bind 127.0.0.1:{public}
    acl is_app path_beg /
    # Static routing based on path prefixes in decreasing length then alphabetical order
    use_backend app if is_app
    default_backend default_backend
backend default_backend
    http-request return status 404
backend app
    server app 127.0.0.1:{api} check
"""


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def answering(name: str, port: int) -> Iterator[None]:
    """A server that answers every request with its name."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-length", str(len(name)))
            self.end_headers()
            self.wfile.write(name.encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    thread = Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def front(tmp_path: Path, page_port: int | None, api_port: int) -> Iterator[str]:
    """The real HAProxy on a configuration that our script adapted, twice as Serve has it."""
    public = free_port()
    config = tmp_path / "haproxy.cfg"
    config.write_text(CONFIG.format(public=public, api=api_port))
    script = write_haproxy_front(tmp_path, "127.0.0.1", public, page_port)
    checked = subprocess.run([script, "-c", "-f", config], capture_output=True, text=True, timeout=20, check=False)
    assert checked.returncode == 0, checked.stderr
    process = subprocess.Popen([script, "-db", "-f", config], stderr=subprocess.DEVNULL)
    try:
        url = f"http://127.0.0.1:{public}"
        give_up_at = time.monotonic() + 20
        while True:
            try:
                httpx.get(url + "/readyz")
                break
            except httpx.TransportError:
                assert time.monotonic() < give_up_at, "HAProxy does not start"
                time.sleep(0.02)
        yield url
    finally:
        process.terminate()
        process.wait()


def test_what_is_not_the_apis_goes_to_the_page(tmp_path: Path) -> None:
    page, api = free_port(), free_port()
    with answering("page", page), answering("api", api), front(tmp_path, page, api) as url:
        for path in API_PATHS:
            assert httpx.get(url + path).text == "api", path
            assert httpx.get(f"{url}{path}/x").text == "api", path
        for path in ("/", "/try", "/case?id=FRD-2026-0001", "/v1x", "/docsy", "/assets/x.js", "/gradio_api/queue/data"):
            assert httpx.get(url + path).text == "page", path


def test_a_page_that_is_not_up_says_so_and_the_api_answers(tmp_path: Path) -> None:
    page, api = free_port(), free_port()
    with answering("api", api), front(tmp_path, page, api) as url:
        waiting = httpx.get(url + "/case?id=1")
        assert waiting.status_code == 503
        assert waiting.headers["content-type"] == "text/html; charset=utf-8"
        assert "default-src 'none'" in waiting.headers["content-security-policy"]
        assert 'role="status"' in waiting.text
        assert httpx.get(url + "/v1/cases").text == "api"
        with answering("page", page):
            assert httpx.get(url + "/case?id=1").text == "page"


def test_without_a_page_everything_is_the_apis(tmp_path: Path) -> None:
    api = free_port()
    with answering("api", api), front(tmp_path, None, api) as url:
        assert httpx.get(url + "/try").text == "api"


def test_an_api_that_is_not_up_answers_with_its_own_problem(tmp_path: Path) -> None:
    page, api = free_port(), free_port()
    with answering("page", page), front(tmp_path, page, api) as url:
        refused = httpx.get(url + "/v1/cases")
        assert refused.status_code == 503
        assert refused.headers["content-type"] == "application/problem+json"
        assert httpx.get(url + "/try").text == "page"


def test_every_route_of_the_gateway_is_the_apis(app: App) -> None:
    gateway = build_gateway(app)
    paths = [route.path for route in gateway.routes if isinstance(route, Route)]
    for mount in (route for route in gateway.routes if isinstance(route, Mount)):
        paths += [mount.path + str(getattr(route, "path", "")) for route in mount.routes or ()]
        paths += [mount.path] if mount.path else []
    assert len(paths) > 40
    assert [path for path in paths if not is_api(path)] == []


@pytest.mark.parametrize("path", ["/", "/v1x", "/V1/decisions", "/x/v1", ""])
def test_other_paths_are_not(path: str) -> None:
    assert not is_api(path)
