"""Standalone tools share one data folder, with each other and with a running server."""

from __future__ import annotations

import json
import stat
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from starlette.applications import Starlette

from fraudray.bootstrap import App
from fraudray.settings import Settings, load_settings
from fraudray.tools.mounting import tool_routes
from fraudray.tools.provider import StandaloneProvider
from tests.tools.asking import Answer, ask
from tests.tools.serving import free_port, serving

IDENTITY = {"customer_id": "C-12345", "device_fingerprint": "dev-abc123", "ip_address": None}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(data_dir=tmp_path / "data")


def verify(provider: StandaloneProvider) -> Answer:
    return ask("identity-verifier", provider, "verify_customer_identity", IDENTITY)


def test_a_call_waits_while_another_process_has_the_folder(settings: Settings) -> None:
    app = App(settings, work=False)
    later = threading.Timer(0.7, app.close)
    later.start()
    started = time.monotonic()
    assert verify(StandaloneProvider(settings))["verification_status"] == "VERIFIED"
    assert time.monotonic() - started > 0.5
    later.join()


def test_a_folder_that_stays_in_use_is_an_error_that_says_so(settings: Settings) -> None:
    with App(settings, work=False):
        error = verify(StandaloneProvider(settings, wait_s=0.2)).error
    assert "has the data folder" in error
    assert "try again" in error


def test_six_tools_work_side_by_side(settings: Settings, samples: list[dict[str, Any]]) -> None:
    with App(settings, work=False) as app:
        decision = app.engine.decide(samples[1])
    calls: list[tuple[str, str, dict[str, Any]]] = [
        ("identity-verifier", "verify_customer_identity", IDENTITY),
        ("fraud-logger", "get_fraud_case", {"case_id": decision.case_id}),
        ("report-generator", "generate_fraud_report", {"case_id": decision.case_id}),
        ("fraud-logger", "search_fraud_cases", {}),
    ]
    answers: list[Answer] = []
    threads = [
        threading.Thread(target=lambda call=call: answers.append(ask(call[0], StandaloneProvider(settings), *call[1:])))
        for call in calls * 3
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer.text for answer in answers if answer.is_error] == []
    assert len(answers) == 12


def test_a_read_tool_leaves_the_outbox_alone_and_an_acting_one_works_on_it(
    settings: Settings, samples: list[dict[str, Any]]
) -> None:
    with App(settings, work=False) as app:
        decision = app.engine.decide(samples[1])
    verify(StandaloneProvider(settings))
    with App(settings, work=False) as app:
        assert {row.status for row in app.store.outbox.list()} == {"pending"}
    alert = {
        "alert_type": "x", "transaction_id": decision.transaction_id, "customer_id": decision.customer_id,
        "risk_score": 1, "details": "y",
    }  # fmt: skip
    answer = ask("email-alerts", StandaloneProvider(settings), "send_fraud_alert_email", alert)
    assert answer["status"] == "written"


def test_without_a_server_the_report_opens_as_a_private_file(settings: Settings, samples: list[dict[str, Any]]) -> None:
    with App(settings, work=False) as app:
        case_id = app.engine.decide(samples[1]).case_id
    answer = ask(
        "report-generator", StandaloneProvider(settings), "generate_fraud_report",
        {"case_id": case_id, "include_sections": ["summary"]},
    )  # fmt: skip
    url = urlsplit(answer["report_url"])
    path = Path(unquote(url.path))
    assert url.scheme == "file"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert "<!doctype html>" in path.read_text(encoding="utf-8")


def test_beside_a_running_server_the_call_is_passed_on(settings: Settings, samples: list[dict[str, Any]]) -> None:
    with App(settings) as app:
        case_id = app.engine.decide(samples[1]).case_id
        routes, running = tool_routes(app)
        with serving(Starlette(routes=routes, lifespan=lambda _app: running())) as address:
            (settings.data_dir / "server.json").write_text(json.dumps({"url": address}))
            provider = StandaloneProvider(settings)
            assert verify(provider)["verification_status"] == "VERIFIED"
            log = {
                "case_id": case_id, "transaction_data": None, "investigation_notes": "n", "agent_decision": "BLOCK",
                "evidence": None,
            }  # fmt: skip
            assert ask("fraud-logger", provider, "log_fraud_case", log)["author"] == "mcp:test-agent"
            report = ask("report-generator", provider, "generate_fraud_report", {"case_id": case_id})
            assert report["report_url"].startswith("http://")
            assert "no case NONE" in ask("fraud-logger", provider, "get_fraud_case", {"case_id": "NONE"}).error


def test_a_server_that_owns_the_folder_but_does_not_answer_is_an_error(settings: Settings) -> None:
    with App(settings, work=False):
        (settings.data_dir / "server.json").write_text(json.dumps({"url": f"http://127.0.0.1:{free_port()}"}))
        error = verify(StandaloneProvider(settings)).error
    assert "owns the data folder but does not answer (ConnectError)" in error


def test_a_record_left_by_a_killed_server_does_not_matter(settings: Settings) -> None:
    settings.data_dir.mkdir(parents=True)
    (settings.data_dir / "server.json").write_text(json.dumps({"url": "http://127.0.0.1:9"}))
    assert verify(StandaloneProvider(settings))["verification_status"] == "VERIFIED"
