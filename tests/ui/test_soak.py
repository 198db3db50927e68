"""Two thousand visits, as a browser makes them, do not make the page's process grow."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from fraudray.ui.bench.servers import serving
from tests.ui.events import config_of

VISITS = 2000
WARM_UP = 300
AT_ONCE = 4
GROWTH_MAX_MIB = 24
"""Between the end of the warm-up and the last visit: less than a tenth of what the process has, and 15 KiB a visit."""


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    with serving(tmp_path_factory.mktemp("soak")) as (api, page):
        rows = [
            {"transaction_id": f"S-{n}", "customer_id": f"C-{n}", "amount": "4800.00", "merchant": "Crypto Exchange",
             "mcc": "6051", "card_present": False, "location": "Lagos, Nigeria", "previous_location": "Austin, TX",
             "time_since_last_transaction": "30 minutes"}
            for n in range(120)
        ]  # fmt: skip
        assert httpx.post(f"{api}/v1/decisions/bulk", json=rows, timeout=60).json()["rejected"] == 0
        yield api, page


def page_process(url: str) -> psutil.Process:
    port = url.rpartition(":")[2]
    found = [p for p in psutil.process_iter(["cmdline"]) if {"page", port} <= set(p.info["cmdline"] or [])]
    assert len(found) == 1
    return found[0]


def mib(process: psutil.Process) -> float:
    return float(process.memory_info().rss) / 2**20


def opened(web: httpx.Client, path: str) -> str:
    """Open a page as a browser does: the document, the session's heartbeat, what loads when it has opened."""
    document = web.get(path).raise_for_status().text
    session = secrets.token_hex(6)
    config = config_of(document)
    loading = [one for one in config["dependencies"] if one["targets"] and one["targets"][0][1] == "load"]
    with web.stream("GET", f"gradio_api/heartbeat/{session}") as beats:
        next(beats.iter_raw())
        if not loading:
            return ""
        (loads,) = loading
        body = {"data": [], "fn_index": loads["id"], "session_hash": session}
        query = path.partition("?")[2]
        if not loads["queue"]:
            answer = web.post(f"gradio_api/run/predict?{query}", json=body).raise_for_status()
            return json.dumps(answer.json()["data"])
        web.post(f"gradio_api/queue/join?{query}", json=body).raise_for_status()
        shown: list[Any] = []
        with web.stream("GET", "gradio_api/queue/data", params={"session_hash": session}) as stream:
            for line in stream.iter_lines():
                event = json.loads(line[6:]) if line.startswith("data: ") else {}
                shown.append(event.get("output"))
                if event.get("msg") == "process_completed":
                    assert event["success"], event
                    return json.dumps(shown)
    raise AssertionError("the page never opened")


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_two_thousand_visits_do_not_make_the_page_grow(servers: tuple[str, str], tmp_path: Path) -> None:
    api, url = servers
    case_id = httpx.get(f"{api}/v1/cases").json()["cases"][0]["case_id"]
    paths = ["queue", "queue?view=active&q=crypto&p=2", f"case?id={case_id}", "live", "try"]
    process = page_process(url)
    with httpx.Client(base_url=url + "/", headers={"origin": url}, timeout=60) as web:

        def visit(number: int) -> None:
            path = paths[number % len(paths)]
            shown = opened(web, path)
            if path.startswith(("queue", "case")):
                assert "FRD-" in shown, path

        with ThreadPoolExecutor(AT_ONCE) as visitors:
            list(visitors.map(visit, range(WARM_UP)))
            warm = mib(process)
            sizes = []
            for start in range(WARM_UP, VISITS, 100):
                list(visitors.map(visit, range(start, min(start + 100, VISITS))))
                sizes.append(mib(process))
    grown = max(sizes[-5:]) - warm
    print(f"page process: {warm:.0f} MiB after {WARM_UP} visits, {sizes[-1]:.0f} MiB after {VISITS}")
    assert grown < GROWTH_MAX_MIB, sizes
