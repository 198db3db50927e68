"""The read tools as a deployment of their own, beside the gateway that owns the store."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import anyio
import httpx
import psutil
import pytest

from fraudray.bootstrap import App
from fraudray.deployments.app import build
from fraudray.deployments.mcp_tools import McpTools
from fraudray.deployments.processes import find_marked, run_marker
from fraudray.domain.errors import SettingsError
from fraudray.settings import load_settings
from fraudray.tools.reply import McpReply
from tests.e2e.test_lifecycle import free_port, started

Make = Callable[..., dict[str, Any]]
Replica = McpTools.func_or_class
"""The class behind the deployment, as Serve makes it in a replica."""
HISTORY = ("transaction-risk", "customer_history", {"customer_id": "C-12345"}, None, 20.0)


@pytest.mark.serve
def test_questions_cross_to_a_process_of_its_own_that_reads_what_the_gateway_decides(
    tmp_path: Path, plain: Make
) -> None:
    data_dir, port = tmp_path / "data", free_port()
    with (
        started(data_dir, port, "tools_app:build") as run,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as http,
    ):
        run.wait_for("READY")
        for number in range(3):
            row = plain(transaction_id=f"S-{number}", ip_address="203.0.113.7", merchant="Kiosk")
            assert http.post("/v1/decisions", json=row).status_code == 201
        about = {"customer_id": "C-12345", "merchant": "Kiosk", "device_id": "dev-abc123", "ip_address": "203.0.113.7"}
        names = [
            "customer_history", "customer_devices", "customers_of_device", "customers_of_address", "merchant_history",
            "similar_cases",
        ]  # fmt: skip
        with ThreadPoolExecutor(6) as threads:
            answers = dict(
                zip(names, threads.map(lambda n: http.get(f"/ask/{n}", params=about).json(), names), strict=True)
            )
        assert {name: answer["error"] for name, answer in answers.items()} == dict.fromkeys(names)
        assert answers["customer_history"]["items"]["counted"] == 3
        assert answers["customer_history"]["free_text"]
        assert answers["merchant_history"]["items"]["attempts"] == 3

        def refused(server: str, tool: str, **arguments: Any) -> str:
            body = {"server": server, "tool": tool, "arguments": arguments}
            return str(http.post("/call", json=body).json()["error"])

        identity = {"customer_id": "C-12345", "device_fingerprint": None, "ip_address": None}
        assert "answered by the gateway" in refused("identity-verifier", "verify_customer_identity", **identity)
        assert "no read-only server email-alerts" in refused("email-alerts", "send_fraud_alert_email")
        assert "- days: " in refused("transaction-risk", "merchant_history", merchant="Kiosk", days=0)
        assert [title for title in titles(data_dir) if title.startswith("ray::ServeReplica:fraudray:McpTools")]


def titles(data_dir: Path) -> list[str]:
    found = []
    for process in find_marked(run_marker(data_dir)):
        with contextlib.suppress(psutil.Error):
            found.append(" ".join(process.cmdline()))
    return found


@pytest.mark.serve
def test_a_replica_answers_as_soon_as_the_owner_has_made_the_store(
    make_app: Callable[..., App], tmp_path: Path
) -> None:
    replica = Replica(load_settings(data_dir=tmp_path / "data"))

    async def ask() -> McpReply:
        await replica.check_health()
        reply: McpReply = await replica.call(*HISTORY)
        return reply

    assert "there is no database" in str(anyio.run(ask).error)
    app = make_app()
    assert anyio.run(ask).document["counted"] == 0
    app.close()
    assert anyio.run(ask).document["counted"] == 0


@pytest.mark.serve
def test_a_replica_whose_store_is_gone_is_unhealthy_and_recovers(
    make_app: Callable[..., App], tmp_path: Path, postgres: Any
) -> None:
    url = postgres.new_database()
    app = make_app(database_url=url)
    replica = Replica(app.settings)
    assert anyio.run(replica.call, *HISTORY).error is None
    app.close()
    postgres.stop()
    with pytest.raises(Exception, match="does not answer"):
        anyio.run(replica.check_health)
    postgres.start()
    anyio.run(replica.check_health)
    assert anyio.run(replica.call, *HISTORY).error is None


@pytest.mark.serve
def test_a_database_in_memory_is_refused() -> None:
    settings = load_settings(database_url="sqlite://", llm_url="http://127.0.0.1:1/v1", llm_model="m")
    for refused in (build, Replica):
        with pytest.raises(SettingsError, match="in memory"):
            refused(settings)
