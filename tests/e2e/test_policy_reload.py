"""Policies over HTTP: which is in force, reload, and what is said while a file cannot be used."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from typer.testing import CliRunner

from fraudray.bootstrap import App
from fraudray.client import Client
from fraudray.deployments.gateway import build_gateway
from fraudray.domain.errors import NotFound, PolicyError
from fraudray.tools.provider import MountedProvider
from tests.policies import small, write_book
from tests.tools.asking import ask
from tests.tools.serving import serving

Make = Callable[..., dict[str, Any]]
ROUTE = "/v1/policy/reload"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "policy.yaml"
    path.write_text(small())
    return path


@pytest.fixture
def app(make_app: Callable[..., App], file: Path) -> App:
    return make_app(policy_file=file)


@pytest.fixture
def http(app: App) -> Iterator[TestClient]:
    with TestClient(build_gateway(app), base_url="http://127.0.0.1:8000") as client:
        yield client


def test_reload_takes_effect_and_is_on_the_audit_trail(http: TestClient, file: Path, plain: Make) -> None:
    file.write_text(small(version="2", weight=80))
    answer = http.post(ROUTE, headers={"x-actor": "ann"})
    assert answer.status_code == 200
    assert [policy["version"] for policy in answer.json()["policies"]] == ["2"]
    decision = http.post("/v1/decisions", json=plain()).json()
    assert (decision["score"], decision["policy"]) == (80, answer.json()["policies"][0])
    (entry,) = http.get("/v1/audit", params={"subject": "cards"}).json()["entries"]
    assert (entry["kind"], entry["actor"], entry["body"]) == ("policy_loaded", "ann", answer.json())


def test_a_bad_file_is_a_problem_with_its_place_and_seen_in_readyz_and_metrics(
    http: TestClient, file: Path, plain: Make
) -> None:
    assert "policy_problem" not in http.get("/readyz").json()
    file.write_text(small().replace("when: spending", "when: spendign"))
    answer = http.post(ROUTE)
    problem = answer.json()
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert (problem["file"], problem["rule"], problem["line"]) == (str(file), "always", 12)
    assert problem["column"] > 1
    assert "did you mean spending" in problem["message"]
    ready = http.get("/readyz")
    assert (ready.status_code, ready.json()["status"]) == (200, "ready")
    assert ready.json()["policy_problem"]["line"] == 12
    assert ready.json()["policy_problem"]["since"]
    metrics = http.get("/metrics").text
    assert "fraudray_policy_stale 1.0" in metrics
    assert 'fraudray_policy_loads_total{result="refused"} 1.0' in metrics
    assert http.post("/v1/decisions", json=plain()).json()["score"] == 10

    file.write_text(small(version="2"))
    assert http.post(ROUTE, json={}).status_code == 200
    assert "policy_problem" not in http.get("/readyz").json()
    metrics = http.get("/metrics").text
    assert "fraudray_policy_stale 0.0" in metrics
    assert 'fraudray_policy_loads_total{result="loaded"} 1.0' in metrics


@pytest.mark.parametrize("body", [b"[1]", b"{", b"\xff"])
def test_a_body_that_is_no_object_is_refused(http: TestClient, body: bytes) -> None:
    answer = http.post(ROUTE, content=body, headers={"content-type": "application/json"})
    assert 400 <= answer.status_code < 500


def test_the_client_raises_the_librarys_own_error_with_the_place(app: App, file: Path, tmp_path: Path) -> None:
    with serving(build_gateway(app)) as address, Client(address) as client:
        file.write_text(small(version="2"))
        assert client.reload_policy(author="ann")["policies"][0]["version"] == "2"
        assert client.policy("cards")["version"] == "2"
        with pytest.raises(NotFound):
            client.policy("none")
        file.write_text("name: [")
        with pytest.raises(PolicyError) as caught:
            client.reload_policy(author="ann")
        assert (caught.value.file, caught.value.line, caught.value.column) == (str(file), 2, 1)
        assert "is not YAML" in str(caught.value)


def test_the_command_line_reloads_the_server_beside_it(
    app: App, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fraudray.cli.root import app as fraudray

    monkeypatch.setenv("FRAUDRAY_DATA_DIR", str(app.settings.data_dir))
    with serving(build_gateway(app)) as address:
        (app.settings.data_dir / "server.json").write_text(json.dumps({"url": address}))
        file.write_text(small(version="2"))
        done = CliRunner().invoke(fraudray, ["policy", "reload", "--author", "ann"])
        assert (done.exit_code, done.stdout) == (0, "In force: cards 2.\n")
        assert app.policy.ref.version == "2"
        file.write_text(small().replace("weight: 10", "weight: 101"))
        refused = CliRunner().invoke(fraudray, ["policy", "reload"])
        assert refused.exit_code == 2
        assert f"{file}:12:" in refused.stderr
        compared = CliRunner().invoke(fraudray, ["policy", "diff", "default", "current", "--json"])
        assert json.loads(compared.stdout)["b"]["policies"] == [app.policy.ref.model_dump()]


@pytest.mark.parametrize(("channel", "name"), [(None, "cards"), ("mobile", "wallets")])
def test_a_read_tool_names_the_policy_that_the_transaction_gets(
    make_app: Callable[..., App], tmp_path: Path, channel: str | None, name: str
) -> None:
    app = make_app("other", policy_file=write_book(tmp_path))
    arguments = {
        "transaction_id": "t", "customer_id": "c", "amount": 5, "merchant": "Stand", "location": "Seattle, WA",
        "card_present": True, "transaction_time": None, "channel": channel,
    }  # fmt: skip
    answer = ask("transaction-risk", MountedProvider(app), "check_transaction_risk", arguments)
    assert answer["policy"] == app.engine.book.policies[name].ref.model_dump()
