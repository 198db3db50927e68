"""The six tools mounted in a server: streamable HTTP at exactly /mcp/<tool>, guarded by Host and Origin."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from mcp.client.client import Client
from starlette.applications import Starlette

from fraudray.bootstrap import App
from fraudray.settings import load_settings
from fraudray.tools.catalogue import TOOLS
from fraudray.tools.mounting import tool_routes
from tests.tools.asking import TESTER, Answer, read
from tests.tools.serving import serving

PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
HEADERS = {"accept": "application/json, text/event-stream", "content-type": "application/json"}


def mounted(app: App) -> Starlette:
    routes, running = tool_routes(app)
    return Starlette(routes=routes, lifespan=lambda _app: running())


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    settings = load_settings(
        data_dir=tmp_path_factory.mktemp("http"), public_url="https://fraud.example.com",
        allowed_hosts=["127.0.0.1:*", "tools.internal:*", "plain.internal"],
        allowed_origins=["http://127.0.0.1:*", "https://app.internal"],
    )  # fmt: skip
    with App(settings) as app, serving(mounted(app)) as address:
        yield address


def call(url: str, name: str, arguments: dict[str, Any], mode: str = "auto") -> Answer:
    async def talk() -> Answer:
        async with Client(url, client_info=TESTER, mode=mode) as client:
            return read(await client.call_tool(name, arguments))

    return anyio.run(talk)


@pytest.mark.parametrize("entry", TOOLS, ids=lambda entry: entry.name)
def test_each_tool_answers_at_its_own_path_without_a_redirect(address: str, entry: Any) -> None:
    async def names() -> list[str]:
        async with Client(address + entry.path) as client:
            return [tool.name for tool in (await client.list_tools()).tools]

    assert anyio.run(names)
    response = httpx.post(address + entry.path, json=PING, headers=HEADERS, follow_redirects=False)
    assert response.status_code < 300
    assert response.headers["content-type"].startswith("application/json")


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_calls_and_tool_errors_travel_over_http(address: str, mode: str) -> None:
    arguments = {"customer_id": "C-12345", "device_fingerprint": "dev-abc123", "ip_address": None}
    url = f"{address}/mcp/identity-verifier"
    assert call(url, "verify_customer_identity", arguments, mode)["verification_status"] == "VERIFIED"
    assert "- ip_address: " in call(url, "verify_customer_identity", arguments | {"ip_address": "home"}, mode).error


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8000", 200), ("127.0.0.1", 200), ("tools.internal:8443", 200), ("tools.internal", 200),
        ("plain.internal", 200), ("fraud.example.com", 200),
        ("plain.internal:81", 421), ("evil.example", 421), ("127.0.0.1.evil.example", 421),
        ("tools.internal.evil.example:80", 421),
    ],
)  # fmt: skip
def test_only_allowed_hosts_are_served_with_and_without_port(address: str, host: str, status: int) -> None:
    for entry in TOOLS:
        response = httpx.post(address + entry.path, json=PING, headers=HEADERS | {"host": host})
        assert response.status_code == status


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        (None, 200), ("http://127.0.0.1:3000", 200), ("http://127.0.0.1", 200), ("https://app.internal", 200),
        ("https://fraud.example.com", 200),
        ("https://app.internal:8443", 403), ("http://app.internal", 403), ("https://evil.example", 403),
        ("null", 403),
    ],
)  # fmt: skip
def test_only_allowed_origins_are_served(address: str, origin: str | None, status: int) -> None:
    headers = HEADERS | ({"origin": origin} if origin else {})
    response = httpx.post(f"{address}/mcp/fraud-logger", json=PING, headers=headers)
    assert response.status_code == status


def test_a_report_made_on_a_server_has_that_servers_public_address(
    tmp_path: Path, samples: list[dict[str, Any]]
) -> None:
    settings = load_settings(data_dir=tmp_path / "data", public_url="https://fraud.example.com/")
    with App(settings) as app, serving(mounted(app)) as address:
        case_id = app.engine.decide(samples[1]).case_id
        answer = call(f"{address}/mcp/report-generator", "generate_fraud_report", {"case_id": case_id})
        assert answer["report_url"] == f"https://fraud.example.com/v1/reports/{case_id}"


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT"])
def test_only_post_is_served_so_that_no_stream_stays_open(address: str, method: str) -> None:
    response = httpx.request(method, f"{address}/mcp/fraud-logger", headers=HEADERS, timeout=5)
    assert response.status_code == 405
    assert response.headers["allow"] == "POST"


def test_a_body_over_the_limit_is_refused(address: str) -> None:
    response = httpx.post(f"{address}/mcp/fraud-logger", content=b" " * (1024 * 1024 + 1), headers=HEADERS)
    assert response.status_code == 413


def test_many_clients_are_served_at_once(address: str) -> None:
    arguments = {
        "customer_id": "C-12345", "current_location": "Oslo, Norway", "previous_transaction_location": "Rome, Italy",
        "time_difference_minutes": 5,
    }  # fmt: skip
    answers: list[bool | None] = []

    async def one() -> None:
        async with Client(f"{address}/mcp/geolocation-checker") as client:
            result = await client.call_tool("check_geolocation_risk", arguments)
            answers.append((result.structured_content or {}).get("travel_feasible"))

    async def all_of_them() -> None:
        async with anyio.create_task_group() as group:
            for _ in range(16):
                group.start_soon(one)

    anyio.run(all_of_them)
    assert answers == [False] * 16
