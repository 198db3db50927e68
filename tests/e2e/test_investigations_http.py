"""Investigations over HTTP: begun, looked at, followed as server-sent events, counted."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from fraudray.bootstrap import App
from fraudray.deployments.gateway import build_gateway
from fraudray.settings import load_settings
from fraudray.testing.endpoint import MODEL, ModelEndpoint, says
from fraudray.testing.misbehaviour import Misbehaviour, misbehaving
from fraudray.testing.scripted_model import verdict

DEVICE = "identity-verifier/device"


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[[str | None], TestClient]]:
    """A gateway whose investigator asks the endpoint at this address."""
    clients: list[TestClient] = []

    def start(url: str | None) -> TestClient:
        model = {"llm_url": url, "llm_model": MODEL} if url else {}
        app = App(load_settings(data_dir=tmp_path / "data", **model))
        client = TestClient(build_gateway(app), base_url="http://127.0.0.1:8000")
        client.__enter__()
        clients.append(client)
        return client

    yield start
    for client in clients:
        client.__exit__(None, None, None)


def said(_body: dict[str, Any]) -> Any:
    return says(verdict("BLOCK", 90, [DEVICE], "Somebody else's device."), reasoning="Whose device is it? ")


def events(text: str) -> list[dict[str, str]]:
    blocks = [block for block in text.replace("\r\n", "\n").split("\n\n") if block.strip() and block[0] != ":"]
    return [dict(line.split(": ", 1) for line in block.strip().split("\n")) for block in blocks]  # type: ignore[misc]


def test_a_stored_decision_is_investigated_and_followed(
    serve: Callable[[str | None], TestClient], samples: list[dict[str, Any]]
) -> None:
    with ModelEndpoint(said) as endpoint:
        http = serve(endpoint.url)
        http.post("/v1/decisions", json=samples[0])
        begun = http.post("/v1/investigations", json={"transaction_id": samples[0]["transaction_id"]})
        assert begun.status_code == 202
        address = begun.headers["location"]
        stream = http.get(address + "/events")
    assert stream.headers["content-type"].startswith("text/event-stream")
    happened = events(stream.text)
    assert [entry["event"] for entry in happened] == ["stage", "reasoning", "verdict", "prose", "finished"]
    assert json.loads(happened[1]["data"])["body"]["text"] == "Whose device is it? "
    again = http.get(address + "/events", headers={"last-event-id": happened[2]["id"]})
    assert events(again.text) == happened[3:]

    record = http.get(address).json()
    assert (record["status"], record["requested_by"], record["revision"]) == ("done", "http", 2)
    assert http.get("/v1/investigations", params={"transaction_id": samples[0]["transaction_id"]}).json() == {
        "investigations": [record]
    }
    decision = http.get(f"/v1/decisions/{samples[0]['transaction_id']}").json()
    assert (decision["decision"], decision["investigator"]["effect"]) == ("REVIEW", "raised")
    shown = http.get("/metrics").text
    assert 'fraudray_investigations_total{result="raised"} 1.0' in shown
    assert 'fraudray_investigator_breaker{state="closed"} 1.0' in shown
    assert 'fraudray_investigation_tokens_total{kind="prompt"} 100.0' in shown


def test_asking_again_makes_a_decision_no_more_severe(
    serve: Callable[[str | None], TestClient], samples: list[dict[str, Any]]
) -> None:
    with ModelEndpoint(said) as endpoint:
        http = serve(endpoint.url)
        transaction_id = samples[0]["transaction_id"]
        http.post("/v1/decisions", json=samples[0])
        asked, stood = [], []
        for _ in range(3):
            begun = http.post("/v1/investigations", json={"transaction_id": transaction_id})
            http.get(begun.headers["location"] + "/events")
            decision = http.get(f"/v1/decisions/{transaction_id}").json()
            asked.append(begun.json()["investigation_id"])
            stood.append((decision["decision"], decision["score"], decision["revision"]))
    assert len(set(asked)) == 3
    assert stood == [("REVIEW", 74, 2), ("REVIEW", 74, 3), ("REVIEW", 74, 4)]


def test_asking_while_one_is_under_way_begins_no_other(
    serve: Callable[[str | None], TestClient], samples: list[dict[str, Any]]
) -> None:
    go_on = threading.Event()

    def script(body: dict[str, Any]) -> Any:
        assert go_on.wait(60)
        return said(body)

    with ModelEndpoint(script) as endpoint:
        http = serve(endpoint.url)
        http.post("/v1/decisions", json=samples[0])
        wanted = {"transaction_id": samples[0]["transaction_id"]}
        first, second = (http.post("/v1/investigations", json=wanted).json() for _ in range(2))
        go_on.set()
        http.get(f"/v1/investigations/{first['investigation_id']}/events")
    assert second["investigation_id"] == first["investigation_id"]
    assert len(endpoint.requests) == 1
    assert http.get(f"/v1/decisions/{wanted['transaction_id']}").json()["revision"] == 2


def test_bad_requests_name_what_is_wrong(
    serve: Callable[[str | None], TestClient], samples: list[dict[str, Any]]
) -> None:
    with ModelEndpoint(said) as endpoint:
        http = serve(endpoint.url)
        assert http.post("/v1/investigations", json={"transaction_id": "T-none"}).status_code == 404
        assert http.post("/v1/investigations", json={"tx": "T"}).status_code == 422
        assert http.get("/v1/investigations/inv_none").status_code == 404
        assert http.get("/v1/investigations/inv_none/events").status_code == 404
        assert http.get("/v1/investigations").status_code == 422
        http.post("/v1/decisions", json=samples[0])
        begun = http.post("/v1/investigations", json={"transaction_id": samples[0]["transaction_id"]})
        bad = http.get(begun.headers["location"] + "/events", headers={"last-event-id": "x"})
        assert (bad.status_code, bad.json()["errors"][0]["field"]) == (422, "last-event-id")


def test_without_a_model_a_request_is_refused_and_readiness_says_so(
    serve: Callable[[str | None], TestClient], samples: list[dict[str, Any]]
) -> None:
    http = serve(None)
    http.post("/v1/decisions", json=samples[0])
    refused = http.post("/v1/investigations", json={"transaction_id": samples[0]["transaction_id"]})
    assert (refused.status_code, "FRAUDRAY_LLM_URL" in refused.json()["detail"]) == (409, True)
    assert http.get("/readyz").status_code == 200
    assert http.get("/readyz/investigator").status_code == 503


def test_readiness_is_a_completion_and_not_a_list_of_models(serve: Callable[[str | None], TestClient]) -> None:
    with ModelEndpoint(said) as endpoint:
        http = serve(endpoint.url)
        assert http.get("/readyz/investigator").json() == {"status": "ready"}
        http.get("/readyz/investigator")
        assert [body["max_tokens"] for body in endpoint.requests] == [1]


def test_an_engine_that_lists_its_models_and_is_dead_is_not_ready(serve: Callable[[str | None], TestClient]) -> None:
    with misbehaving(Misbehaviour.SERVER_ERROR) as url:
        answer = serve(url).get("/readyz/investigator")
    assert answer.status_code == 503
    assert "server_error" in answer.json()["detail"]


def test_the_model_asks_the_mcp_tools_for_more_and_cites_what_they_found(
    tmp_path: Path, samples: list[dict[str, Any]]
) -> None:
    asked: list[dict[str, Any]] = []

    def script(body: dict[str, Any]) -> Any:
        asked.append(body)
        if len(asked) == 1:
            return says('{"ask":[{"tool":"customer_history","days":30,"limit":5},{"tool":"similar_cases"}]}')
        return says(verdict("REVIEW", 60, ["customer_history/1", "similar_cases/1"]))

    with ModelEndpoint(script) as endpoint:
        settings = load_settings(data_dir=tmp_path / "data", llm_url=endpoint.url, llm_model=MODEL)
        with TestClient(build_gateway(App(settings)), base_url="http://127.0.0.1:8000") as http:
            for number in range(3):
                http.post("/v1/decisions", json=samples[0] | {"transaction_id": f"T-{number}"})
            begun = http.post("/v1/investigations", json={"transaction_id": "T-2"})
            happened = events(http.get(begun.headers["location"] + "/events").text)
    assert [entry["event"] for entry in happened].count("tool_result") == 2
    finding = json.loads(happened[-1]["data"])["body"]
    history, similar = finding["found"]
    assert [row["transaction_id"] for row in history["items"]["decisions"]] == ["T-1", "T-0"]
    assert (history["id"], similar["id"]) == ("customer_history/1", "similar_cases/1")
    assert finding["verdict"]["evidence"] == ["customer_history/1", "similar_cases/1"]
    assert "customer_history" in asked[0]["messages"][0]["content"]
    assert samples[0]["customer_id"] not in asked[0]["messages"][1]["content"]
    assert "T-1" in asked[1]["messages"][-1]["content"]
