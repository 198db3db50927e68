"""The page as `make run` serves it: at / beside the API, through HAProxy, and whatever happens to its process."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import httpx
import psutil
import pytest

from fraudray.deployments.processes import find_marked, run_marker
from tests.e2e.conftest import Served
from tests.ui.events import do, texts

pytestmark = pytest.mark.serve
UP_S = 90


@pytest.fixture
def web(served: Served) -> httpx.Client:
    """A browser's way to it."""
    client = httpx.Client(base_url=served.url, headers={"origin": served.url}, timeout=30)
    until(lambda: client.get("/try").status_code == 200)
    return client


def until(holds: Callable[[], bool]) -> None:
    give_up_at = time.monotonic() + UP_S
    while not holds():
        assert time.monotonic() < give_up_at
        time.sleep(0.1)


def process_of(served: Served) -> psutil.Process:
    """The page's process of that run."""
    return next(p for p in find_marked(run_marker(served.data_dir)) if "fraudray.ui.main" in " ".join(p.cmdline()))


def test_the_page_is_at_the_root_beside_the_api(web: httpx.Client, served: Served) -> None:
    assert 'class="fr-top"' in web.get("/").text
    assert web.get("/healthz").json() == {"status": "ok"}
    assert web.get("/v1/nothing").headers["content-type"] == "application/problem+json"
    assert web.get("/docs").status_code == 200
    config = json.loads(process_of(served).cmdline()[-1])
    assert config["api"] == served.url


def test_a_stream_of_the_page_passes_the_proxy(web: httpx.Client) -> None:
    payment = {"tx-transaction_id": "P-1", "tx-customer_id": "C-9", "tx-amount": "5", "tx-merchant": "Shop"}
    shown = texts(do(web, "try", "decide", payment))
    assert "Deciding" in shown
    assert "fr-outcome-" in shown


def test_a_page_that_is_killed_comes_back_and_the_api_does_not_notice(web: httpx.Client, served: Served) -> None:
    first = process_of(served)
    first.kill()
    first.wait(10)
    waiting = web.get("/case?id=1")
    assert waiting.status_code == 503
    assert "is starting" in waiting.text
    assert web.get("/readyz").status_code == 200
    until(lambda: web.get("/try").status_code == 200)
    assert process_of(served).pid != first.pid
