"""One gateway after another on the same store: nothing that comes meanwhile is lost."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from fraudray.adapters.local_token import read_local_token
from fraudray.bootstrap import App
from fraudray.deployments.gateway import build_gateway
from fraudray.deployments.standby import HANDOVER_PATH, OWNER_FILE, Standby
from fraudray.domain.errors import StoreInUse
from fraudray.settings import load_settings
from tests.batch.job_bench import eventually
from tests.ui.running import free_port, serving

pytestmark = pytest.mark.slow
Plain = Callable[..., dict[str, Any]]
Gateways = Callable[[], "Gateway"]


class Gateway:
    """A gateway with a successor's manners, served on loopback."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.url = f"http://127.0.0.1:{free_port()}"
        self.failed = threading.Event()
        first = None
        with suppress(StoreInUse):
            first = self._build(settings)
        self.waits = first is None
        self.app = Standby(
            lambda: self._build(settings), settings["data_dir"], self.url, first=first, fail=self.failed.set
        )
        self._stack = ExitStack()

    @staticmethod
    def _build(settings: dict[str, Any]) -> Any:
        return build_gateway(App(load_settings(**settings)))

    def start(self) -> None:
        self._stack.enter_context(serving(self.app, int(self.url.rpartition(":")[2])))

    def stop(self) -> None:
        self._stack.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def gateways(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Gateways]:
    """Starts gateways on one data folder, on either database."""
    settings: dict[str, Any] = {"data_dir": tmp_path / "data"}
    if request.param == "postgresql":
        settings["database_url"] = request.getfixturevalue("postgres_url")
    started: list[Gateway] = []

    def start() -> Gateway:
        gateway = Gateway(settings)
        gateway.start()
        started.append(gateway)
        return gateway

    yield start
    for gateway in reversed(started):
        gateway.stop()


def owner(folder: Path) -> str:
    return (folder / OWNER_FILE).read_text() if (folder / OWNER_FILE).exists() else ""


def decided(http: httpx.Client, url: str, tx: dict[str, Any]) -> int:
    """The status. Sent again, as it says, where the disk was slow: that is not the handover's doing."""
    answer = http.post(f"{url}/v1/decisions", json=tx)
    if answer.status_code != 503 or "not durable within" not in answer.text:
        return answer.status_code
    while (answer := http.post(f"{url}/v1/decisions", json=tx)).status_code == 503:
        assert "not durable within" in answer.text
    return 201 if answer.status_code == 200 else answer.status_code


@contextmanager
def clients(url: str, plain: Plain, *, count: int = 3) -> Iterator[list[tuple[str, int]]]:
    """Clients who post decisions to `url` on connections that they keep; gives what they were answered."""
    answered: list[tuple[str, int]] = []
    stop = threading.Event()
    numbers = itertools.count()

    def post() -> None:
        with httpx.Client(timeout=60) as http:
            while not stop.is_set():
                tx = plain(transaction_id=f"H-{next(numbers)}")
                answered.append((tx["transaction_id"], decided(http, url, tx)))

    threads = [threading.Thread(target=post) for _ in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield answered
    finally:
        stop.set()
        for thread in threads:
            thread.join(60)


def test_the_next_gateway_takes_over_and_no_request_is_lost(gateways: Gateways, plain: Plain, tmp_path: Path) -> None:
    first = gateways()
    eventually(lambda: first.url in owner(tmp_path / "data"), "the first one does not say where it is")
    with clients(first.url, plain) as answered:
        eventually(lambda: len(answered) > 20, "nobody is answered")
        second = gateways()
        assert second.waits
        eventually(lambda: second.url in owner(tmp_path / "data"), "the second one does not take over")
        before = len(answered)
        eventually(lambda: len(answered) > before + 20, "nobody is answered after the handover")
    assert {status for _, status in answered} == {201}
    for url in (first.url, second.url):  # one answers itself, the other passes on
        with httpx.Client(base_url=url) as http:
            assert {http.get(f"/v1/decisions/{name}").status_code for name, _ in answered} == {200}
            assert http.get("/v1/audit/verify").json()["problems"] == []


def test_who_gave_way_decides_again_when_the_next_one_is_gone(gateways: Gateways, plain: Plain, tmp_path: Path) -> None:
    first = gateways()
    eventually(lambda: first.url in owner(tmp_path / "data"), "the first one does not say where it is")
    second = gateways()
    eventually(lambda: second.url in owner(tmp_path / "data"), "the second one does not take over")
    with clients(first.url, plain, count=1) as answered:
        eventually(lambda: len(answered) > 5, "nothing is passed on")
        second.stop()
        eventually(lambda: first.url in owner(tmp_path / "data"), "the first one does not take the store back")
        before = len(answered)
        eventually(lambda: len(answered) > before + 5, "nobody is answered after that")
    lost = [status for _, status in answered if status != 201]
    # At most the one that was on its way when the second ended, whose client is told to send it again.
    assert lost in ([], [503])
    assert httpx.get(f"{first.url}/v1/audit/verify").json()["problems"] == []


def test_what_is_passed_on_is_the_same_request_and_answer(gateways: Gateways, plain: Plain, tmp_path: Path) -> None:
    first = gateways()
    eventually(lambda: first.url in owner(tmp_path / "data"), "the first one does not say where it is")
    second = gateways()
    eventually(lambda: second.url in owner(tmp_path / "data"), "the second one does not take over")
    rows = [plain(customer_id=f"Ç-{n}") for n in range(300)]
    with httpx.Client(base_url=first.url, timeout=60) as http:
        bulk = http.post("/v1/decisions/bulk", json=rows, headers={"x-request-id": "mine"})
        assert [row["status"] for row in bulk.json()["results"]] == [201] * 300
        assert http.get("/v1/cases", params={"q": "ä b"}).status_code == 200
        assert http.get("/v1/cases", params={"bogus": "1"}).json()["errors"][0]["field"] == "bogus"
        refused = http.post("/v1/decisions", content=b"{", headers={"content-type": "application/json"})
        assert (refused.status_code, refused.headers["content-type"]) == (400, "application/problem+json")
        page = http.get("/v1/customers/%C3%87-7/transactions")
        assert [tx["transaction_id"] for tx in page.json()["transactions"]] == [rows[7]["transaction_id"]]


def test_only_who_may_read_the_data_folder_may_ask(gateways: Gateways, plain: Plain, tmp_path: Path) -> None:
    first = gateways()
    eventually(lambda: first.url in owner(tmp_path / "data"), "the first one does not say where it is")
    token = read_local_token(tmp_path / "data")
    with httpx.Client(base_url=first.url) as http:
        to = {"to": "http://127.0.0.1:9"}
        assert http.post(HANDOVER_PATH, json=to).status_code == 403
        assert http.post(HANDOVER_PATH, json=to, headers={"authorization": "Bearer no"}).status_code == 403
        assert http.get(HANDOVER_PATH, headers={"authorization": f"Bearer {token}"}).status_code == 403
        for wrong in ({"to": "file:///etc/passwd"}, {"to": "http://127.0.0.1:9/x"}, {}, []):
            known = http.post(HANDOVER_PATH, json=wrong, headers={"authorization": f"Bearer {token}"})
            assert known.status_code == 422
        assert http.post("/v1/decisions", json=plain()).status_code == 201


def test_a_gateway_that_cannot_open_the_store_says_so(tmp_path: Path) -> None:
    failed = threading.Event()

    def build() -> Any:
        return build_gateway(App(load_settings(data_dir=tmp_path / "data", policy_file=tmp_path / "none.yaml")))

    url = f"http://127.0.0.1:{free_port()}"
    standby = Standby(build, tmp_path / "data", url, first=None, fail=failed.set)
    with serving(standby, int(url.rpartition(":")[2])):
        assert failed.wait(30)
