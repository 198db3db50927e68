"""Each tool as a process of its own, over stdio and HTTP, spoken to by the SDK's own client. All six run at once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import pytest
from jsonschema import Draft202012Validator
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters
from mcp.types import Tool

from fraudray.bootstrap import App
from fraudray.settings import load_settings
from fraudray.tools.catalogue import TOOLS, ToolEntry
from tests.tools.asking import Answer, read
from tests.tools.serving import free_port

TX: dict[str, Any] = {
    "transaction_id": "TXN-1", "customer_id": "C-12345", "amount": 4500, "merchant": "Bitcoin exchange",
    "location": "Tokyo, Japan", "card_present": False, "device_id": "dev-other", "previous_location": "Madrid, Spain",
    "time_since_last_transaction": "30 minutes ago",
}  # fmt: skip
SIGNATURES: dict[str, tuple[list[str], dict[str, Any]]] = {
    "check_transaction_risk": (
        ["transaction_id", "customer_id", "amount", "merchant", "location", "transaction_time", "card_present"],
        {"card_present": False},
    ),
    "verify_customer_identity": (
        ["customer_id", "device_fingerprint", "ip_address", "biometric_data"], {"biometric_data": None},
    ),
    "check_geolocation_risk": (
        ["customer_id", "current_location", "previous_transaction_location", "time_difference_minutes"], {},
    ),
    "send_fraud_alert_email": (
        ["alert_type", "transaction_id", "customer_id", "risk_score", "details", "recipients"], {"recipients": None},
    ),
    "log_fraud_case": (
        ["case_id", "transaction_data", "investigation_notes", "agent_decision", "evidence"], {},
    ),
    "generate_fraud_report": (
        ["case_id", "include_sections", "format"], {"include_sections": None, "format": "json"},
    ),
}  # fmt: skip
RESULTS = {
    "check_transaction_risk": ["risk_score", "risk_category", "risk_indicators", "recommendation"],
    "verify_customer_identity": ["verification_status", "confidence_score", "matched_factors", "failed_factors"],
    "check_geolocation_risk": ["travel_feasible", "distance_miles", "required_speed_mph", "reason"],
    "send_fraud_alert_email": ["status", "outcome", "risk_score"],
    "log_fraud_case": ["case_id", "action", "author"],
    "generate_fraud_report": ["report_url", "document", "html"],
}
HINTS = {  # read only, destructive, idempotent, open world
    "check_transaction_risk": (True, False, True, False),
    "verify_customer_identity": (True, False, True, False),
    "check_geolocation_risk": (True, False, True, False),
    "customer_history": (True, False, True, False),
    "merchant_history": (True, False, True, False),
    "similar_cases": (True, False, True, False),
    "customer_devices": (True, False, True, False),
    "customers_of_device": (True, False, True, False),
    "customers_of_address": (True, False, True, False),
    "send_fraud_alert_email": (False, False, True, True),
    "log_fraud_case": (False, False, False, False),
    "search_fraud_cases": (True, False, True, False),
    "get_fraud_case": (True, False, True, False),
    "close_fraud_case": (False, True, True, False),
    "generate_fraud_report": (False, False, True, False),
    "generate_period_report": (True, False, True, False),
}


def calls(case_id: str | None) -> dict[str, tuple[str, dict[str, Any], dict[str, Any], str]]:
    """For each server: its main tool, arguments that work, what to change to be refused, what the error says."""
    return {
        "transaction-risk": (
            "check_transaction_risk",
            {
                "transaction_id": "T", "customer_id": "C-12345", "amount": 20.5, "merchant": "Shop",
                "location": "Oslo", "transaction_time": None,
            },
            {"transaction_time": "last night"}, "- transaction_time: is not an RFC 3339",
        ),
        "identity-verifier": (
            "verify_customer_identity",
            {"customer_id": "C-12345", "device_fingerprint": "dev-abc123", "ip_address": "192.168.1.100"},
            {"ip_address": "nowhere"}, "- ip_address: is not an IPv4 or IPv6 address",
        ),
        "geolocation-checker": (
            "check_geolocation_risk",
            {
                "customer_id": "C-12345", "current_location": "Oslo, Norway",
                "previous_transaction_location": "Rome, Italy", "time_difference_minutes": 300,
            },
            {"time_difference_minutes": "soon"}, "- time_difference_minutes: ",
        ),
        "email-alerts": (
            "send_fraud_alert_email",
            {
                "alert_type": "fraud", "transaction_id": "TXN-1", "customer_id": "C-12345", "risk_score": 1,
                "details": "d",
            },
            {"recipients": ["x@evil.example"]}, "mail to x@evil.example is not allowed; allowed domains: example.com",
        ),
        "fraud-logger": (
            "log_fraud_case",
            {
                "case_id": case_id, "transaction_data": {"transaction_id": "TXN-1"}, "investigation_notes": "n",
                "agent_decision": "BLOCK", "evidence": [],
            },
            {"case_id": "CASE-404", "transaction_data": None}, "no case CASE-404",
        ),
        "report-generator": (
            "generate_fraud_report", {"case_id": case_id}, {"case_id": "CASE-404"}, "no case CASE-404",
        ),
    }  # fmt: skip


@dataclass
class Talk:
    """What one server said."""

    name: str
    version: str
    tools: dict[str, Tool]
    good: Answer
    bad: Answer
    missing: Answer


async def talk_to(server: Any, entry: ToolEntry, case_id: str | None) -> Talk:
    name, arguments, wrong, _ = calls(case_id)[entry.name]
    async with Client(server) as client:
        info = client.server_info
        assert info is not None
        return Talk(
            info.name,
            info.version,
            {tool.name: tool for tool in (await client.list_tools()).tools},
            read(await client.call_tool(name, arguments)),
            read(await client.call_tool(name, arguments | wrong)),
            read(await client.call_tool(name, {})),
        )


def command(entry: ToolEntry, folder: Path, *more: str) -> list[str]:
    return ["-m", entry.module, "--data-dir", str(folder), *more]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("alone")


@pytest.fixture(scope="module")
def case_id(folder: Path) -> str | None:
    with App(load_settings(data_dir=folder), work=False) as app:
        return app.engine.decide(TX).case_id


@pytest.fixture(scope="module")
def talks(folder: Path, case_id: str | None) -> dict[str, Talk]:
    """One conversation with each of six processes, all running at the same time on one data folder."""
    heard: dict[str, Talk] = {}

    async def one(entry: ToolEntry) -> None:
        server = StdioServerParameters(command=sys.executable, args=command(entry, folder))
        heard[entry.name] = await talk_to(server, entry, case_id)

    async def all_six() -> None:
        async with anyio.create_task_group() as group:
            for entry in TOOLS:
                group.start_soon(one, entry)

    anyio.run(all_six)
    return heard


@pytest.mark.parametrize("entry", TOOLS, ids=lambda entry: entry.name)
def test_over_stdio_it_lists_answers_and_explains_errors(
    talks: dict[str, Talk], case_id: str | None, entry: ToolEntry
) -> None:
    talk = talks[entry.name]
    name, _, _, error = calls(case_id)[entry.name]
    assert talk.name == entry.name
    assert all(talk.good[field] is not None or field == "html" for field in RESULTS[name])
    assert error in talk.bad.error
    assert "Field required" in talk.missing.error
    assert json.loads(talk.good.text) == talk.good.document  # the same for clients that read only text


@pytest.mark.parametrize("entry", TOOLS, ids=lambda entry: entry.name)
def test_schemas_teach_and_results_keep_to_them(talks: dict[str, Talk], case_id: str | None, entry: ToolEntry) -> None:
    talk = talks[entry.name]
    main = calls(case_id)[entry.name][0]
    for tool in talk.tools.values():
        assert tool.title
        assert tool.description
        assert len(tool.description.split()) > 5
        assert tool.input_schema["additionalProperties"] is False
        assert tool.output_schema is not None
        Draft202012Validator.check_schema(tool.input_schema)
        Draft202012Validator.check_schema(tool.output_schema)
        hints = tool.annotations
        assert hints is not None
        shown = (hints.read_only_hint, hints.destructive_hint, hints.idempotent_hint, hints.open_world_hint)
        assert shown == HINTS[tool.name]
    output = talk.tools[main].output_schema
    assert output is not None
    Draft202012Validator(output).validate(talk.good.document)
    Draft202012Validator(talk.tools[main].input_schema).validate(calls(case_id)[entry.name][1])


def test_main_tools_keep_names_parameters_and_defaults_of_the_sample(talks: dict[str, Talk]) -> None:
    tools = {name: tool for talk in talks.values() for name, tool in talk.tools.items()}
    for name, (parameters, defaults) in SIGNATURES.items():
        schema = tools[name].input_schema
        assert list(schema["properties"])[: len(parameters)] == parameters
        assert schema["required"] == [parameter for parameter in parameters if parameter not in defaults]
        for parameter, default in defaults.items():
            assert schema["properties"][parameter]["default"] == default


def test_nothing_but_the_protocol_is_written_on_standard_output(folder: Path, case_id: str | None) -> None:
    entry = TOOLS[0]
    with subprocess.Popen(
        [sys.executable, *command(entry, folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, env=os.environ | {"FRAUDRAY_LOG_LEVEL": "DEBUG"},
    ) as process:  # fmt: skip
        opening = {
            "jsonrpc": "2.0", "id": 1, "method": "initialize",
            "params": {
                "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "raw", "version": "1"},
            },
        }  # fmt: skip
        name, arguments, wrong, _ = calls(case_id)[entry.name]
        messages: list[dict[str, Any]] = [opening, {"jsonrpc": "2.0", "method": "notifications/initialized"}]
        for number, sent in enumerate((arguments, arguments | wrong), start=2):
            params = {"name": name, "arguments": sent}
            messages.append({"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params})
        assert process.stdin is not None
        assert process.stdout is not None
        for message in messages:
            process.stdin.write(json.dumps(message) + "\n")
        process.stdin.flush()
        lines = [process.stdout.readline() for _ in range(3)]
        out, err = process.communicate(timeout=20)  # closing its input ends it
    assert {json.loads(line)["id"] for line in lines} == {1, 2, 3}
    assert out == ""
    assert "DEBUG" in err
    assert process.returncode == 0


@pytest.fixture(scope="module")
def http_server(folder: Path, case_id: str | None) -> Iterator[str]:
    entry, port = TOOLS[2], free_port()
    process = subprocess.Popen(
        [sys.executable, *command(entry, folder, "--transport", "http", "--port", str(port))],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield f"http://127.0.0.1:{port}{entry.path}"
    finally:
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=20)
        assert out == b""


def test_alone_over_http_it_answers_at_the_same_path(http_server: str, case_id: str | None) -> None:
    async def when_ready() -> Talk:
        with anyio.fail_after(30):
            while True:
                try:
                    return await talk_to(http_server, TOOLS[2], case_id)
                except* OSError:
                    await anyio.sleep(0.1)
                except* Exception as group:
                    if "ConnectError" not in repr(group):
                        raise
                    await anyio.sleep(0.1)

    talk = anyio.run(when_ready)
    assert talk.good["travel_feasible"] is True
    assert "- time_difference_minutes: " in talk.bad.error


def test_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    from fraudray.tools.main import main

    with pytest.raises(SystemExit) as stopped:
        main("email-alerts", ["--help"])
    assert stopped.value.code == 0
    text = capsys.readouterr().out
    assert "python -m fraudray.tools.email_alerts --transport http" in text
    assert "--data-dir" in text


def test_a_setting_that_cannot_be_used_ends_it_with_a_message(tmp_path: Path) -> None:
    from fraudray.tools.main import main

    (tmp_path / "fraudray.toml").write_text("nonsense = 1\n")
    before = Path.cwd()
    os.chdir(tmp_path)
    try:
        with pytest.raises(SystemExit) as stopped:
            main("email-alerts", [])
    finally:
        os.chdir(before)
    assert "email-alerts: nonsense: there is no such setting" in str(stopped.value.code)
