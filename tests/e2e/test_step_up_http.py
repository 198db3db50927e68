"""POST /v1/decisions/{id}/step-up."""

from __future__ import annotations

from typing import Any

from starlette.testclient import TestClient

from .test_http import problem

REVIEWED = "TXN-20251201-150000"


def test_a_pass_lifts_the_review(http: TestClient, samples: list[dict[str, Any]]) -> None:
    decided = http.post("/v1/decisions", json=samples[2]).json()
    assert decided["step_up"]["status"] == "requested"
    body = {"result": "passed", "reference": "3ds-1"}
    revised = http.post(f"/v1/decisions/{REVIEWED}/step-up", json=body, headers={"x-actor": "acs"})
    assert revised.status_code == 200
    assert (revised.json()["decision"], revised.json()["revision"]) == ("APPROVE", 2)
    assert http.get(f"/v1/decisions/{REVIEWED}").json()["revision"] == 2
    again = http.post("/v1/decisions", json=samples[2])
    assert (again.status_code, again.json()["revision"]) == (200, 2)
    trail = http.get("/v1/audit", params={"subject": REVIEWED}).json()["entries"]
    assert [(entry["kind"], entry["actor"]) for entry in trail] == [("decision_revised", "acs"), ("decision", "engine")]
    assert http.get("/v1/audit/verify").json()["whole"]


def test_what_cannot_be_answered_is_refused_by_field(http: TestClient, samples: list[dict[str, Any]]) -> None:
    for sample in samples:
        http.post("/v1/decisions", json=sample)
    url = f"/v1/decisions/{REVIEWED}/step-up"
    for body, field in (
        ({}, "result"), ({"result": "maybe"}, "result"), ({"result": 1}, "result"),
        ({"result": "passed", "reference": ""}, "reference"), ({"result": "passed", "more": "x"}, "more"),
    ):  # fmt: skip
        assert [error["field"] for error in problem(http.post(url, json=body), 422)["errors"]] == [field]
    problem(http.post("/v1/decisions/T-none/step-up", json={"result": "passed"}), 404)
    problem(http.post("/v1/decisions/TXN-20251201-191354/step-up", json={"result": "passed"}), 409)
    assert http.get(f"/v1/decisions/{REVIEWED}").json()["revision"] == 1
