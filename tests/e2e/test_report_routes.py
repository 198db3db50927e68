"""Reports over HTTP: forms, negotiation, refusals; and through the client."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from fraudray.bootstrap import App
from fraudray.client import Client
from fraudray.deployments.gateway import build_gateway
from fraudray.domain.errors import InvalidTransaction, NotFound
from fraudray.service import LocalService
from tests.reports.reading import pdf_text
from tests.tools.serving import serving

PERIOD = {"from": "2026-03-01", "to": "2026-03-02"}
FORMS = {"html": "text/html; charset=utf-8", "pdf": "application/pdf", "json": "application/json"}


@pytest.fixture
def case_id(app: App, samples: list[dict[str, Any]], worked: Callable[[], int]) -> str:
    decision = app.engine.decide(samples[1])
    worked()
    return str(decision.case_id)


@pytest.fixture
def client(app: App) -> Iterator[Client]:
    with serving(build_gateway(app)) as address, Client(address) as client:
        yield client


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("by_header", [False, True])
def test_both_reports_come_in_the_form_asked_for(http: TestClient, case_id: str, form: str, by_header: bool) -> None:
    for path, query in ((f"/v1/reports/{case_id}", {}), ("/v1/reports/period", PERIOD)):
        accept = FORMS[form].partition(";")[0] if by_header else "*/*"
        wanted = query if by_header else query | {"format": form}
        answer = http.get(path, params=wanted, headers={"accept": accept})

        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == FORMS[form]
        assert answer.headers["content-security-policy"].startswith("default-src 'none'; style-src 'unsafe-inline'")
        text = pdf_text(answer.content) if form == "pdf" else answer.text
        assert "IMPOSSIBLE_TRAVEL" in text


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ({"from": "2026-03-02", "to": "2026-03-01"}, {"from"}),
        ({"from": "2026-03-01", "to": "2030-01-01"}, {"to"}),
        ({"from": "2026-03-01"}, {"to"}),
        ({}, {"from", "to"}),
        ({"from": "", "to": "\x00"}, {"from"}),
        ({"from": "2026-13-01", "to": "4111111111111111"}, {"from", "to"}),
        (PERIOD | {"timezone": "Mars"}, {"timezone"}),
        (PERIOD | {"timezone": "x" * 100}, {"timezone"}),
        (PERIOD | {"format": "doc"}, {"format"}),
    ],
)
def test_a_period_that_cannot_be_is_a_problem_naming_the_field(
    http: TestClient, query: dict[str, str], fields: set[str]
) -> None:
    answer = http.get("/v1/reports/period", params=query)

    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert {error["field"] for error in answer.json()["errors"]} == fields
    assert "4111111111111111" not in answer.text


def test_a_report_is_made_by_post_and_not_by_get(http: TestClient, app: App, samples: list[dict[str, Any]]) -> None:
    case_id = app.engine.decide(samples[1]).case_id
    assert http.get(f"/v1/reports/{case_id}").status_code == 404

    made = http.post(f"/v1/cases/{case_id}/report", headers={"x-actor": "Ana"})

    assert made.status_code == 201
    assert http.get(f"/v1/reports/{case_id}", params={"format": "json"}).json() == made.json()
    assert http.post("/v1/cases/FRD-1999-0001/report", json={}).status_code == 404


def test_the_client_answers_as_the_library_does(app: App, client: Client, case_id: str) -> None:
    local = LocalService(app)

    assert client.reports.make(case_id, author="Ana") == local.report(case_id) == client.report(case_id)
    asked = {"start": "2026-03-01", "end": "2026-03-02", "timezone": "Europe/Vienna"}
    assert client.reports.period(**asked) == local.reports.period(**asked)
    with pytest.raises(InvalidTransaction, match="timezone: is no time zone"):
        client.reports.period(start="2026-03-01", end="2026-03-02", timezone="Mars")
    with pytest.raises(NotFound):
        client.reports.make("FRD-1999-0001", author="Ana")
