"""Webhooks by HTTP, by the command line alone and beside a server, and by the README."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from starlette.testclient import TestClient
from typer.testing import CliRunner

from fraudray.bootstrap import App
from fraudray.cli.root import app as command_line
from fraudray.client import Client
from fraudray.deployments.gateway import build_gateway
from fraudray.domain.errors import InvalidTransaction, NotFound
from fraudray.service import LocalService

from .conftest import INSIDE
from .receiver import Receiver

README = (Path(__file__).parents[2] / "deployments" / "README.md").read_text(encoding="utf-8")
WISH = {"events": ["decision.created"]}


@pytest.fixture
def http(app: App) -> Iterator[TestClient]:
    with TestClient(build_gateway(app), base_url="http://127.0.0.1:8000") as client:
        yield client


def test_http_offers_all_of_it(http: TestClient, app: App, receiver: Receiver, samples: list[dict[str, Any]]) -> None:
    added = http.post("/v1/webhooks", json=WISH | {"url": receiver.url}, headers={"x-actor": "ana"})
    assert added.status_code == 201
    webhook_id, secret = added.json()["webhook_id"], added.json()["secret"]
    at = f"/v1/webhooks/{webhook_id}"
    listed = http.get("/v1/webhooks").json()["webhooks"]
    assert [(w["webhook_id"], w["created_by"]) for w in listed] == [(webhook_id, "ana")]
    assert secret not in http.get("/v1/webhooks").text + http.get(at).text
    assert http.post(f"{at}/test").json()["outcome"] == "HTTP 200"
    assert http.post(f"{at}/rotate").json()["secret"] != secret
    assert http.post(f"{at}/disable", json={"reason": "moves"}).json()["status_reason"] == "moves"
    assert http.post(f"{at}/enable").json()["status"] == "on"
    app.engine.decide(samples[1])
    app.worker.drain()
    assert http.get(at).json()["deliveries"] == {"pending": 0, "done": 1, "dead": 0}
    assert 'fraudray_webhooks_total{result="delivered"} 1.0' in http.get("/metrics").text
    assert http.delete(at).json() == {"webhook_id": webhook_id, "removed": True}
    assert http.get(at).status_code == 404


def test_an_endpoint_that_wants_nothing_is_refused_in_plain_words(http: TestClient, receiver: Receiver) -> None:
    refused = http.post("/v1/webhooks", json={"url": receiver.url, "events": []})
    assert refused.json()["detail"] == "events: List should have at least 1 item after validation, not 0"
    assert http.post("/v1/webhooks", json=[]).json()["detail"] == "a webhook is a JSON object"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "url"), ([], ""), ("x", ""), ({"url": 1} | WISH, "url"), ({"url": "x" * 2001} | WISH, "url"),
        ({"url": "https://127.0.0.1:9/"}, "events"), ({"url": "https://127.0.0.1:9/", "events": []}, "events"),
        ({"url": "https://127.0.0.1:9/", "events": ["no.such"]}, "events.0"),
        ({"url": "https://127.0.0.1:9/", "events": {"a": 1}}, "events"),
        ({"url": "https://127.0.0.1:9/", "extra": 1} | WISH, "extra"),
        ({"url": "https://127.0.0.1:9/", "outcomes": ["MAYBE"]} | WISH, "outcomes.0"),
        ({"url": "https://127.0.0.1:9/", "events": ["case.opened"], "outcomes": ["BLOCK"]}, "outcomes"),
        ({"url": "https://a:b@127.0.0.1:9/"} | WISH, "url"), ({"url": "https://127.0.0.1:9/\ud800"} | WISH, "url"),
        ({"url": "https://127.0.0.1:9/\u0000"} | WISH, "url"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_wish_is_named(http: TestClient, body: Any, field: str) -> None:
    answer = http.post("/v1/webhooks", content=json.dumps(body), headers={"content-type": "application/json"})
    assert 400 <= answer.status_code < 500, answer.text
    if "errors" in answer.json():
        assert field in [error["field"] for error in answer.json()["errors"]]
    assert http.get("/v1/webhooks").json() == {"webhooks": []}


def test_an_unknown_id_is_not_found_everywhere(http: TestClient) -> None:
    for method, path in (
        ("GET", ""), ("DELETE", ""), ("POST", "/rotate"), ("POST", "/test"), ("POST", "/enable"), ("POST", "/disable"),
    ):  # fmt: skip
        answer = http.request(method, f"/v1/webhooks/wh_none{path}", json={"reason": "x"})
        assert (answer.status_code, answer.json().get("key")) == (404, "wh_none"), path


def test_the_openapi_document_says_what_to_send(http: TestClient) -> None:
    document = http.get("/openapi.json").json()
    wish = document["components"]["schemas"]["WebhookWish"]["properties"]
    assert set(wish) == {"url", "events", "outcomes"}
    assert "requestBody" in document["paths"]["/v1/webhooks"]["post"]


@pytest.fixture
def client(app: App) -> Iterator[Client]:
    """A client of a gateway that really listens, on a free port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(build_gateway(app), log_level="error"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        with Client(f"http://127.0.0.1:{listening.getsockname()[1]}") as remote:
            yield remote
        server.should_exit = True
        thread.join(30)


def test_a_client_does_all_of_it(client: Client, receiver: Receiver) -> None:
    webhooks = client.webhooks
    webhook_id = webhooks.add(WISH | {"url": receiver.url}, author="ana")["webhook_id"]
    assert [w["webhook_id"] for w in webhooks.list()["webhooks"]] == [webhook_id]
    assert webhooks.test(webhook_id, author="ana")["delivered"]
    assert webhooks.rotate(webhook_id, author="ana")["secret"].startswith("whsec_")
    assert webhooks.disable(webhook_id, reason="moves", author="ana")["status"] == "off"
    assert webhooks.enable(webhook_id, author="ana")["status"] == "on"
    assert webhooks.show(webhook_id)["failures"] == []
    assert webhooks.remove(webhook_id, author="ana")["removed"]
    with pytest.raises(NotFound, match="webhook"):
        webhooks.show(webhook_id)
    with pytest.raises(InvalidTransaction, match="url"):
        webhooks.add(WISH | {"url": "https://elsewhere.example/"}, author="ana")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("FRAUDRAY_DATA_DIR", str(tmp_path / "cli"))
    monkeypatch.setenv("COLUMNS", "200")
    for name, value in INSIDE.items():
        monkeypatch.setenv(f"FRAUDRAY_{name.upper()}", str(value))

    def running(*arguments: str, code: int = 0) -> str:
        ran = CliRunner().invoke(command_line, ["webhooks", *arguments], prog_name="fraudray")
        assert ran.exit_code == code, ran.output
        return ran.output

    return running


def test_the_command_line_does_all_of_it(run: Any, receiver: Receiver) -> None:
    assert "No webhooks" in run("list")
    said = run("add", receiver.url, "--event", "decision.created", "--outcome", "BLOCK")
    webhook_id = re.findall(r"wh_\w+", said)[0]
    assert "whsec_" in said
    assert webhook_id in run("list")
    assert "whsec_" not in run("list") + run("show", webhook_id) + run("list", "--json")
    assert "Taken after" in run("test", webhook_id)
    receiver.always = 500
    assert "Not taken" in run("test", webhook_id, code=1)
    assert "whsec_" in run("rotate", webhook_id)
    assert "is off" in run("disable", webhook_id, "--reason", "moves")
    assert "off: moves" in run("list")
    assert "is on" in run("enable", webhook_id)
    assert "Removed" in run("remove", webhook_id)
    assert "no webhook" in run("show", webhook_id, code=3)
    assert "not among the allowed hosts" in run("add", "https://elsewhere.example/", "--event", "case.opened", code=2)
    run("add", receiver.url, code=2)


def test_the_receiver_of_the_readme_verifies(service: LocalService) -> None:
    section = README.split("## Webhooks\n")[1].split("\n## ")[0]
    (code,) = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}/"
    added = service.webhooks.add(WISH | {"url": url}, author="ana")
    process = subprocess.Popen(
        [sys.executable, "-c", code.replace("9000", str(port))], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        text=True, env=os.environ | {"WEBHOOK_SECRET": added["secret"]},
    )  # fmt: skip
    try:
        transport = httpx.HTTPTransport(retries=8)  # until it listens
        with httpx.Client(transport=transport, timeout=30) as stranger:
            assert stranger.post(url, content=b"{}").status_code == 401
        assert service.webhooks.test(added["webhook_id"], author="ana")["outcome"] == "HTTP 204"
        assert process.stdout is not None
        assert "webhook.test" in process.stdout.readline()
    finally:
        process.kill()
        process.communicate()
