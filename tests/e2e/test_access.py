"""Keys over HTTP: who gets in, with which scope, and under whose name acts are noted."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.routing import BaseRoute, Mount, Route
from starlette.testclient import TestClient

from fraudray.adapters.local_token import make_local_token
from fraudray.bootstrap import App
from fraudray.deployments.access import entry_for
from fraudray.deployments.gateway import build_gateway
from fraudray.service import LocalService
from fraudray.testing.clock import FixedClock

Make = Callable[..., dict[str, Any]]
Opened = Callable[..., TestClient]
REACHABLE = "192.0.2.10"


@pytest.fixture
def opened(make_app: Callable[..., App]) -> Iterator[Opened]:
    """A gateway as a client sees it; settings as told."""
    clients: list[TestClient] = []

    def open_(**settings: Any) -> TestClient:
        client = TestClient(build_gateway(make_app(**settings)), base_url="http://127.0.0.1:8000")
        clients.append(client.__enter__())
        return clients[-1]

    yield open_
    for client in clients:
        client.__exit__()


def key(app: App, *scopes: str, name: str | None = None, **more: Any) -> str:
    made = LocalService(app).keys.create(name or "-".join(scopes), scopes=scopes, author="test", **more)
    return str(made["key"])


def bearer(text: str) -> dict[str, str]:
    return {"authorization": f"Bearer {text}"}


def refused(response: Any, status: int) -> str:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["www-authenticate"].startswith("Bearer")
    assert response.json()["status"] == status
    return str(response.json()["detail"])


def paths(routes: list[BaseRoute], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Method and path of every route, with something in the place of each parameter."""
    for route in routes:
        if isinstance(route, Mount):
            inner = route.app.routes if isinstance(route.app, FastAPI) else []
            yield from paths(inner, prefix + route.path) if inner else [("GET", prefix + route.path + "/x")]
        elif isinstance(route, Route):
            path = prefix + re.sub(r"{[^}]+}", "x", route.path)
            yield from ((method, path) for method in route.methods or {"GET"})


def test_every_route_has_a_line_in_the_table(app: App) -> None:
    found = {(method, path) for method, path in paths(list(build_gateway(app).routes)) if method != "OPTIONS"}
    assert len(found) > 40
    missing = sorted((method, path) for method, path in found if entry_for(method, path) is None)
    # The answers 405 of the hot path are for whatever method was wrong.
    assert [m for m in missing if m[1] != "/v1/decisions"] == []


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("POST", "/v1/decisions", "decide"), ("POST", "/v1/decisions/bulk", "decide"),
        ("POST", "/v1/decisions/T/1/step-up", "decide"),
        ("GET", "/v1/decisions/T-1", "read"), ("HEAD", "/v1/cases", "read"), ("GET", "/v1/audit/verify", "read"),
        ("POST", "/v1/policy/explain", "read"), ("GET", "/metrics", "read"), ("GET", "/docs", "read"),
        ("GET", "/openapi.json", "read"), ("POST", "/v1/lists/match", "read"), ("GET", "/v1/lists", "read"),
        ("POST", "/v1/ask", "act"), ("POST", "/v1/cases/FRD-1/notes", "act"), ("POST", "/v1/cases/FRD-1/close", "act"),
        ("POST", "/v1/customers/a/b/unfreeze", "act"), ("POST", "/v1/outbox/out_1/retry", "act"),
        ("POST", "/v1/lists", "act"), ("DELETE", "/v1/lists/x", "act"), ("POST", "/v1/reports/FRD-1", "act"),
        ("POST", "/v1/backtests", "act"), ("POST", "/v1/backtests/x/cancel", "act"),
        ("GET", "/v1/backtests/x/report", "read"),
        ("POST", "/v1/labels", "act"), ("POST", "/v1/labels/bulk", "act"), ("GET", "/v1/labels/a/b", "read"),
        ("POST", "/v1/customers", "admin"), ("PUT", "/v1/customers/C", "admin"),
        ("POST", "/v1/customers/C/hold", "admin"), ("POST", "/v1/customers/C/erase", "admin"),
        ("GET", "/v1/keys", "admin"), ("GET", "/v1/keys\n", "admin"), ("POST", "/v1/keys/x/revoke", "admin"),
        ("GET", "/v1/webhooks", "admin"), ("POST", "/v1/policy/reload", "admin"),
        ("POST", "/v1/policy/check", "read"), ("POST", "/v1/policy/condition", "read"),
        ("POST", "/v1/policy/impact", "read"), ("GET", "/v1/policy/versions/1", "read"),
        ("POST", "/v1/policy/versions", "admin"), ("POST", "/v1/policy/versions/1/promote", "admin"),
        ("POST", "/v1/policy/rollback", "admin"),
    ],
)  # fmt: skip
def test_each_request_needs_its_scope(method: str, path: str, scope: str) -> None:
    entry = entry_for(method, path)
    assert entry is not None
    assert entry.scopes is not None
    assert [str(one) for one in entry.scopes] == [scope]


def test_without_keys_everything_is_open_on_loopback(opened: Opened, plain: Make) -> None:
    client = opened()
    assert client.post("/v1/decisions", json=plain(), headers=bearer("frk_0_nothing")).status_code == 201
    assert client.get("/v1/keys").json() == {"keys": []}


def test_the_first_key_closes_the_server_for_all_others_at_once(opened: Opened, app: App, plain: Make) -> None:
    client = TestClient(build_gateway(app))
    assert client.get("/v1/cases").status_code == 200
    made = client.post("/v1/keys", json={"name": "root", "scopes": ["admin"]})
    assert made.status_code == 201
    assert made.headers["cache-control"] == "no-store"
    for path in ("/v1/cases", "/metrics", "/docs", "/openapi.json", "/v1/nothing", "/"):
        assert "a key is needed" in refused(client.get(path), 401)
    assert client.post("/v1/decisions", json=plain()).status_code == 401
    assert client.get("/healthz").status_code == client.get("/readyz").status_code == 200
    assert client.get("/v1/cases", headers=bearer(made.json()["key"])).status_code == 200


@pytest.mark.parametrize(
    ("scope", "statuses"),
    [
        ("decide", (201, 403, 403, 403)), ("read", (403, 200, 403, 403)), ("act", (403, 403, 404, 403)),
        ("admin", (201, 200, 404, 200)),
    ],
)  # fmt: skip
def test_a_key_opens_what_its_scope_says(
    app: App, plain: Make, scope: str, statuses: tuple[int, int, int, int]
) -> None:
    client = TestClient(build_gateway(app), headers=bearer(key(app, scope)))
    answers = (
        client.post("/v1/decisions", json=plain()), client.get("/v1/cases"),
        client.post("/v1/cases/FRD-0/notes", json={"text": "x"}), client.get("/v1/keys"),
    )  # fmt: skip
    assert tuple(answer.status_code for answer in answers) == statuses
    for answer, needed in zip(answers, ("decide", "read", "act", "admin"), strict=True):
        if answer.status_code == 403:
            assert refused(answer, 403) == f"the key {scope} lacks the scope {needed}, which this request needs"
            assert f'scope="{needed}"' in answer.headers["www-authenticate"]


def test_a_key_may_come_as_x_api_key_and_the_scheme_in_any_case(app: App) -> None:
    client, text = TestClient(build_gateway(app)), key(app, "read")
    assert client.get("/v1/cases", headers={"x-api-key": text}).status_code == 200
    assert client.get("/v1/cases", headers={"authorization": f"bearer   {text} "}).status_code == 200


def test_a_revoked_key_is_refused_by_the_next_request(app: App) -> None:
    client, text, _other = TestClient(build_gateway(app)), key(app, "read"), key(app, "admin")
    assert client.get("/v1/cases", headers=bearer(text)).status_code == 200
    root = bearer(_other)
    (key_id,) = [k["key_id"] for k in client.get("/v1/keys", headers=root).json()["keys"] if k["name"] == "read"]
    assert client.post(f"/v1/keys/{key_id}/revoke", headers=root).json() == {"key_id": key_id, "revoked": True}
    assert "not valid" in refused(client.get("/v1/cases", headers=bearer(text)), 401)
    assert client.post(f"/v1/keys/{key_id}/revoke", headers=root).status_code == 409
    assert client.post("/v1/keys/none/revoke", headers=root).status_code == 404


def test_an_expired_key_is_refused_and_opens_the_server_to_nobody(app: App, clock: FixedClock) -> None:
    client, text = TestClient(build_gateway(app)), key(app, "read", expires="2 hours")
    assert client.get("/v1/cases", headers=bearer(text)).status_code == 200
    clock.advance(hours=2)
    assert client.get("/v1/cases", headers=bearer(text)).status_code == 401
    assert client.get("/v1/cases").status_code == 401


def test_a_server_that_others_reach_always_wants_a_key(make_app: Callable[..., App]) -> None:
    app = make_app(host=REACHABLE)
    client = TestClient(build_gateway(app))
    assert client.get("/v1/cases").status_code == 401
    text = key(app, "read")
    assert client.get("/v1/cases", headers=bearer(text)).status_code == 200
    (only,) = LocalService(app).keys.list()["keys"]
    LocalService(app).keys.revoke(only["key_id"], author="test")
    assert client.get("/v1/cases").status_code == 401
    assert client.get("/v1/cases", headers=bearer(text)).status_code == 401
    assert client.get("/healthz").status_code == 200


HOSTILE: dict[str, list[tuple[bytes, bytes]]] = {
    "none": [],
    "empty": [(b"authorization", b"")],
    "no key": [(b"authorization", b"Bearer")],
    "another scheme": [(b"authorization", b"Basic YWRtaW46YWRtaW4=")],
    "not ASCII": [(b"authorization", "Bearer schlüssel".encode())],
    "bytes that are no text": [(b"authorization", b"Bearer \xff\xfe\xc0")],
    "huge": [(b"authorization", b"Bearer " + b"x" * 15_000)],
    "the key as scheme": [(b"authorization", b"frk_0_x")],
    "an empty x-api-key": [(b"x-api-key", b"")],
    "an unknown key": [(b"x-api-key", b"frk_000000000000_" + b"A" * 43)],
}


@pytest.mark.parametrize("headers", HOSTILE.values(), ids=HOSTILE)
def test_hostile_headers_get_a_401_and_harm_nothing(app: App, headers: list[tuple[bytes, bytes]]) -> None:
    client, text = TestClient(build_gateway(app)), key(app, "read")
    detail = refused(client.get("/v1/cases", headers=headers), 401)
    for _, value in headers:
        assert len(value) < 12 or value.decode("latin-1") not in detail
    assert client.get("/v1/cases", headers=bearer(text)).status_code == 200


def test_two_keys_in_one_request_are_refused(app: App) -> None:
    client, text = TestClient(build_gateway(app)), key(app, "read").encode()
    for second in ((b"authorization", b"Bearer " + text), (b"x-api-key", text), (b"x-api-key", b"y")):
        answer = client.get("/v1/cases", headers=[(b"authorization", b"Bearer " + text), second])
        assert "several keys" in refused(answer, 401)


def test_a_websocket_is_refused(app: App) -> None:
    from starlette.websockets import WebSocketDisconnect

    with pytest.raises(WebSocketDisconnect), TestClient(build_gateway(app)).websocket_connect("/v1/decisions"):
        pass


def test_acts_are_noted_under_the_name_of_the_key(app: App, samples: list[dict[str, Any]]) -> None:
    case_id = app.engine.decide(samples[1]).case_id
    client = TestClient(build_gateway(app), headers=bearer(key(app, "act", "read", name="desk")))
    for actor in ("", "Ana%20M", "x" * 300):
        sent = client.post(f"/v1/cases/{case_id}/notes", json={"text": "seen"}, headers={"x-actor": actor})
        assert sent.status_code == 201
    authors = [entry["author"] for entry in client.get(f"/v1/cases/{case_id}").json()["entries"]][-3:]
    assert authors[:2] == ["desk", "desk/Ana M"]
    assert authors[2] == "desk/" + "x" * 123


def test_refusals_are_counted(app: App) -> None:
    client, text = TestClient(build_gateway(app)), key(app, "decide")
    for _ in range(2):
        client.get("/v1/cases")
    client.get("/v1/cases", headers=bearer(text))
    shown = client.get("/metrics", headers=bearer(key(app, "read"))).text
    assert 'fraudray_refused_total{status="401"} 2.0' in shown
    assert 'fraudray_refused_total{status="403"} 1.0' in shown


def test_whoever_can_read_the_data_folder_needs_no_key(app: App, tmp_path: Path) -> None:
    token = make_local_token(tmp_path / "data")
    client = TestClient(build_gateway(app))
    key(app, "decide")
    file = tmp_path / "data" / "server.token"
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.read_text() == token
    made = client.post(
        "/v1/keys", json={"name": "x", "scopes": ["read"]}, headers=bearer(token) | {"x-actor": "Ana"}
    ).json()
    assert made["created_by"] == "Ana"
    assert client.get("/v1/cases", headers=bearer(token + "x")).status_code == 401
    assert make_local_token(tmp_path / "data") != token


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"), ({"name": "", "scopes": ["read"]}, "name"), ({"name": 7, "scopes": ["read"]}, "name"),
        ({"name": "a/b", "scopes": ["read"]}, "name"), ({"name": "a"}, "scopes"),
        ({"name": "a", "scopes": []}, "scopes"),
        ({"name": "a", "scopes": "read"}, "scopes"), ({"name": "a", "scopes": ["read", "root"]}, "scopes.1"),
        ({"name": "a", "scopes": ["read"], "expires": "2020-01-01T00:00:00Z"}, "expires"),
        ({"name": "a", "scopes": ["read"], "expires": "3 days ago"}, "expires"),
        ({"name": "a", "scopes": ["read"], "expires": "now"}, "expires"),
        ({"name": "a", "scopes": ["read"], "expires": "soon"}, "expires"),
        ({"name": "a", "scopes": ["read"], "expires": "9999999 years"}, "expires"),
        ({"name": "a", "scopes": ["read"], "expires": 90}, "expires"),
        ({"name": "a", "scopes": ["read"], "secret": "mine"}, "secret"), ([], ""),
    ],
)  # fmt: skip
def test_a_key_that_cannot_be_made_says_which_field_is_wrong(http: TestClient, body: Any, field: str) -> None:
    answer = http.post("/v1/keys", json=body)
    assert answer.status_code == 422, answer.text
    assert field in [error["field"] for error in answer.json()["errors"]]
    assert http.get("/v1/keys").json() == {"keys": []}


def test_a_name_that_is_taken_answers_409(http: TestClient) -> None:
    root = bearer(http.post("/v1/keys", json={"name": "a", "scopes": ["admin"]}).json()["key"])
    assert http.post("/v1/keys", json={"name": "A", "scopes": ["read"]}, headers=root).status_code == 409


def test_keys_are_listed_without_themselves(http: TestClient) -> None:
    made = http.post("/v1/keys", json={"name": "a", "scopes": ["admin"], "expires": "2027-01-31T12:00:00Z"}).json()
    text = made.pop("key")
    listed = http.get("/v1/keys", headers=bearer(text))
    (found,) = listed.json()["keys"]
    assert found["last_used_at"] is not None
    assert found | {"last_used_at": None} == made
    assert text.split("_", 2)[2] not in listed.text


def test_asking_for_a_key_costs_microseconds(app: App) -> None:
    from fraudray.gate import Gate

    text = key(app, "decide")
    gate = Gate(app.store.keyring, app.clock, host="127.0.0.1", local_token="t" * 43)
    best = float("inf")
    for _ in range(20):
        began = time.perf_counter()
        for _ in range(200):
            gate.admit(lambda: text)
        best = min(best, (time.perf_counter() - began) / 200)
    assert best < 50e-6, best
