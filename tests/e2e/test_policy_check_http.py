"""A changed policy before it is kept: checked, its conditions built, tried on what was decided. Nothing changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from fraudray.bootstrap import App
from fraudray.deployments.gateway import build_gateway

Make = Callable[..., dict[str, Any]]
CHECK, CONDITION, IMPACT = "/v1/policy/check", "/v1/policy/condition", "/v1/policy/impact"


@pytest.fixture
def http(app: App) -> Iterator[TestClient]:
    with TestClient(build_gateway(app), base_url="http://127.0.0.1:8000") as client:
        yield client


@pytest.fixture
def text(http: TestClient) -> str:
    return str(http.get("/v1/policy").json()["source"])


def test_a_text_is_described_and_compared_with_what_is_in_force(http: TestClient, text: str) -> None:
    found = http.post(CHECK, json={"text": text.replace("review: 40", "review: 35")}).json()
    assert (found["usable"], found["in_force"]["version"]) == (True, "2")
    assert [one["text"] for one in found["differences"]] == ["threshold review 40 → 35"]
    assert found["words"]["thresholds"]["review"] == 35
    assert http.get("/v1/policy").json()["document"]["thresholds"]["review"] == 40
    assert http.get("/v1/policy/versions").json()["versions"] == []


def test_values_are_written_as_text_and_checked_alike(http: TestClient, text: str) -> None:
    values = http.post(CHECK, json={"text": text}).json()["document"]
    values["rules"][1]["weight"] = 35
    values["parameters"]["travel"]["air_overhead_h"] = 1.5
    found = http.post(CHECK, json={"document": values}).json()
    assert [one["text"] for one in found["differences"]] == [
        "travel: air_overhead_h 2.0 → 1.5", "rule impossible-travel: weight 40 → 35",
    ]  # fmt: skip
    again = http.post(CHECK, json={"text": found["text"]}).json()
    assert again["document"] == found["document"]
    values["rules"][1]["weight"] = 135
    bad = http.post(CHECK, json={"document": values}).json()
    assert (bad["usable"], bad["problem"]["rule"]) == (False, "impossible-travel")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "text"), ({"text": "a", "document": {}}, "text"), ({"text": 5}, "text"), ({"document": []}, "document"),
        ({"texts": "a"}, "texts"), ([], ""), ("a", ""),
    ],
)  # fmt: skip
def test_a_bad_body_names_its_field(http: TestClient, body: Any, field: str) -> None:
    answer = http.post(CHECK, json=body)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)


def test_values_that_are_no_policy_are_told_never_a_failure(http: TestClient) -> None:
    deep: Any = {}
    for _ in range(400):
        deep = {"a": deep}
    for document in ({"name": 1}, {"rules": None}, {"name": "x", "rules": [{"id": []}]}):
        answer = http.post(CHECK, json={"document": document})
        assert (answer.status_code, answer.json()["usable"]) == (200, False)
    assert http.post(CHECK, json={"document": deep}).status_code in (200, 400, 422)


def test_a_condition_is_built_and_read(http: TestClient) -> None:
    form = {
        "match": "all",
        "parts": [
            {"fact": "amount_base", "is": "above", "value": 250.5},
            {
                "match": "any",
                "parts": [
                    {"fact": "card_present", "is": "false"},
                    {"fact": "merchant_class", "is": "one of", "value": {"list": "high_risk_merchants"}},
                ],
            },
        ],
    }
    built = http.post(CONDITION, json={"form": form}).json()
    assert built["cel"] == "amount_base > 250.5 && (!card_present || merchant_class in high_risk_merchants)"
    assert built["form"] == form
    assert built["words"].startswith("the amount is above 250.5, and (the card is not present or ")
    assert http.post(CONDITION, json={"cel": built["cel"]}).json() == built
    free = http.post(CONDITION, json={"cel": "amount_base > typical_high_base * 2.0"}).json()
    assert (free["form"], free["words"]) == (None, free["cel"])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"form": {"match": "all", "parts": [{"fact": "amount_base", "is": "above", "value": "x"}]}}, "parts.0.value"),
        ({"form": {"match": "all", "parts": [{"fact": "amount", "is": "above", "value": 1}]}}, "parts.0.fact"),
        ({"form": {"match": "all", "parts": [{"fact": "card_present", "is": "above"}]}}, "parts.0.is"),
        ({"form": {"match": "all", "parts": []}}, "parts"), ({"form": {"match": "some"}}, "match"),
        ({"cel": ""}, "cel"), ({"cel": 5}, "cel"), ({}, "cel"), ({"cel": "a", "form": {}}, "cel"),
    ],
)  # fmt: skip
def test_a_bad_condition_names_its_field(http: TestClient, body: Any, field: str) -> None:
    answer = http.post(CONDITION, json=body)
    assert answer.status_code == 422
    assert field in [error["field"] for error in answer.json()["errors"]]


@pytest.mark.parametrize(
    ("cel", "column", "message"), [("amount_bas > 1.0", 1, "did you mean amount_base"), ("card_present &&", 16, "CEL")]
)
def test_what_is_not_cel_is_told_with_its_place(http: TestClient, cel: str, column: int, message: str) -> None:
    problem = http.post(CONDITION, json={"cel": cel}).json()
    assert (problem["status"], problem["line"], problem["column"]) == (422, 1, column)
    assert message in problem["message"]


def test_facts_come_with_the_comparisons_that_fit(http: TestClient) -> None:
    facts = {fact["name"]: fact for fact in http.get("/v1/policy/facts").json()["facts"]}
    assert facts["card_present"]["comparisons"] == ["true", "false"]
    assert "above" in facts["attempts_10m"]["comparisons"]
    assert "one of" in facts["merchant_class"]["comparisons"]
    assert "customer_count_7d" in facts


def test_it_is_said_what_a_policy_would_have_made_of_what_was_decided(
    http: TestClient, text: str, samples: list[dict[str, Any]]
) -> None:
    for sample in samples:
        assert http.post("/v1/decisions", json=sample).status_code == 201
    http.post("/v1/labels", json={"transaction_id": samples[2]["transaction_id"], "label": "genuine"})
    http.post("/v1/labels", json={"transaction_id": samples[1]["transaction_id"], "label": "fraud"})
    found = http.post(IMPACT, json={"text": text.replace("review: 40", "review: 50")}).json()
    assert (found["rows"], found["changed"]) == (3, 1)
    (change,) = found["changes"]
    assert change["transaction_id"] == samples[2]["transaction_id"]
    assert (change["was"], change["now"]) == ({"decision": "REVIEW", "score": 45}, {"decision": "APPROVE", "score": 45})
    assert found["alerts"] == {"was": 2, "now": 1}
    assert found["fraud"] == {"known": 1, "was": 1, "now": 1}
    assert found["genuine"] == {"known": 1, "was": 1, "now": 0}
    assert found["money"]["genuine"] == {"was": "1200.00", "now": "0.00"}
    assert found["money"]["fraud"]["now"] == "4500.00"
    same = http.post(IMPACT, json={"text": text, "limit": 2}).json()
    assert (same["rows"], same["changed"], same["changes"]) == (2, 0, [])


def test_a_fact_that_nobody_asked_for_then_is_named(http: TestClient, text: str, plain: Make) -> None:
    http.post("/v1/decisions", json=plain())
    changed = text.replace("when: attempts_24h >= 60", "when: customer_count_7d >= 1")
    assert http.post(IMPACT, json={"text": changed}).json()["not_asked"] == ["customer_count_7d"]


def test_nothing_decided_is_no_failure(http: TestClient, text: str) -> None:
    found = http.post(IMPACT, json={"text": text}).json()
    assert (found["rows"], found["first"], found["alerts_per_day"]) == (0, None, {"was": 0.0, "now": 0.0})


@pytest.mark.parametrize("limit", [0, 5001, "5", True, 1.5])
def test_a_limit_has_bounds(http: TestClient, text: str, limit: Any) -> None:
    answer = http.post(IMPACT, json={"text": text, "limit": limit})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "limit")


def test_a_policy_that_cannot_be_used_has_no_impact(http: TestClient) -> None:
    problem = http.post(IMPACT, json={"text": "name: ["}).json()
    assert (problem["status"], problem["line"]) == (422, 2)
