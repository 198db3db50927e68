"""/v1/labels: one by one and in bulk, what holds, who may say so, and the same through the client."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import jsonschema
import pytest
from starlette.testclient import TestClient

from fraudray.bootstrap import App
from fraudray.client import Client
from fraudray.deployments.gateway import build_gateway
from fraudray.domain.errors import InvalidTransaction, NotFound
from tests.tools.serving import serving

from .test_access import bearer, key, refused
from .test_http import JSON, NDJSON, problem

Make = Callable[..., dict[str, Any]]
AT = "2026-03-01T00:00:00Z"
FRAUD = {"transaction_id": "T/1", "label": "fraud", "source": "chargeback", "scenario": "mule", "labelled_at": AT}


def test_a_label_is_recorded_repeated_corrected_and_read(http: TestClient, plain: Make) -> None:
    http.post("/v1/decisions", json=plain(transaction_id="T/1"))
    made = http.post("/v1/labels", json=FRAUD, headers={"x-actor": "Ana%20B"})
    assert made.status_code == 201
    label = made.json()
    assert label == FRAUD | {
        "labelled_at": "2026-03-01T00:00:00.000Z", "recorded_at": "2026-03-02T15:30:00.000Z", "author": "Ana B",
        "revision": 1, "waiting": False, "outcome": "recorded",
    }  # fmt: skip
    again = http.post("/v1/labels", json=FRAUD)
    assert (again.status_code, again.json()) == (200, label | {"outcome": "unchanged"})
    older = http.post("/v1/labels", json=FRAUD | {"label": "genuine", "labelled_at": "2026-02-01T00:00:00Z"})
    assert (older.status_code, older.json()) == (200, label | {"outcome": "older"})
    corrected = http.post("/v1/labels", json={"transaction_id": "T/1", "label": "genuine"})
    assert (corrected.status_code, corrected.json()["outcome"], corrected.json()["source"]) == (
        201, "corrected", "other",
    )  # fmt: skip
    document = http.get("/v1/labels/T%2F1").json()
    assert document["transaction_id"] == "T/1"
    assert [(row["revision"], row["label"]) for row in document["labels"]] == [(2, "genuine"), (1, "fraud")]
    assert http.get("/v1/labels/T/1").json() == document
    kinds = [row["kind"] for row in http.get("/v1/audit", params={"subject": "T/1"}).json()["entries"]]
    assert kinds.count("labelled") == 2
    assert problem(http.get("/v1/labels/none"), 404)["kind"] == "label of transaction"


def test_a_label_waits_for_its_transaction(http: TestClient, plain: Make) -> None:
    assert http.post("/v1/labels", json={"transaction_id": "W", "label": "fraud"}).json()["waiting"] is True
    http.post("/v1/decisions", json=plain(transaction_id="W"))
    assert http.get("/v1/labels/W").json()["labels"][0]["waiting"] is False


def test_a_bulk_answers_row_by_row_and_counts(http: TestClient) -> None:
    lines = [
        json.dumps(FRAUD), "{broken", json.dumps(FRAUD | {"label": "maybe"}), "7", json.dumps(FRAUD),
        json.dumps(FRAUD | {"label": "genuine"}), json.dumps(FRAUD | {"labelled_at": "2026-02-01T00:00:00Z"}),
        json.dumps({"transaction_id": "T-2", "label": "genuine"}),
    ]  # fmt: skip
    answer = http.post("/v1/labels/bulk", content="\n".join(lines).encode(), headers=NDJSON)
    assert answer.status_code == 200
    document = answer.json()
    assert [row["status"] for row in document["results"]] == [201, 400, 422, 422, 200, 201, 200, 201]
    assert document["results"][2]["problem"]["errors"][0]["field"] == "label"
    assert [row["label"]["outcome"] for row in document["results"] if "label" in row] == [
        "recorded", "unchanged", "corrected", "older", "recorded",
    ]  # fmt: skip
    assert {name: count for name, count in document.items() if name != "results"} == {
        "recorded": 2, "corrected": 1, "unchanged": 1, "older": 1, "waiting": 5, "refused": 3,
    }  # fmt: skip
    shape = http.get("/openapi.json").json()
    schema = shape["paths"]["/v1/labels/bulk"]["post"]["responses"]["200"]["content"]["application/json"]["schema"]
    jsonschema.validate(document, schema | {"components": shape["components"]})
    empty = http.post("/v1/labels/bulk", json=[]).json()
    assert empty == dict.fromkeys(("recorded", "corrected", "unchanged", "older", "waiting", "refused"), 0) | {
        "results": []
    }
    problem(http.post("/v1/labels/bulk", json=FRAUD), 400)
    problem(http.post("/v1/labels/bulk", content=b"[]", headers={"content-type": "text/plain"}), 415)


def test_a_bulk_is_limited(make_app: Callable[..., App]) -> None:
    client = TestClient(build_gateway(make_app(bulk_rows_max=2, bulk_limit_mib=1)))
    problem(client.post("/v1/labels/bulk", json=[FRAUD] * 3), 413)
    problem(client.post("/v1/labels/bulk", content=b"[" + b" " * 1024 * 1024 + b"]", headers=JSON), 413)
    assert client.get("/v1/labels").json() == {"labels": []}


def test_labels_that_hold_are_listed_and_filtered(http: TestClient, plain: Make) -> None:
    http.post("/v1/decisions", json=plain(transaction_id="T/1"))
    rows = [
        FRAUD, {"transaction_id": "T-2", "label": "genuine", "source": "customer"}, FRAUD | {"transaction_id": "T-3"},
        {"transaction_id": "T-3", "label": "genuine", "source": "issuer"},
    ]  # fmt: skip
    http.post("/v1/labels/bulk", json=rows)

    def found(**query: Any) -> list[str]:
        return sorted(row["transaction_id"] for row in http.get("/v1/labels", params=query).json()["labels"])

    assert found() == ["T-2", "T-3", "T/1"]
    assert found(label="fraud") == ["T/1"]
    assert found(source="chargeback") == ["T/1"]
    assert found(waiting="true") == ["T-2", "T-3"]
    assert found(waiting="false", label="genuine") == []
    assert len(found(limit=2)) == 2
    assert found(offset=3) == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"source": "x"}, "source"), ({"label": "x"}, "label"), ({"waiting": "perhaps"}, "waiting"),
        ({"limit": 0}, "limit"), ({"offset": -1}, "offset"), ({"transaction": "T"}, "transaction"),
    ],
)  # fmt: skip
def test_a_bad_filter_is_named(http: TestClient, query: dict[str, Any], field: str) -> None:
    assert problem(http.get("/v1/labels", params=query), 422)["errors"][0]["field"] == field


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        (b"", 400, None), (b"[" * 60_000, 400, None), (b"\xff", 400, None), (b'"' + b"x" * 70_000 + b'"', 413, None),
        (json.dumps([FRAUD]).encode(), 422, ""), (b"7", 422, ""), (b"{}", 422, "transaction_id"),
        (b'{"label": "fraud", "label": "fraud"}', 400, None),
        (json.dumps(FRAUD | {"label": 1}).encode(), 422, "label"),
        (json.dumps(FRAUD | {"label": True}).encode(), 422, "label"),
        (json.dumps(FRAUD | {"label": None}).encode(), 422, "label"),
        (json.dumps(FRAUD | {"source": "rumour"}).encode(), 422, "source"),
        (json.dumps(FRAUD | {"scenario": "<script>"}).encode(), 422, "scenario"),
        (json.dumps(FRAUD | {"transaction_id": "4111111111111111"}).encode(), 422, "transaction_id"),
        (json.dumps(FRAUD | {"transaction_id": "\ud800"}).encode(), 422, "transaction_id"),
        (json.dumps(FRAUD | {"transaction_id": "a\0"}).encode(), 422, "transaction_id"),
        (json.dumps(FRAUD | {"labelled_at": "2026-03-01"}).encode(), 422, "labelled_at"),
        (json.dumps(FRAUD | {"labelled_at": "2026-03-03T00:00:00Z"}).encode(), 422, "labelled_at"),
        (json.dumps(FRAUD | {"author": "root"}).encode(), 422, "author"),
    ],
)  # fmt: skip
def test_hostile_labels_are_refused_by_field_and_repeat_no_card_number(
    http: TestClient, body: bytes, status: int, field: str | None
) -> None:
    response = http.post("/v1/labels", content=body, headers=JSON)
    document = problem(response, status)
    if field is not None:
        assert document["errors"][0]["field"] == field
    assert "4111111111111111" not in response.text
    assert http.get("/v1/labels").json() == {"labels": []}


@pytest.mark.parametrize("name", ["a%00", "4111111111111111", "%F0%9F%A6%8A", "bulk", "x" * 300])
def test_an_id_that_no_label_has_is_not_found(http: TestClient, name: str) -> None:
    response = http.get(f"/v1/labels/{name}")
    assert response.status_code in (404, 422)
    assert "4111111111111111" not in response.text


def test_analysts_and_feeds_may_label_and_others_may_not(app: App) -> None:
    client = TestClient(build_gateway(app))
    act, read, decide = (bearer(key(app, scope)) for scope in ("act", "read", "decide"))
    assert client.post("/v1/labels", json=FRAUD, headers=act).status_code == 201
    assert client.post("/v1/labels/bulk", json=[FRAUD], headers=act).status_code == 200
    assert client.get("/v1/labels/T/1", headers=read).json()["labels"][0]["author"] == "act"
    for headers in (read, decide):
        for path, body in (("/v1/labels", FRAUD), ("/v1/labels/bulk", [FRAUD])):
            assert "lacks the scope act" in refused(client.post(path, json=body, headers=headers), 403)
    for headers in (act, decide):
        assert "lacks the scope read" in refused(client.get("/v1/labels", headers=headers), 403)
    refused(client.post("/v1/labels", json=FRAUD), 401)


def test_closing_a_case_labels_its_transactions(http: TestClient, samples: list[dict[str, Any]]) -> None:
    decision = http.post("/v1/decisions", json=samples[1]).json()
    body = {"disposition": "false positive", "reason": "it was her"}
    closed = http.post(f"/v1/cases/{decision['case_id']}/close", json=body, headers={"x-actor": "Ana"})
    assert closed.status_code == 200
    (label,) = http.get(f"/v1/labels/{decision['transaction_id']}").json()["labels"]
    assert (label["label"], label["source"], label["author"]) == ("genuine", "disposition", "Ana")


def test_labels_beside_a_running_server(app: App, plain: Make) -> None:
    with serving(build_gateway(app)) as url, Client(url) as client:
        labels = client.labels
        added = labels.add(FRAUD, author="Ana Ö")
        assert (added["author"], added["outcome"], added["waiting"]) == ("Ana Ö", "recorded", True)
        client.decide(plain(transaction_id="T/1"))
        assert labels.add(FRAUD, author="Ana")["outcome"] == "unchanged"
        assert labels.of("T/1")["labels"][0]["waiting"] is False
        many = [{"transaction_id": f"B-{number}", "label": "genuine"} for number in range(1500)]
        answer = labels.add_many([*many, {"label": "fraud"}, FRAUD | {"label": "\udcff"}], author="Ana")
        assert (answer["recorded"], answer["refused"], answer["waiting"]) == (1500, 2, 1500)
        assert [row["status"] for row in answer["results"][1498:]] == [201, 201, 422, 422]
        assert labels.add_many([], author="Ana")["results"] == []
        held = labels.list(source="chargeback", label="fraud", waiting=False)["labels"]
        assert [row["transaction_id"] for row in held] == ["T/1"]
        assert len(labels.list(waiting=True, limit=3, offset=1)["labels"]) == 3
        with pytest.raises(NotFound, match="no label of transaction T-none"):
            labels.of("T-none")
        with pytest.raises(InvalidTransaction, match="label"):
            labels.add(FRAUD | {"label": "maybe"}, author="Ana")


def test_the_openapi_document_shows_what_goes_in_and_comes_out(http: TestClient) -> None:
    document = http.get("/openapi.json").json()
    post = document["paths"]["/v1/labels"]["post"]
    body = post["requestBody"]["content"]["application/json"]["schema"]
    assert body == {"$ref": "#/components/schemas/Label"}
    assert set(document["components"]["schemas"]["Label"]["required"]) == {"transaction_id", "label"}
    for status in ("200", "201"):
        schema = post["responses"][status]["content"]["application/json"]["schema"]
        assert schema == {"$ref": "#/components/schemas/LabelRecord"}
    shapes = {"components": document["components"]}
    label = http.post("/v1/labels", json=FRAUD).json()
    jsonschema.validate(label, document["components"]["schemas"]["LabelRecord"] | shapes)
    for path, method_path in (("/v1/labels", "/v1/labels"), ("/v1/labels/T/1", "/v1/labels/{transaction_id}")):
        schema = document["paths"][method_path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        jsonschema.validate(http.get(path).json(), schema | shapes)
