"""The real thing: `make run`, Ray Serve, HAProxy, the port that users call."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import psutil
import pytest
from mcp import Client

from fraudray import Engine
from tests.e2e.conftest import REPOSITORY, Served

pytestmark = pytest.mark.serve
Make = Callable[..., dict[str, Any]]
JSON = {"content-type": "application/json"}


def test_make_run_decides_the_samples_and_prints_where_everything_is(served: Served) -> None:
    printed = served.log.read_text()
    for word in (
        "APPROVE",
        "BLOCK",
        "REVIEW",
        "95 of 100",
        "IMPOSSIBLE_TRAVEL",
        "FRD-",
        "email_alert done",
        "report done",
    ):
        assert word in printed
    for place in ("/docs", "/metrics", "/mcp/transaction-risk", "/mcp/report-generator"):
        assert f"{served.url}{place}" in printed
    assert f"page          {served.url}/\n" in printed
    assert "Traceback" not in printed


def test_a_decision_and_its_replay(real: httpx.Client, plain: Make) -> None:
    row = plain(transaction_id="served-1")
    assert real.post("/v1/decisions", json=row).status_code == 201
    assert real.post("/v1/decisions", json=row).status_code == 200
    assert real.post("/v1/decisions", json=row | {"amount": 1}).status_code == 409


@pytest.mark.parametrize("megabytes", [1, 10])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_large_body_gets_its_413_through_the_proxy(real: httpx.Client, megabytes: int, chunked: bool) -> None:
    body = b"x" * (megabytes * 1024 * 1024)

    def pieces() -> Iterator[bytes]:
        for start in range(0, len(body), 65536):
            yield body[start : start + 65536]

    answer = real.post("/v1/decisions", content=pieces() if chunked else body, headers=JSON)
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("body", "headers", "status"), [(b"{", JSON, 400), (b"{}", {"content-type": "text/csv"}, 415), (b"{}", JSON, 422)]
)
def test_bad_requests_get_a_problem_document_through_the_proxy(
    real: httpx.Client, body: bytes, headers: dict[str, str], status: int
) -> None:
    answer = real.post("/v1/decisions", content=body, headers=headers)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status


def test_a_hundred_posts_at_once_make_one_decision(real: httpx.Client, samples: list[dict[str, Any]]) -> None:
    row = samples[1] | {"transaction_id": "served-once", "customer_id": "C-once"}
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: real.post("/v1/decisions", json=row), range(100)))
    assert sorted(answer.status_code for answer in answers) == [200] * 99 + [201]
    assert len({answer.json()["decision_id"] for answer in answers}) == 1
    assert len(real.get("/v1/cases", params={"customer_id": "C-once"}).json()["cases"]) == 1
    entries = [e for e in real.get("/v1/outbox?limit=500").json()["entries"] if e["transaction_id"] == "served-once"]
    assert sorted(entry["kind"] for entry in entries) == ["customer_sms", "email_alert", "report"]


def test_an_agent_calls_a_read_tool(served: Served) -> None:
    async def ask() -> Any:
        async with Client(f"{served.url}/mcp/geolocation-checker") as client:
            return await client.call_tool(
                "check_geolocation_risk",
                {
                    "customer_id": "C-1", "current_location": "Osaka", "previous_transaction_location": "Lisbon",
                    "time_difference_minutes": 45,
                },
            )  # fmt: skip

    answer = asyncio.run(ask())
    assert not answer.is_error
    assert answer.structured_content["travel_feasible"] is False


def test_python_beside_the_server_decides_through_it(
    served: Served, real: httpx.Client, plain: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Engine.from_settings(data_dir=served.data_dir) as engine:
        decision = engine.decide(plain(transaction_id="beside-1"))
        rows = [plain(transaction_id=f"beside-{n}") for n in range(2, 6)]
        assert len(engine.decide_many(rows)) == 4
        asynchronous = asyncio.run(engine.decide_async(plain(transaction_id="beside-6")))
    assert real.get("/v1/decisions/beside-1").json()["decision_id"] == decision.decision_id
    assert real.get("/v1/decisions/beside-6").json()["decision_id"] == asynchronous.decision_id


def run(served: Served, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "fraudray.cli", *arguments]
    return subprocess.run(
        command,
        input=stdin,
        env=served.environment,
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_command_line_beside_the_server_sees_and_makes_the_same_data(
    served: Served, real: httpx.Client, plain: Make
) -> None:
    row = plain(transaction_id="cli-1", latitude=47.6, longitude=-122.33)
    decided = run(served, "decide", "-", "--json", stdin=json.dumps(row))
    assert decided.returncode == 0, decided.stderr
    assert real.get("/v1/decisions/cli-1").status_code == 200
    listed = run(served, "cases", "list", "--json")
    assert json.loads(listed.stdout)["cases"] == real.get("/v1/cases").json()["cases"]
    assert run(served, "audit", "verify").returncode == 0


def test_a_key_closes_the_server_on_every_port_until_it_is_revoked(served: Served, real: httpx.Client) -> None:
    made = run(served, "keys", "create", "e2e", "--scope", "read", "--json")
    assert made.returncode == 0, made.stderr
    key = json.loads(made.stdout)
    try:
        for port in (int(served.url.rsplit(":", 1)[1]), *replica_ports(served)):
            url = f"http://127.0.0.1:{port}/v1/cases"
            refused = httpx.get(url)
            assert refused.status_code == 401
            assert refused.headers["www-authenticate"].startswith("Bearer")
            assert httpx.get(url, headers={"authorization": f"Bearer {key['key']}"}).status_code == 200
        assert real.get("/readyz").status_code == 200
        assert run(served, "cases", "list", "--json").returncode == 0
        assert (served.data_dir / "server.token").stat().st_mode & 0o777 == 0o600
    finally:
        assert run(served, "keys", "revoke", key["key_id"]).returncode == 0
    assert real.get("/v1/cases").status_code == 200


def test_a_second_server_on_the_same_folder_is_refused_with_the_address(served: Served) -> None:
    second = run(served, "serve")
    assert second.returncode == 4
    assert served.url in second.stderr


def test_only_loopback_listens_but_for_one_documented_port(served: Served) -> None:
    """All ports of this run are on loopback, but the replica's gRPC port (see deployments/README.md)."""
    everywhere = {port for ip, port in listening(served) if ip not in ("127.0.0.1", "::1")}
    loopback = {port for ip, port in listening(served) if ip in ("127.0.0.1", "::1")}
    assert int(served.url.rsplit(":", 1)[1]) in loopback
    assert len(everywhere) <= 1


def test_the_replica_is_no_way_around_the_limits(served: Served) -> None:
    """The replica's own port answers like the public one."""
    for port in replica_ports(served):
        answer = httpx.post(f"http://127.0.0.1:{port}/v1/decisions", content=b"x" * 100_000, headers=JSON)
        assert answer.status_code == 413


def listening(served: Served) -> set[tuple[str, int]]:
    """Where the processes of this run listen: address and port."""
    found = set()
    for process in psutil.process_iter():
        try:
            if process.environ().get("FRAUDRAY_RUN") != str(served.data_dir):
                continue
            connections = process.net_connections("tcp")
        except psutil.Error:
            continue
        found |= {
            (c.laddr.ip.removeprefix("::ffff:"), c.laddr.port) for c in connections if c.status == psutil.CONN_LISTEN
        }
    return found


def replica_ports(served: Served) -> list[int]:
    """Where the replica answers past HAProxy."""
    found = [port for ip, port in listening(served) if ip == "127.0.0.1" and 30000 <= port < 31000]
    assert found, "no replica port found"
    return found
