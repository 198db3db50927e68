"""Keys as bearer tokens of the MCP servers: what a key may not call, it does not see."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import httpx
import httpx2
import pytest
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from starlette.applications import Starlette
from typer.testing import CliRunner

from fraudray.bootstrap import App
from fraudray.cli.root import app as fraudray
from fraudray.deployments.gateway import build_gateway
from fraudray.domain.decision import Decision
from fraudray.domain.errors import SettingsError
from fraudray.service import LocalService
from fraudray.settings import Settings, load_settings
from fraudray.tools.catalogue import TOOLS, find
from fraudray.tools.main import main, serve
from fraudray.tools.mounting import tool_routes
from fraudray.tools.provider import StandaloneProvider
from tests.tools.asking import TESTER, Answer, ask, read
from tests.tools.serving import free_port, serving

PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
HEADERS = {"accept": "application/json, text/event-stream", "content-type": "application/json"}
READING = {"search_fraud_cases", "get_fraud_case"}
ACTING = {"log_fraud_case", "close_fraud_case"}


def key(app: App, *scopes: str) -> str:
    return str(LocalService(app).keys.create("-".join(scopes), scopes=scopes, author="test")["key"])


@pytest.fixture
def address(app: App, blocked: Decision) -> Iterator[str]:
    """A whole server on an App with a blocked transaction."""
    with serving(build_gateway(app)) as address:
        yield address


def talk(url: str, text: str | None, use: Callable[[Client], Any], mode: str = "auto") -> Any:
    async def talking() -> Any:
        headers = {"authorization": f"Bearer {text}"} if text else {}
        async with (
            httpx2.AsyncClient(headers=headers) as http,
            Client(streamable_http_client(url, http_client=http), client_info=TESTER, mode=mode) as client,
        ):
            return await use(client)

    return anyio.run(talking)


def seen(url: str, text: str | None, mode: str = "auto") -> set[str]:
    async def use(client: Client) -> set[str]:
        return {tool.name for tool in (await client.list_tools()).tools}

    names: set[str] = talk(url, text, use, mode)
    return names


def call(url: str, text: str | None, name: str, mode: str = "auto", **arguments: Any) -> Answer:
    async def use(client: Client) -> Answer:
        return read(await client.call_tool(name, arguments))

    answer: Answer = talk(url, text, use, mode)
    return answer


def note(blocked: Decision) -> dict[str, Any]:
    return {
        "case_id": blocked.case_id, "transaction_data": None, "investigation_notes": "seen", "agent_decision": "BLOCK",
        "evidence": None,
    }  # fmt: skip


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_a_key_sees_and_calls_the_tools_of_its_scopes_only(
    app: App, address: str, blocked: Decision, mode: str
) -> None:
    url = f"{address}/mcp/fraud-logger"
    assert seen(url, None, mode) == READING | ACTING
    reads, acts, both, root = key(app, "read"), key(app, "act"), key(app, "read", "act"), key(app, "admin")

    assert seen(url, reads, mode) == READING
    assert seen(url, acts, mode) == ACTING
    assert seen(url, both, mode) == seen(url, root, mode) == READING | ACTING

    assert call(url, reads, "search_fraud_cases", mode)["cases"]
    refused = call(url, reads, "log_fraud_case", mode, **note(blocked)).error
    assert refused == "the key read lacks the scope act, which log_fraud_case needs"
    assert "lacks the scope read" in call(url, acts, "search_fraud_cases", mode).error
    assert app.store.cases.case(str(blocked.case_id)).entries == []
    assert call(url, acts, "log_fraud_case", mode, **note(blocked))["action"] == "appended"


def test_a_server_says_that_it_has_no_streams_and_not_that_it_is_gone(app: App, address: str) -> None:
    """405 on GET lets a client go on without; for a 404 clients took the server's tools away again."""
    for entry in TOOLS:
        refused = httpx.get(address + entry.path, headers=HEADERS)
        assert (refused.status_code, refused.headers["allow"]) == (405, "POST")
    key(app, "read")
    assert httpx.get(address + TOOLS[0].path, headers=HEADERS).status_code == 401


def test_every_tool_asks_for_read_or_act_by_its_own_annotation(app: App, address: str) -> None:
    reads, acts = key(app, "read"), key(app, "act")
    by_reading = set().union(*(seen(address + entry.path, reads) for entry in TOOLS))
    by_acting = set().union(*(seen(address + entry.path, acts) for entry in TOOLS))
    assert by_reading == READING | {
        "check_transaction_risk", "verify_customer_identity", "check_geolocation_risk", "generate_period_report",
        "customer_history", "merchant_history", "similar_cases",
        "customer_devices", "customers_of_device", "customers_of_address",
    }  # fmt: skip
    assert by_acting == ACTING | {"send_fraud_alert_email", "generate_fraud_report"}


def test_without_a_key_that_reads_or_acts_no_server_is_reached(app: App, address: str) -> None:
    deciding = key(app, "decide")
    for entry in TOOLS:
        assert httpx.post(address + entry.path, json=PING, headers=HEADERS).status_code == 401
        answer = httpx.post(address + entry.path, json=PING, headers=HEADERS | {"authorization": f"Bearer {deciding}"})
        assert answer.status_code == 403
        assert answer.json()["detail"] == "the key decide lacks the scope act or read, which this request needs"


def test_what_a_tool_does_is_noted_under_the_name_of_the_key(app: App, address: str, blocked: Decision) -> None:
    url = f"{address}/mcp/fraud-logger"
    assert call(url, None, "log_fraud_case", **note(blocked))["author"] == "mcp:test-agent"
    assert call(url, key(app, "act"), "log_fraud_case", **note(blocked))["author"] == "act/mcp:test-agent"
    assert app.store.cases.case(str(blocked.case_id)).entries[-1].author == "act/mcp:test-agent"


def test_mounted_in_an_application_of_ones_own_the_tools_ask_too(app: App) -> None:
    routes, running = tool_routes(app)
    with serving(Starlette(routes=routes, lifespan=lambda _app: running())) as address:
        url = f"{address}/mcp/fraud-logger"
        assert httpx.post(url, json=PING, headers=HEADERS).status_code == 200
        reads = key(app, "read")
        assert httpx.post(url, json=PING, headers=HEADERS).status_code == 401
        assert seen(url, reads) == READING


@pytest.fixture
def beside(app: App, address: str) -> Settings:
    """The settings of a process beside the server."""
    (app.settings.data_dir / "server.json").write_text(json.dumps({"url": address}))
    return load_settings(data_dir=app.settings.data_dir)


def test_a_tool_beside_the_server_is_passed_on_with_the_servers_own_token(
    app: App, beside: Settings, blocked: Decision
) -> None:
    key(app, "decide")
    answer = ask("fraud-logger", StandaloneProvider(beside), "log_fraud_case", note(blocked))
    assert answer["author"] == "mcp:test-agent"


def test_a_key_that_is_set_goes_before_the_token(app: App, beside: Settings, blocked: Decision) -> None:
    reading = StandaloneProvider(beside.model_copy(update={"api_key": _secret(key(app, "read"))}))
    assert ask("fraud-logger", reading, "search_fraud_cases", {})["cases"]
    assert "lacks the scope act" in ask("fraud-logger", reading, "log_fraud_case", note(blocked)).error
    unknown = StandaloneProvider(beside.model_copy(update={"api_key": _secret("frk_0_x")}))
    assert "refused the key (401)" in ask("fraud-logger", unknown, "search_fraud_cases", {}).error


def _secret(text: str) -> Any:
    from pydantic import SecretStr

    return SecretStr(text)


def test_config_says_where_the_key_goes_once_there_are_keys(app: App) -> None:
    def printed() -> dict[str, Any]:
        at = ["--data-dir", str(app.settings.data_dir)]
        result = CliRunner().invoke(fraudray, ["tools", "config", "--transport", "http", *at])
        server: dict[str, Any] = json.loads(result.stdout)["mcpServers"]["fraudray-fraud-logger"]
        return server

    assert "headers" not in printed()
    text = key(app, "read")
    assert printed()["headers"] == {"Authorization": "Bearer ${FRAUDRAY_API_KEY}"}
    assert text not in json.dumps(printed())


@pytest.fixture
def alone(app: App) -> Iterator[str]:
    """fraud-logger as a process of its own over HTTP, on a folder that has keys and no server."""
    entry, port = find("fraud-logger"), free_port()
    command = [sys.executable, "-m", entry.module, "--data-dir", str(app.settings.data_dir), "--transport", "http"]
    process = subprocess.Popen([*command, "--port", str(port)], stderr=subprocess.DEVNULL)
    try:
        url = f"http://127.0.0.1:{port}{entry.path}"
        give_up_at = time.monotonic() + 60
        while True:
            try:
                httpx.get(url)
                break
            except httpx.TransportError:
                assert process.poll() is None
                assert time.monotonic() < give_up_at
                time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait(20)


def test_alone_over_http_a_tool_takes_the_keys_of_its_data_folder(app: App, blocked: Decision, alone: str) -> None:
    assert httpx.post(alone, json=PING, headers=HEADERS).status_code == 200
    reads, acts = key(app, "read"), key(app, "act")
    (read_id,) = [k["key_id"] for k in LocalService(app).keys.list()["keys"] if k["name"] == "read"]
    assert httpx.post(alone, json=PING, headers=HEADERS).status_code == 401
    assert seen(alone, reads) == READING
    assert "lacks the scope act" in call(alone, reads, "log_fraud_case", **note(blocked)).error
    LocalService(app).keys.revoke(read_id, author="test")
    assert httpx.post(alone, json=PING, headers=HEADERS | {"x-api-key": reads}).status_code == 401

    # A server that owns the folder asks for the caller's own key again.
    with serving(build_gateway(app)) as address:
        (app.settings.data_dir / "server.json").write_text(json.dumps({"url": address}))
        assert call(alone, acts, "log_fraud_case", **note(blocked))["author"] == "act/mcp:test-agent"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", ""])
def test_alone_on_an_address_that_others_reach_it_is_refused_without_a_key(tmp_path: Path, host: str) -> None:
    settings = load_settings(data_dir=tmp_path)
    with pytest.raises(SettingsError, match="fraudray keys create"):
        serve(find("fraud-logger"), settings, transport="http", host=host, port=free_port())
    with pytest.raises(SystemExit) as stopped:
        main("fraud-logger", ["--transport", "http", "--host", host, "--data-dir", str(tmp_path)])
    assert "is not a loopback address" in str(stopped.value.code)
    assert list(tmp_path.iterdir()) == []
