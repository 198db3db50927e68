"""/v1/backtests: begun, looked at, stopped and reported; what is refused, and by whom it may be done."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from fraudray.adapters.jobs import NoJobs
from fraudray.bootstrap import App
from fraudray.client import Client
from fraudray.deployments.gateway import build_gateway
from fraudray.domain.errors import InvalidTransaction, NotFound, NotInstalled, PolicyError, Refused
from fraudray.policy.book import PolicyBook, describe
from fraudray.policy.policy import Policy
from fraudray.service import LocalService
from fraudray.settings import load_settings
from fraudray.testing.clock import FixedClock
from tests.batch.job_bench import Bench, acting_bench, eventually
from tests.tools.serving import serving

from .test_http import JSON, problem

URL = "http://127.0.0.1:8000"
TEXT = Policy.load().source.text
OTHER = TEXT.replace("review: 40, block: 75", "review: 25, block: 60")
BROKEN = TEXT.replace(
    "rules:", "rules:\n  - {id: mine, code: MINE, family: place, weight: 5, when: nothing_known > 1, text: x}", 1
)


@pytest.fixture
def bench(tmp_path: Path, clock: FixedClock) -> Bench:
    return acting_bench(tmp_path / "data", clock, "payments", "cards-2025")


@pytest.fixture
def server(bench: Bench) -> Iterator[App]:
    runner = bench.open()
    with App(load_settings(data_dir=bench.folder), clock=bench.clock, work=False, jobs=runner) as app:
        yield app
    assert bench.processes() == []


@pytest.fixture
def http(server: App) -> Iterator[TestClient]:
    with TestClient(build_gateway(server), base_url=URL) as client:
        yield client


def reached(http: TestClient, backtest_id: str, *states: str) -> dict[str, Any]:
    """The back-test once it is in one of these states."""

    def now() -> dict[str, Any]:
        found: dict[str, Any] = http.get(f"/v1/backtests/{backtest_id}").json()
        return found

    eventually(lambda: now()["state"] in states, f"the back-test did not get {states}")
    return now()


def test_a_back_test_from_beginning_to_end(http: TestClient) -> None:
    body = {"history": "payments", "policy": "handbook", "from": "2026-01-10", "to": "2026-01-20T12:00:00+01:00"}
    made = http.post("/v1/backtests", json=body, headers={"x-actor": "Ana%20B"})
    assert made.status_code == 201
    job = made.json()
    address = f"/v1/backtests/{job['backtest_id']}"
    assert made.headers["location"] == address
    assert (job["state"], job["author"], job["begun"]) == ("queued", "Ana B", True)
    assert (job["from"], job["to"]) == ("2026-01-10T00:00:00.000Z", "2026-01-20T11:00:00.000Z")
    assert (job["policy"]["asked"], job["policy"]["ref"]["name"]) == ("handbook", "handbook")

    done = reached(http, job["backtest_id"], "done")

    assert (done["run_id"], done["result"]["Transactions"]) == ("bt_acted", "7")
    page = http.get(f"{address}/report")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert "<title>Back-test</title>" in page.text
    figures = http.get(f"{address}/figures")
    assert (figures.status_code, figures.json()) == (
        200, {"backtest_id": job["backtest_id"], "run_id": "bt_acted", "rows": {"all": 7}},
    )  # fmt: skip
    assert http.post(f"{address}/resume").json() == done | {"begun": False}
    again = http.post("/v1/backtests", json=body, headers={"x-actor": "Ben"})
    assert (again.status_code, again.headers["location"]) == (200, address)
    assert again.json() == done | {"begun": False}
    listed = http.get("/v1/backtests").json()
    assert listed["backtests"] == [done]
    assert [(found["name"], found["rows"]) for found in listed["histories"]] == [("cards-2025", 7), ("payments", 7)]


def test_a_policy_is_the_same_by_name_and_by_text(http: TestClient, bench: Bench) -> None:
    bench.hold()
    by_name = http.post("/v1/backtests", json={"history": "payments"}).json()
    by_text = http.post("/v1/backtests", json={"history": "payments", "policy_text": TEXT})
    current = http.post("/v1/backtests", json={"history": "payments", "policy": "current"})
    assert (by_text.status_code, current.status_code) == (200, 200)
    assert by_name["backtest_id"] == by_text.json()["backtest_id"] == current.json()["backtest_id"]
    other = http.post("/v1/backtests", json={"history": "payments", "challenger": "current"})
    assert other.status_code == 201
    assert other.json()["challenger"]["asked"] == "current"


def test_the_policies_in_force_are_kept_as_they_stood(bench: Bench, tmp_path: Path) -> None:
    wallets = TEXT.replace("name: card-payments", "name: wallets", 1)
    (tmp_path / "cards.yaml").write_text(TEXT)
    (tmp_path / "wallets.yaml").write_text(wallets)
    name, other = (Policy.parse(text).document.name for text in (TEXT, wallets))
    choose = [{"policy": other, "channel": ["mobile"]}]
    book = {"policies": ["cards.yaml", "wallets.yaml"], "choose": choose, "default": name}
    (tmp_path / "book.yaml").write_text(json.dumps(book))
    settings = load_settings(data_dir=bench.folder, policy_file=tmp_path / "book.yaml")
    with App(settings, clock=bench.clock, work=False, jobs=bench.open()) as app:
        job = LocalService(app).backtests.start({"history": "payments", "policy": "current"}, author="Ana")
        kept = bench.folder / "backtests" / job["backtest_id"] / "policies" / "champion"
        in_force = app.engine.book
        assert describe(PolicyBook.load(kept / "book.yaml")) == describe(in_force)


def test_a_running_one_is_cancelled_and_goes_on(http: TestClient, bench: Bench) -> None:
    bench.hold()
    body = {"history": "payments"}
    job = http.post("/v1/backtests", json=body).json()["backtest_id"]
    waiting = http.post("/v1/backtests", json={"history": "cards-2025"}).json()["backtest_id"]
    reached(http, job, "running")
    eventually(
        lambda: http.get(f"/v1/backtests/{job}").json()["progress"] == {"doing": "deciding", "done": 1, "total": 2},
        "no progress is told",
    )
    for of in ("report", "figures"):
        assert "running" in problem(http.get(f"/v1/backtests/{job}/{of}"), 409)["detail"]
    assert http.post(f"/v1/backtests/{waiting}/cancel").json()["state"] == "cancelled"

    stopped = http.post(f"/v1/backtests/{job}/cancel")

    assert (stopped.status_code, stopped.json()["state"]) == (200, "cancelled")
    assert bench.processes() == []
    bench.release()
    again = http.post("/v1/backtests", json=body)
    assert (again.status_code, again.json()["backtest_id"]) == (201, job)
    reached(http, job, "done")
    assert "has ended" in problem(http.post(f"/v1/backtests/{job}/cancel"), 409)["detail"]


def test_one_that_stopped_is_resumed_with_the_policies_that_it_was_given(http: TestClient, bench: Bench) -> None:
    bench.hold()
    job = http.post("/v1/backtests", json={"history": "payments", "policy_text": OTHER}).json()
    address = f"/v1/backtests/{job['backtest_id']}"
    http.post(f"{address}/cancel")
    bench.release()
    resumed = http.post(f"{address}/resume", headers={"x-actor": "Ben"}).json()
    assert (resumed["begun"], resumed["author"], resumed["policy"]) == (True, "Ben", job["policy"])
    assert reached(http, job["backtest_id"], "done")["result"]["Policy"] == str(len(OTHER))


def test_figures_that_are_gone_or_damaged_are_said_to_be(http: TestClient, bench: Bench) -> None:
    job = http.post("/v1/backtests", json={"history": "payments"}).json()["backtest_id"]
    reached(http, job, "done")
    file = bench.folder / "backtests" / job / "run" / "figures.json"
    file.write_text("{")
    assert "damaged" in problem(http.get(f"/v1/backtests/{job}/figures"), 503)["detail"]
    file.unlink()
    assert "asked for again" in problem(http.get(f"/v1/backtests/{job}/figures"), 409)["detail"]
    assert http.post("/v1/backtests", json={"history": "payments"}).status_code == 201
    reached(http, job, "done")
    assert http.get(f"/v1/backtests/{job}/figures").status_code == 200


def test_what_policies_have_otherwise_is_told(http: TestClient) -> None:
    def start(**fields: str) -> str:
        backtest_id: str = http.post("/v1/backtests", json={"history": "payments", **fields}).json()["backtest_id"]
        return backtest_id

    first, second = start(), start(policy_text=OTHER, challenger="default")
    path = f"/v1/backtests/{second}/policy-changes"
    against = http.get(path, params={"against": first}).json()
    assert [change["text"] for change in against["changes"]] == ["threshold review 40 → 25", "threshold block 75 → 60"]
    assert against["left_out"] == 0
    own = http.get(path).json()["changes"]
    assert [(change["where"], change["was"], change["now"]) for change in own] == [
        (["thresholds", "review"], 25, 40), (["thresholds", "block"], 60, 75),
    ]  # fmt: skip
    assert http.get(f"/v1/backtests/{first}/policy-changes").json() == {"changes": [], "left_out": 0}
    problem(http.get(path, params={"against": "btj_none"}), 404)
    problem(http.get(path, params={"against": "x" * 65}), 422)


def test_one_that_fails_says_why(http: TestClient) -> None:
    job = http.post("/v1/backtests", json={"history": "payments", "from": "2090-01-01"}).json()
    failed = reached(http, job["backtest_id"], "failed")
    assert "no transaction to measure" in failed["error"]
    problem(http.get(f"/v1/backtests/{job['backtest_id']}/report"), 409)


def test_too_many_waiting_are_refused(http: TestClient, bench: Bench) -> None:
    bench.hold()
    first = http.post("/v1/backtests", json={"history": "payments"}).json()["backtest_id"]
    reached(http, first, "running")
    for day in ("2026-01-02", "2026-01-03"):
        assert http.post("/v1/backtests", json={"history": "payments", "from": day}).status_code == 201
    refused = http.post("/v1/backtests", json={"history": "payments", "from": "2026-01-04"})
    assert "wait already" in problem(refused, 409)["detail"]


@pytest.mark.parametrize(
    ("fields", "bad"),
    [
        ({"history": "../x"}, {"history"}), ({"policy": "mine.yaml"}, {"policy"}), ({"from": "yesterday"}, {"from"}),
        ({"history": "../x", "policy_text": 7, "to": "z", "colour": 1}, {"history", "policy_text", "to", "colour"}),
    ],
)  # fmt: skip
def test_every_bad_field_is_named(http: TestClient, fields: dict[str, Any], bad: set[str]) -> None:
    document = problem(http.post("/v1/backtests", json={"history": "payments"} | fields), 422)
    assert {error["field"] for error in document["errors"]} == bad
    assert http.get("/v1/backtests").json()["backtests"] == []


def test_an_unknown_history_is_told_which_there_are(http: TestClient) -> None:
    document = problem(http.post("/v1/backtests", json={"history": "payment"}), 422)
    assert document["errors"][0]["field"] == "history"
    assert "there are cards-2025, payments; did you mean payments?" in document["errors"][0]["message"]


@pytest.mark.parametrize("side", ["policy_text", "challenger_text"])
def test_a_bad_policy_text_is_named_with_line_and_column(http: TestClient, side: str) -> None:
    document = problem(http.post("/v1/backtests", json={"history": "payments", side: BROKEN}), 422)
    line = next(number for number, text in enumerate(BROKEN.splitlines(), 1) if "nothing_known" in text)
    assert (document["file"], document["rule"], document["line"]) == (side, "mine", line)
    assert document["column"] > 1
    assert "nothing_known" in document["message"]
    both = problem(http.post("/v1/backtests", json={"history": "none", side: "a: [", "from": "2026-01-01"}), 422)
    assert [error["field"] for error in both["errors"]] == ["history", side]
    assert f"{side}:2:1" in both["errors"][1]["message"]


def test_a_text_that_names_other_files_reads_none(http: TestClient) -> None:
    text = json.dumps({"policies": ["/etc/passwd"], "default": "x"})
    assert problem(http.post("/v1/backtests", json={"history": "payments", "policy_text": text}), 422)["line"] == 1


@pytest.mark.parametrize(
    ("body", "status"), [(b"", 400), (b"[]", 422), (b"null", 422), (b"{}", 422), (b'"' + b"x" * 1_100_000 + b'"', 413)]
)
def test_hostile_bodies_are_refused(http: TestClient, body: bytes, status: int) -> None:
    problem(http.post("/v1/backtests", content=body, headers=JSON), status)


@pytest.mark.parametrize("backtest_id", ["btj_none", "..", "%2e%2e%2fpayments", "x" * 300])
def test_what_is_not_there_is_not_found(http: TestClient, backtest_id: str) -> None:
    problem(http.get(f"/v1/backtests/{backtest_id}"), 404)
    for of in ("report", "figures", "policy-changes"):
        problem(http.get(f"/v1/backtests/{backtest_id}/{of}"), 404)
    for act in ("cancel", "resume"):
        problem(http.post(f"/v1/backtests/{backtest_id}/{act}"), 404)


def test_reading_needs_read_and_starting_and_cancelling_need_act(server: App) -> None:
    keys = LocalService(server).keys
    made = {scope: keys.create(scope, scopes=[scope], author="test")["key"] for scope in ("read", "act", "decide")}
    client = TestClient(build_gateway(server), base_url=URL)

    def status(method: str, path: str, scope: str) -> int:
        headers = {"authorization": f"Bearer {made[scope]}"}
        body = {"history": "payments"} if method == "POST" else None
        return client.request(method, f"/v1/backtests{path}", json=body, headers=headers).status_code

    assert [status("GET", "", scope) for scope in ("read", "act", "decide")] == [200, 403, 403]
    assert [status("GET", "/x/report", scope) for scope in ("read", "act")] == [404, 403]
    assert [status("POST", "", scope) for scope in ("read", "decide", "act")] == [403, 403, 201]
    for of in ("figures", "policy-changes"):
        assert [status("GET", f"/x/{of}", scope) for scope in ("read", "act")] == [404, 403]
    for act in ("cancel", "resume"):
        assert [status("POST", f"/x/{act}", scope) for scope in ("read", "act")] == [403, 404]
    (job,) = LocalService(server).backtests.list()["backtests"]
    assert job["author"] == "act"


def test_without_the_extra_every_route_says_which_one_is_missing(clock: FixedClock, tmp_path: Path) -> None:
    settings = load_settings(data_dir=tmp_path / "bare")
    with App(settings, clock=clock, work=False, jobs=NoJobs("pip install 'fraudray[batch]'")) as app:
        client = TestClient(build_gateway(app), base_url=URL)
        asked = [
            ("GET", ""), ("POST", ""), ("GET", "/x"), ("POST", "/x/cancel"), ("POST", "/x/resume"),
            ("GET", "/x/report"), ("GET", "/x/figures"), ("GET", "/x/policy-changes"),
        ]  # fmt: skip
        for method, path in asked:
            body = {"history": "payments"} if method == "POST" else None
            response = client.request(method, f"/v1/backtests{path}", json=body)
            assert "fraudray[batch]" in problem(response, 501)["detail"]


def test_the_openapi_document_shows_what_is_asked_and_answered(http: TestClient) -> None:
    document = http.get("/openapi.json").json()
    shapes = document["components"]["schemas"]
    assert {"history", "policy_text", "from", "to"} <= set(shapes["BacktestRequest"]["properties"])
    assert shapes["BacktestRequest"]["required"] == ["history"]
    assert "begun" in shapes["AskedJob"]["required"]
    assert "interrupted" in shapes["JobState"]["enum"]
    paths = document["paths"]
    figures = paths["/v1/backtests/{backtest_id}/figures"]["get"]["responses"]["200"]["content"]["application/json"]
    assert figures["schema"] == {"$ref": "#/components/schemas/BacktestFigures"}
    assert {"sides", "sweep", "scores", "over_time", "rules"} <= set(shapes["BacktestFigures"]["properties"])
    assert set(paths["/v1/backtests"]) == {"get", "post"}
    assert set(paths["/v1/backtests"]["post"]["responses"]) == {"200", "201", "default"}
    assert "text/html" in paths["/v1/backtests/{backtest_id}/report"]["get"]["responses"]["200"]["content"]


def test_back_tests_of_a_running_server(server: App, bench: Bench) -> None:
    bench.hold()
    with serving(build_gateway(server)) as url, Client(url) as client:
        backtests = client.backtests
        job = backtests.start({"history": "payments"}, author="Ana Ö")
        assert (job["author"], job["begun"]) == ("Ana Ö", True)
        assert backtests.start({"history": "payments"}, author="Ben")["begun"] is False
        assert backtests.cancel(job["backtest_id"])["state"] == "cancelled"
        assert backtests.show(job["backtest_id"])["state"] == "cancelled"
        assert [found["name"] for found in backtests.list()["histories"]] == ["cards-2025", "payments"]
        bench.release()
        backtests.start({"history": "payments"}, author="Ben")
        eventually(lambda: backtests.show(job["backtest_id"])["state"] == "done", "it does not end")
        assert "<title>Back-test</title>" in backtests.report(job["backtest_id"])
        assert backtests.figures(job["backtest_id"])["run_id"] == "bt_acted"
        assert backtests.resume(job["backtest_id"], author="Ben")["begun"] is False
        assert backtests.policy_changes(job["backtest_id"], against=job["backtest_id"])["changes"] == []
        with pytest.raises(InvalidTransaction, match="payments"):
            backtests.start({"history": "none"}, author="Ana")
        with pytest.raises(PolicyError, match="policy_text:2:1"):
            backtests.start({"history": "payments", "policy_text": "a: ["}, author="Ana")
        with pytest.raises(NotFound):
            backtests.show("btj_none")
        with pytest.raises(Refused):
            backtests.cancel(job["backtest_id"])


def test_a_server_without_the_extra_says_so_to_its_client(clock: FixedClock, tmp_path: Path) -> None:
    settings = load_settings(data_dir=tmp_path / "bare")
    with (
        App(settings, clock=clock, work=False, jobs=NoJobs("pip install 'fraudray[batch]'")) as app,
        serving(build_gateway(app)) as url,
        Client(url) as client,
        pytest.raises(NotInstalled, match=r"fraudray\[batch\]"),
    ):
        client.backtests.list()
