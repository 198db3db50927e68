"""`fraudray tools`: list, call, serve, config."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from fraudray.bootstrap import App
from fraudray.cli.root import app as fraudray
from fraudray.settings import load_settings
from fraudray.tools.catalogue import TOOLS

GOOD = {
    "transaction_id": "T", "customer_id": "C-12345", "amount": "20.50", "merchant": "Shop", "location": "Oslo",
    "transaction_time": "null",
}  # fmt: skip


def run(*arguments: str) -> Result:
    return CliRunner().invoke(fraudray, ["tools", *arguments], env={"COLUMNS": "200"})


def pairs(values: dict[str, Any]) -> list[str]:
    return [part for key, value in values.items() for part in ("--arg", f"{key}={value}")]


def test_list_shows_the_six_with_their_tools_and_parameters() -> None:
    listed = json.loads(run("list", "--json").stdout)["servers"]
    assert [server["name"] for server in listed] == [entry.name for entry in TOOLS]
    assert [server["kind"] for server in listed] == ["read"] * 3 + ["act"] * 3
    risk = listed[0]["tools"][0]
    assert risk["name"] == "check_transaction_risk"
    assert risk["parameters"][0] == {
        "name": "transaction_id", "required": True,
        "description": "The transaction's id, for example TXN-20251201-100000.",
    }  # fmt: skip
    assert "send_fraud_alert_email" in run("list").stdout


def test_call_answers_with_the_result(tmp_path: Path) -> None:
    at = ["--data-dir", str(tmp_path / "data")]
    result = run("call", "transaction-risk", "check_transaction_risk", *pairs(GOOD), *at, "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["evidence"]["transaction-risk/amount"]["amount"] == "20.50"
    given = json.dumps({"customer_id": "C-12345", "device_fingerprint": None, "ip_address": "10.0.0.50"})
    shown = run("call", "identity-verifier", "verify_customer_identity", "--json-args", given, *at)
    assert '"verification_status": "PARTIAL"' in shown.stdout


def test_call_with_a_tool_error_exits_with_1_and_says_what_to_fix(tmp_path: Path) -> None:
    at = ["--data-dir", str(tmp_path / "data")]
    wrong = GOOD | {"transaction_time": "yesterday"}
    result = run("call", "transaction-risk", "check_transaction_risk", *pairs(wrong), *at)
    assert result.exit_code == 1
    assert "- transaction_time: is not an RFC 3339 date-time" in result.stderr
    as_json = run("call", "transaction-risk", "check_transaction_risk", *pairs(wrong), *at, "--json")
    assert as_json.exit_code == 1
    assert "transaction_time" in json.loads(as_json.stdout)["error"]
    other = run("call", "transaction-risk", "nothing", *at)
    assert other.exit_code != 0
    assert "check_transaction_risk" in other.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("call", "weather", "x"), ("call", "transaction-risk", "x", "--arg", "novalue"),
        ("call", "transaction-risk", "x", "--json-args", "["), ("call", "transaction-risk", "x", "--json-args", "[]"),
        ("config", "--transport", "smoke"), ("serve", "transaction-risk", "--transport", "smoke"),
    ],
)  # fmt: skip
def test_bad_usage_exits_with_2(arguments: tuple[str, ...]) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert "Usage" in result.stderr


def test_an_acting_tool_can_be_called(tmp_path: Path, samples: list[dict[str, Any]]) -> None:
    with App(load_settings(data_dir=tmp_path / "data"), work=False) as app:
        decision = app.engine.decide(samples[1])
    arguments = {
        "case_id": decision.case_id, "transaction_data": json.dumps({"transaction_id": decision.transaction_id}),
        "investigation_notes": "n", "agent_decision": "BLOCK", "evidence": "[1]",
    }  # fmt: skip
    result = run(
        "call", "fraud-logger", "log_fraud_case", *pairs(arguments), "--data-dir", str(tmp_path / "data"), "--json"
    )
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["author"] == "mcp:fraudray-cli"


def test_config_names_all_six_for_both_transports(tmp_path: Path) -> None:
    at = ["--data-dir", str(tmp_path)]
    stdio = json.loads(run("config", *at).stdout)["mcpServers"]
    assert len(stdio) == 6
    assert stdio["fraudray-fraud-logger"] == {
        "command": sys.executable, "args": ["-m", "fraudray.tools.fraud_logger", "--data-dir", str(tmp_path)],
    }  # fmt: skip
    http = json.loads(run("config", "--transport", "http", *at).stdout)["mcpServers"]
    assert http["fraudray-fraud-logger"] == {"type": "http", "url": "http://127.0.0.1:8000/mcp/fraud-logger"}
    (tmp_path / "server.json").write_text(json.dumps({"url": "http://127.0.0.1:8123"}))
    beside = json.loads(run("config", "--transport", "http", *at).stdout)["mcpServers"]
    assert beside["fraudray-email-alerts"]["url"] == "http://127.0.0.1:8123/mcp/email-alerts"


def test_the_command_group_loads_nothing_heavy() -> None:
    code = "import sys, fraudray.tools.command; sys.exit(any(name in sys.modules for name in ('mcp', 'sqlalchemy')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
