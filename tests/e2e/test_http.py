"""The HTTP contract: answers, idempotency, problem documents, cases, reports, customers, health, OpenAPI."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from starlette.testclient import TestClient

from fraudray.bootstrap import App
from fraudray.deployments.gateway import build_gateway
from fraudray.domain.decision import Decision
from fraudray.reference import located
from fraudray.world.folder import WorldFolder
from fraudray.world.updating import Update, update_list

Make = Callable[..., dict[str, Any]]
JSON = {"content-type": "application/json"}
NDJSON = {"content-type": "application/x-ndjson"}


def problem(response: Any, status: int) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = response.json()
    assert document["status"] == status
    assert document["title"]
    return document


def test_the_samples(http: TestClient, samples: list[dict[str, Any]]) -> None:
    answers = [http.post("/v1/decisions", json=sample) for sample in samples]
    assert [answer.status_code for answer in answers] == [201, 201, 201]
    assert [answer.json()["decision"] for answer in answers] == ["APPROVE", "BLOCK", "REVIEW"]
    blocked = answers[1].json()
    assert blocked["score"] == 95
    assert blocked["report_url"].endswith("/v1/reports/FRD-2026-0001")
    assert blocked["investigator"] == {"status": "none"}
    assert blocked["latency_ms"]["store"] > 0
    Decision.model_validate(blocked)


def test_the_answer_later_carries_the_actions_outcomes(
    http: TestClient, samples: list[dict[str, Any]], worked: Callable[[], int]
) -> None:
    http.post("/v1/decisions", json=samples[1])
    worked()
    actions = {
        a["kind"]: a["status"] for a in http.get(f"/v1/decisions/{samples[1]['transaction_id']}").json()["actions"]
    }
    assert actions == dict.fromkeys(["open_case", "freeze_account", "email_alert", "customer_sms", "report"], "done")


def test_the_same_body_again_answers_200(http: TestClient, plain: Make) -> None:
    row = plain(amount=12.5)
    first = http.post("/v1/decisions", json=row)
    again = http.post(
        "/v1/decisions", content=json.dumps(dict(reversed(row.items()))).replace("12.5", "1.25e1"), headers=JSON
    )
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json()["decision_id"] == first.json()["decision_id"]


def test_another_body_under_the_same_id_answers_409(http: TestClient, plain: Make) -> None:
    row = plain()
    http.post("/v1/decisions", json=row)
    assert (
        problem(http.post("/v1/decisions", json=row | {"amount": 99}), 409)["transaction_id"] == row["transaction_id"]
    )


def test_a_hundred_posts_at_once_make_one_decision(
    http: TestClient, app: App, samples: list[dict[str, Any]], worked: Callable[[], int]
) -> None:
    with ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(lambda _: http.post("/v1/decisions", json=samples[1]), range(100)))
    assert sorted({answer.status_code for answer in answers}) == [200, 201]
    assert sum(answer.status_code == 201 for answer in answers) == 1
    assert len({answer.json()["decision_id"] for answer in answers}) == 1
    worked()
    assert len(http.get("/v1/cases").json()["cases"]) == 1
    assert len(list(app.settings.mail_dir.glob("*.eml"))) == 1


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b'{"a', JSON, 400),
        (b"", JSON, 400),
        (b'{"amount": 1, "amount": 2}', JSON, 400),
        (b"\xff\xfe", JSON, 400),
        (b"[" * 60_000, JSON, 400),
        (b'{"a": ' + b"9" * 5000 + b"}", JSON, 400),
        (b"{}", {"content-type": "text/plain"}, 415),
        (b"{}", {}, 415),
        (b"{}", JSON | {"content-encoding": "gzip"}, 415),
        (b'"' + b"x" * 70_000 + b'"', JSON, 413),
        (b"[]", JSON, 422),
        (b"null", JSON, 422),
        (b'{"amount": NaN}', JSON, 422),
        (b'{"amount": Infinity}', JSON, 422),
        (b'{"merchant": "\\ud800"}', JSON, 422),
    ],
)
def test_bad_requests_get_a_problem_document(
    http: TestClient, body: bytes, headers: dict[str, str], status: int
) -> None:
    problem(http.post("/v1/decisions", content=body, headers=headers), status)


def test_every_bad_field_is_named(http: TestClient, plain: Make) -> None:
    document = problem(http.post("/v1/decisions", json=plain(amount=0, currency="XYZ", colour="red")), 422)
    assert {error["field"] for error in document["errors"]} == {"amount", "currency", "colour"}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/decisions", 405), ("DELETE", "/v1/cases", 405), ("GET", "/nowhere", 404), ("PUT", "/nowhere", 404),
        ("GET", "/v1/decisions/none", 404), ("GET", "/v1/cases/FRD-2000-0001", 404), ("GET", "/v1/reports/none", 404),
        ("GET", "/v1/customers/none", 404), ("GET", "/v1/cases?limit=0", 422), ("GET", "/v1/cases?status=x", 422),
        ("GET", "/v1/policy/explain", 422), ("POST", "/v1/outbox/none/retry", 404),
    ],
)  # fmt: skip
def test_other_refusals_have_the_same_form(http: TestClient, method: str, path: str, status: int) -> None:
    problem(http.request(method, path), status)


def test_card_numbers_come_back_nowhere(http: TestClient, app: App, plain: Make, worked: Callable[[], int]) -> None:
    number, spaced = "4012888888881881", "4012 8888 8888 1881"
    row = plain(
        merchant=f"Bitcoin {spaced}", memo=number, location="Moscow, Russia", card_present=False, amount="4500.00",
        previous_location="New York, NY", time_since_last_transaction="10 minutes ago",
    )  # fmt: skip
    texts = [http.post("/v1/decisions", json=row).text]
    worked()
    case_id = json.loads(texts[0])["case_id"]
    http.post(f"/v1/cases/{case_id}/notes", json={"text": f"seen {spaced}"})
    paths = (f"/v1/decisions/{row['transaction_id']}", f"/v1/cases/{case_id}", f"/v1/reports/{case_id}", "/v1/audit")
    texts += [http.get(path).text for path in paths]
    texts.append(http.post("/v1/decisions", json=plain(transaction_id=number)).text)
    texts.append(http.post("/v1/decisions", json=plain(**{number: 1})).text)
    texts.append(http.get(f"/v1/decisions/{number}").text)
    texts += [path.read_text() for path in app.settings.mail_dir.iterdir()]
    for text in texts:
        assert number not in text
        assert spaced not in text


def test_bulk_answers_in_order_and_a_bad_row_fails_alone(http: TestClient, plain: Make) -> None:
    rows = [plain(), plain(amount=-1), 5, plain()]
    answer = http.post("/v1/decisions/bulk", json=rows)
    assert answer.status_code == 200
    assert [row["status"] for row in answer.json()["results"]] == [201, 422, 422, 201]
    assert (answer.json()["decided"], answer.json()["rejected"]) == (2, 2)
    again = http.post("/v1/decisions/bulk", json=rows)
    assert [row["status"] for row in again.json()["results"]] == [200, 422, 422, 200]


def test_bulk_as_ndjson(http: TestClient, plain: Make) -> None:
    lines = [json.dumps(plain()), "{broken", "", json.dumps(plain())]
    answer = http.post("/v1/decisions/bulk", content="\n".join(lines), headers=NDJSON)
    assert [row["status"] for row in answer.json()["results"]] == [201, 400, 201]


def test_bulk_decides_one_customer_in_order(http: TestClient, plain: Make) -> None:
    rows = [plain(amount=f"{n}.00") for n in range(1, 30)]
    results = http.post("/v1/decisions/bulk", json=rows).json()["results"]
    counts = [r["decision"]["evidence"]["transaction-risk"]["items"]["velocity"]["attempts_10m"] for r in results]
    assert counts == list(range(1, 30))


def test_a_case_from_opening_to_closing(http: TestClient, samples: list[dict[str, Any]]) -> None:
    case_id = http.post("/v1/decisions", json=samples[2]).json()["case_id"]
    assert (
        http.post(f"/v1/cases/{case_id}/notes", json={"text": "called"}, headers={"x-actor": "ana"}).status_code == 201
    )
    assert [c["case_id"] for c in http.get("/v1/cases", params={"q": "Best Buy"}).json()["cases"]] == [case_id]
    closed = http.post(f"/v1/cases/{case_id}/close", json={"disposition": "legitimate", "reason": "customer confirmed"})
    assert closed.json()["status"] == "closed"
    assert [entry["kind"] for entry in closed.json()["entries"]] == ["note", "closed"]
    assert closed.json()["entries"][0]["author"] == "ana"
    problem(http.post(f"/v1/cases/{case_id}/close", json={"disposition": "x", "reason": "y"}), 409)
    fresh = http.post("/v1/decisions", json=samples[2] | {"transaction_id": "later"}).json()["case_id"]
    assert fresh != case_id


def test_reports_open_as_a_page_and_as_json(
    http: TestClient, samples: list[dict[str, Any]], worked: Callable[[], int]
) -> None:
    hostile = samples[1] | {"merchant": "<script>alert(1)</script> crypto"}
    decision = http.post("/v1/decisions", json=hostile).json()
    worked()
    page = http.get(decision["report_url"])
    assert page.headers["content-type"].startswith("text/html")
    assert "<script>" not in page.text
    assert "IMPOSSIBLE_TRAVEL" in page.text
    report = http.get(decision["report_url"], params={"format": "json"}).json()
    assert set(report) >= {"summary", "timeline", "evidence", "recommendation"}


def test_customers_are_put_and_got(http: TestClient, plain: Make) -> None:
    profile = {"name": "Zoë", "devices": [{"device_id": "d-1"}], "email": "zoe@example.com"}
    assert http.put("/v1/customers/C-zoe", json=profile).json()["name"] == "Zoë"
    assert http.get("/v1/customers/C-zoe").json()["devices"] == [{"device_id": "d-1"}]
    problem(http.put("/v1/customers/C-zoe", json=profile | {"customer_id": "C-x"}), 422)
    problem(http.put("/v1/customers/C-zoe", json={"email": "nonsense", "age": 5}), 422)
    other = http.post("/v1/decisions", json=plain(customer_id="C-12345", device_id="d-1")).json()
    assert "DEVICE_OF_ANOTHER_CUSTOMER" in {reason["code"] for reason in other["reasons"]}


def test_unfreezing(http: TestClient, samples: list[dict[str, Any]], plain: Make) -> None:
    http.post("/v1/decisions", json=samples[1])
    assert http.get("/v1/customers/C-12345/account").json()["frozen"] is True
    assert http.post("/v1/decisions", json=plain()).json()["reasons"][0]["code"] == "ACCOUNT_FROZEN"
    problem(http.post("/v1/customers/C-12345/unfreeze", json={}), 422)
    answer = http.post("/v1/customers/C-12345/unfreeze", json={"reason": "confirmed by phone"}).json()
    assert answer["would_pass_now"] is True
    assert http.post("/v1/decisions", json=plain()).json()["decision"] == "APPROVE"
    problem(http.post("/v1/customers/C-12345/unfreeze", json={"reason": "again"}), 404)
    assert "freeze_lifted" in {e["kind"] for e in http.get("/v1/audit?subject=C-12345").json()["entries"]}


def test_erasure_and_legal_hold(http: TestClient, samples: list[dict[str, Any]]) -> None:
    decision = http.post("/v1/decisions", json=samples[2]).json()
    http.post("/v1/customers/C-67890/hold", json={"reason": "court order 17"})
    problem(http.post("/v1/customers/C-67890/erase", json={"reason": "asked to"}), 409)
    http.post("/v1/customers/C-67890/hold", json={"reason": None})
    assert http.post("/v1/customers/C-67890/erase", json={"reason": "asked to"}).status_code == 200
    problem(http.get("/v1/customers/C-67890"), 404)
    case = http.get(f"/v1/cases/{decision['case_id']}").json()
    assert case["erased"] is True
    assert case["decisions"] == []
    assert http.get("/v1/audit/verify").json()["whole"] is True


def test_health_and_metrics(http: TestClient, samples: list[dict[str, Any]]) -> None:
    for sample in samples:
        http.post("/v1/decisions", json=sample)
    assert http.get("/healthz").json() == {"status": "ok"}
    assert http.get("/readyz").json()["status"] == "ready"
    metrics = http.get("/metrics").text
    assert 'fraudray_decisions_total{decision="BLOCK"} 1.0' in metrics
    assert 'fraudray_decision_seconds_count{stage="tools"} 3.0' in metrics
    assert 'fraudray_outbox_depth{status="pending"} 3.0' in metrics
    assert 'fraudray_cases{state="ready"} 2.0' in metrics
    assert 'fraudray_decision_seconds_bucket{le="5.0",stage="total"} 3.0' in metrics
    assert "fraudray_audit_whole" not in metrics
    found = http.get("/v1/audit/verify").json()
    metrics = http.get("/metrics").text
    assert "fraudray_audit_whole 1.0" in metrics
    assert f"fraudray_audit_entries_total {found['entries']}.0" in metrics


def test_the_openapi_document_is_true(http: TestClient, samples: list[dict[str, Any]]) -> None:
    document = http.get("/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    shapes = {"$defs": document["components"]["schemas"]}
    resolve = json.loads(json.dumps(document["components"]["schemas"]).replace("#/components/schemas/", "#/$defs/"))
    post = document["paths"]["/v1/decisions"]["post"]
    examples = post["requestBody"]["content"]["application/json"]["examples"]
    assert len(examples) == 3
    for example in examples.values():
        jsonschema.validate(example["value"], {"$defs": resolve, "$ref": "#/$defs/Transaction"})
        answer = http.post("/v1/decisions", json=example["value"]).json()
        jsonschema.validate(answer, {"$defs": resolve, "$ref": "#/$defs/Decision"})
    assert shapes


def test_the_docs_page_asks_no_other_host(http: TestClient) -> None:
    page = http.get("/docs").text
    assert "https://" not in page
    assert http.get("/static-offline-docs/swagger-ui-bundle.js").status_code == 200


def test_policy_in_force_and_explained(http: TestClient, samples: list[dict[str, Any]]) -> None:
    http.post("/v1/decisions", json=samples[1])
    policy = http.get("/v1/policy").json()
    assert policy["name"] == "card-payments"
    stored = http.get("/v1/policy/explain", params={"transaction_id": samples[1]["transaction_id"]}).json()
    assert {row["id"]: row["state"] for row in stored["rules"]}["impossible-travel"] == "held"
    given = http.post("/v1/policy/explain", json=samples[0] | {"transaction_id": "x"}).json()
    assert given["policy"]["hash"] == policy["hash"]
    problem(http.get("/v1/decisions/x"), 404)


def test_even_an_unexpected_error_is_a_problem_document(app: App, samples: list[dict[str, Any]]) -> None:
    """A table that vanished under the server: nobody's input, and still no bare page."""
    with TestClient(build_gateway(app), raise_server_exceptions=False) as http:
        http.post("/v1/decisions", json=samples[2])
        with app.store.engine.begin() as connection:
            connection.exec_driver_sql("UPDATE decisions SET document_sealed = X'00'")
            connection.exec_driver_sql("UPDATE cases SET opened_us = 'never'")
        problem(http.get("/v1/cases"), 500)


def test_lists_of_the_world_are_updated_beside_the_server(
    http: TestClient, app: App, tmp_path: Path, plain: Make
) -> None:
    before = http.get("/v1/data").json()
    assert http.get("/readyz").json()["data_old"] == before["old"]
    assert 'fraudray_data_age_days{kind="rates"}' in http.get("/metrics").text

    file = tmp_path / "fatf.csv"
    file.write_text(
        "# date: 2026-11-20\n# source: x\n# licence: y\ncountry,name,status\nIS,Iceland,increased monitoring\n"
    )
    now = datetime(2026, 11, 25, tzinfo=UTC)
    update_list(WorldFolder(app.settings.data_dir), located(app.settings), Update(file, "x", now, force=True))
    after = {entry["kind"]: entry for entry in http.get("/v1/data").json()["lists"]}["high-risk-countries"]

    assert (after["origin"], after["date"]) == ("updated", "2026-11-20")
    decision = http.post("/v1/decisions", json=plain(location="Reykjavik, Iceland")).json()
    assert "HIGH_RISK_COUNTRY" in {reason["code"] for reason in decision["reasons"]}

    (app.settings.data_dir / "world" / "manifest.json").write_text("{")
    ready = http.get("/readyz")
    assert ready.status_code == 200
    assert "damaged" in ready.json()["data_problem"]
    assert "damaged" in problem(http.get("/v1/data"), 422)["detail"]
    assert http.post("/v1/decisions", json=plain()).status_code == 201


def test_a_biometric_template_is_enrolled(http: TestClient, plain: Make) -> None:
    template = {"salt": "00" * 16, "sha256": hashlib.sha256(bytes(16) + b"thumb").hexdigest()}

    assert http.post("/v1/customers/C-12345/enrol", json=template).json() == {
        "customer_id": "C-12345", "matcher": "salted-hash",
    }  # fmt: skip
    decision = http.post("/v1/decisions", json=plain(biometric_sample="thumb")).json()
    assert decision["evidence"]["identity-verifier"]["items"]["biometric"]["matched"] is True

    foreign = http.post("/v1/customers/C-12345/enrol", json={"matcher": "acme-face", "template": "AAAA"})
    assert "the matcher in force is salted-hash" in problem(foreign, 422)["detail"]
    assert problem(http.post("/v1/customers/C-12345/enrol", json={"salt": "00"}), 422)["errors"]
    problem(http.post("/v1/customers/C-none/enrol", json=template), 404)
