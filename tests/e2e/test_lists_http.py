"""/v1/lists: entries one by one and in bulk, their effect, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from fraudray.bootstrap import App

from .test_http import JSON, NDJSON, problem

Make = Callable[..., dict[str, Any]]
DENY = {"level": "deny", "kind": "customer", "value": "C-12345", "reason": "Confirmed"}


def test_an_entry_from_beginning_to_end(http: TestClient, plain: Make) -> None:
    made = http.post("/v1/lists", json=DENY | {"expires": "30d"}, headers={"x-actor": "Ana%20B"})
    entry = made.json()
    assert made.status_code == 201
    assert (entry["author"], entry["state"], entry["value"]) == ("Ana B", "active", "C-12345")
    decision = http.post("/v1/decisions", json=plain()).json()
    assert (decision["decision"], decision["score"]) == ("BLOCK", 100)
    assert http.get(f"/v1/lists/{entry['entry_id']}").json() == entry
    gone = http.request("DELETE", f"/v1/lists/{entry['entry_id']}", json={"reason": "mistake"})
    assert (gone.status_code, gone.json()["state"], gone.json()["removal_reason"]) == (200, "removed", "mistake")
    assert http.post("/v1/decisions", json=plain()).json()["decision"] == "APPROVE"
    kinds = [row["kind"] for row in http.get("/v1/audit", params={"subject": entry["entry_id"]}).json()["entries"]]
    assert kinds == ["list_entry_removed", "list_entry_added"]


def test_a_second_entry_about_the_same_conflicts_unless_it_replaces(http: TestClient) -> None:
    first = http.post("/v1/lists", json=DENY).json()["entry_id"]
    assert first in problem(http.post("/v1/lists", json=DENY), 409)["detail"]
    second = http.post("/v1/lists?replace=true", json=DENY | {"reason": "better"})
    assert second.status_code == 201
    assert http.get(f"/v1/lists/{first}").json()["state"] == "removed"


def test_the_reason_of_a_removal_may_stand_in_the_query(http: TestClient) -> None:
    entry = http.post("/v1/lists", json=DENY).json()["entry_id"]
    document = problem(http.delete(f"/v1/lists/{entry}"), 422)
    assert document["errors"][0]["field"] == "reason"
    problem(http.request("DELETE", f"/v1/lists/{entry}", content=b"[", headers=JSON), 400)
    problem(http.request("DELETE", f"/v1/lists/{entry}", content=b"[]", headers=JSON), 422)
    assert http.delete(f"/v1/lists/{entry}", params={"reason": "mistake"}).status_code == 200
    problem(http.delete(f"/v1/lists/{entry}", params={"reason": "again"}), 409)
    problem(http.delete("/v1/lists/lst_none", params={"reason": "x"}), 404)
    problem(http.get("/v1/lists/lst_none"), 404)


def test_a_bulk_answers_row_by_row(http: TestClient) -> None:
    lines = [json.dumps(DENY), "{broken", json.dumps(DENY | {"value": "C-2", "colour": 1}), "7", json.dumps(DENY)]
    answer = http.post("/v1/lists/bulk", content="\n".join(lines).encode(), headers=NDJSON)
    assert answer.status_code == 200
    document = answer.json()
    assert (document["added"], document["refused"]) == (1, 4)
    assert [row["status"] for row in document["results"]] == [201, 400, 422, 422, 409]
    assert document["results"][2]["problem"]["errors"][0]["field"] == "colour"
    assert http.post("/v1/lists/bulk", json=[]).json() == {"added": 0, "refused": 0, "results": []}
    problem(http.post("/v1/lists/bulk", json={}), 400)
    problem(http.post("/v1/lists/bulk", content=b"[]", headers={"content-type": "text/plain"}), 415)


def test_entries_are_listed_by_level_kind_state_and_value(http: TestClient) -> None:
    rows = [
        DENY, DENY | {"level": "block", "kind": "address", "value": "10.0.0.0/8"},
        DENY | {"level": "mute", "rule": "night-hour", "expires": "1d"},
    ]  # fmt: skip
    assert http.post("/v1/lists/bulk", json=rows).json()["added"] == 3

    def levels(**query: Any) -> list[str]:
        return sorted(entry["level"] for entry in http.get("/v1/lists", params=query).json()["entries"])

    assert levels() == ["block", "deny", "mute"]
    assert levels(level="mute") == ["mute"]
    assert levels(kind="customer", state="active") == ["deny", "mute"]
    assert levels(state="removed") == []
    assert levels(q="::ffff:10.0.0.0/104") == ["block"]
    assert levels(q="C-12345") == ["deny", "mute"]
    assert levels(q="C-1234") == []
    assert len(levels(limit=2)) == 2


def test_a_misspelt_parameter_is_named_and_does_nothing(http: TestClient) -> None:
    said = problem(http.get("/v1/lists", params={"value": "C-12345", "level": "deny"}), 422)
    assert said["errors"][0]["field"] == "value"
    assert "kind, level, limit, offset, q, state" in said["detail"]
    assert problem(http.post("/v1/lists?replce=true", json=DENY), 422)["errors"][0]["field"] == "replce"
    assert http.get("/v1/lists").json()["entries"] == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"level": "x"}, "level"), ({"kind": "x"}, "kind"), ({"state": "x"}, "state"), ({"limit": 0}, "limit"),
        ({"q": "x" * 301}, "q"), ({"kind": "address", "q": "nowhere"}, "q"), ({"offset": -1}, "offset"),
    ],
)  # fmt: skip
def test_a_bad_filter_is_named(http: TestClient, query: dict[str, Any], field: str) -> None:
    assert problem(http.get("/v1/lists", params=query), 422)["errors"][0]["field"] == field


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400), (b"[]", 422), (b"null", 422), (b"7", 422), (b"{}", 422), (b"[" * 60_000, 400),
        (b'{"level": "deny", "level": "deny"}', 400), (b"\xff", 400), (b'"' + b"x" * 70_000 + b'"', 413),
        (json.dumps(DENY | {"value": "\ud800"}).encode(), 422), (json.dumps(DENY | {"reason": "\x07"}).encode(), 422),
        (json.dumps(DENY | {"value": "4111111111111111"}).encode(), 422),
        (json.dumps(DENY | {"value": None}).encode(), 422), (json.dumps(DENY | {"expires": {}}).encode(), 422),
        (json.dumps(DENY | {"kind": "email_domain", "value": "\u2024" * 9}).encode(), 422),
        (json.dumps(DENY | {"reason": " "}).encode(), 422),
    ],
)  # fmt: skip
def test_hostile_entries_are_refused_and_repeat_no_card_number(
    http: TestClient, app: App, body: bytes, status: int
) -> None:
    response = http.post("/v1/lists", content=body, headers=JSON)
    problem(response, status)
    assert "4111111111111111" not in response.text
    assert len(app.store.lists.current()) == 0


def test_a_card_number_in_a_reason_is_masked(http: TestClient) -> None:
    entry = http.post("/v1/lists", json=DENY | {"reason": "card 4111 1111 1111 1111"}).json()
    assert "4111 1111 1111 1111" not in json.dumps(entry)


def test_match_takes_a_transaction_or_a_stored_one(http: TestClient, plain: Make) -> None:
    row = plain()
    http.post("/v1/decisions", json=row)
    entry = http.post("/v1/lists", json=DENY).json()["entry_id"]
    for body in (row, {"transaction_id": row["transaction_id"]}):
        found = http.post("/v1/lists/match", json=body).json()
        assert [match["entry_id"] for match in found["matches"]] == [entry]
        assert found["decision"] == "BLOCK"
    problem(http.post("/v1/lists/match", json={"transaction_id": "T-none"}), 404)
    problem(http.post("/v1/lists/match", json={"transaction_id": 7}), 422)
    problem(http.post("/v1/lists/match", json=[]), 422)


def test_the_openapi_document_shows_what_an_entry_is(http: TestClient) -> None:
    document = http.get("/openapi.json").json()
    body = document["paths"]["/v1/lists"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert body == {"$ref": "#/components/schemas/NewEntry"}
    assert set(document["components"]["schemas"]["NewEntry"]["required"]) == {"level", "value", "reason"}
