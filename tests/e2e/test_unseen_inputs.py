"""What a stranger would try: other cities, devices, words, times, bodies and ids than the samples'."""

from __future__ import annotations

import json
import random
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

from fraudray.bootstrap import App
from fraudray.domain.case_query import CaseQuery
from fraudray.domain.decision import Decision, Outcome
from fraudray.testing.clock import FixedClock

Make = Callable[..., dict[str, Any]]
PAN = "4111111111111111"


def codes(decision: Decision) -> set[str]:
    return {reason.code for reason in decision.reasons}


@pytest.mark.parametrize(
    ("here", "before", "ago", "shop"),
    [
        ("London, UK", "Tokyo, Japan", "20 minutes ago", {"merchant_category": "Crypto exchange"}),
        ("Лондон", "東京", "PT20M", {"mcc": "6051"}),
        ("München, Deutschland", "São Paulo, Brasil", "twenty minutes ago", {"mcc": "7995"}),
        ("Sydney", "Cape Town, ZA", "0.5 hours", {"merchant_category": "Online betting"}),
        ("Lagos, Nigeria", "Chicago, Illinois", "45 min", {"merchant_category": "Gift Cards"}),
        ("55.75, 37.62", "40.71,-74.00", "half an hour ago", {"merchant": "Bitcoin ATM"}),
    ],
)
@pytest.mark.parametrize("customer", ["C-12345", "C-67890", "C-45678", "C-nobody"])
def test_an_impossible_journey_to_a_risky_merchant_behind_tor_is_blocked_at_95(
    app: App, plain: Make, here: str, before: str, ago: str, shop: dict[str, Any], customer: str
) -> None:
    decision = app.engine.decide(
        plain(
            customer_id=customer, amount=3900, merchant="Somebody Ltd", location=here, previous_location=before,
            time_since_last_transaction=ago, card_present=False, device_id="never-seen", ip_address="185.220.101.5",
        )
        | shop
    )  # fmt: skip
    assert (decision.decision, decision.score) == (Outcome.BLOCK, 95)
    assert codes(decision) >= {"IMPOSSIBLE_TRAVEL", "HIGH_RISK_MERCHANT", "ANONYMISING_ADDRESS"}
    assert decision.case_id


@pytest.mark.parametrize(
    ("customer", "device"),
    [("C-12345", "dev-def456"), ("C-45678", "dev-abc123"), ("C-67890", "dev-ghi789"), ("C-new", "dev-abc123")],
)
@pytest.mark.parametrize("amount", [1100, 1900])
def test_somebody_elses_device_and_a_high_amount_is_reviewed(
    app: App, plain: Make, customer: str, device: str, amount: int
) -> None:
    decision = app.engine.decide(
        plain(
            customer_id=customer, device_id=device, amount=amount, merchant_category="Consumer electronics",
            location="Austin, TX", previous_location="Austin, TX", time_since_last_transaction="1 day ago",
        )
    )  # fmt: skip
    assert decision.decision is Outcome.REVIEW
    assert "DEVICE_OF_ANOTHER_CUSTOMER" in codes(decision)


def test_an_ordinary_traveller_who_flies_ten_hours_is_approved(app: App, clock: FixedClock, plain: Make) -> None:
    at_home = plain(customer_id="C-45678", device_id="dev-ghi789", location="London")
    assert app.engine.decide(at_home).score == 0
    clock.advance(hours=10)
    landed = app.engine.decide(plain(customer_id="C-45678", device_id="dev-ghi789", location="New York, NY"))
    assert landed.decision is Outcome.APPROVE


def test_more_evidence_of_risk_never_lowers_the_score_of_the_whole_engine(app: App, plain: Make) -> None:
    chance = random.Random(7)
    risks: list[dict[str, Any]] = [
        {"ip_address": "185.220.101.5"}, {"device_id": "dev-def456"}, {"mcc": "6051"}, {"card_present": False},
        {"amount": "4000.00"}, {"location": "Pyongyang, North Korea"},
        {"previous_location": "Auckland", "time_since_last_transaction": "20 minutes ago"},
    ]  # fmt: skip
    for round_ in range(60):
        chosen = chance.sample(risks, chance.randint(1, len(risks)))
        fields: dict[str, Any] = {"customer_id": f"C-{round_}", "device_id": "own", "ip_address": "192.168.1.7"}
        before = -1
        for number, risk in enumerate(chosen):
            fields |= risk
            score = app.engine.decide(plain(**fields | {"customer_id": f"C-{round_}-{number}"})).score
            assert score >= before, (chosen[: number + 1], score, before)
            before = score


def test_ids_in_any_spelling_are_found_again(http: TestClient, plain: Make) -> None:
    for spelled in [
        "a/b/../c?x#y",
        "Ünï-日本-🦊",
        "a b",
        "a//b",
        "/lead",
        "trail/",
        "...",
        "<b>",
        "a+b",
        "&",
        "bulk",
        "a\\b",
    ]:
        assert http.post("/v1/decisions", json=plain(transaction_id=spelled)).status_code == 201
        found = http.get("/v1/decisions/" + quote(spelled, safe=""))
        assert found.json()["transaction_id"] == spelled


def test_one_body_in_many_spellings_is_one_decision(http: TestClient) -> None:
    rest = '"transaction_id":"one","customer_id":"c","merchant":"m","timestamp":"2026-03-02T'
    amounts = ["250", "250.0", "2.5e2", "25E+1", '"250.00"', "250.000000"]
    times = ["15:00:00Z", "15:00:00.000Z", "16:00:00+01:00", "15:00:00z", "10:00:00-05:00", "15:00:00Z"]
    answers = [
        http.post(
            "/v1/decisions",
            content=f'{{"amount":{amount},{rest}{time}"}}',
            headers={"content-type": "application/json"},
        )
        for amount, time in zip(amounts, times, strict=True)
    ]
    assert [answer.status_code for answer in answers] == [201, 200, 200, 200, 200, 200]
    assert len({answer.json()["decision_id"] for answer in answers}) == 1


def test_a_hundred_posts_at_once_make_one_decision_one_case_one_alert(
    app: App, http: TestClient, samples: list[dict[str, Any]]
) -> None:
    with ThreadPoolExecutor(16) as pool:
        statuses = list(pool.map(lambda _: http.post("/v1/decisions", json=samples[1]).status_code, range(100)))
    assert sorted(statuses) == [200] * 99 + [201]
    assert len(app.store.cases.search(CaseQuery(), now=app.clock.now())) == 1
    assert [row.entry.kind for row in app.store.outbox.list()].count("email_alert") == 1


def test_a_bulk_body_with_every_kind_of_bad_row_decides_the_good_ones(http: TestClient, plain: Make) -> None:
    good, other = json.dumps(plain()), json.dumps(plain(memo="a\u2028b\u0085c"), ensure_ascii=False)
    body = f'\ufeff{good}\r\n\r\n{{bad\nnull\n[1]\n"x"\n{{"amount":1,"amount":2}}\n{good}\n{other}'
    answer = http.post("/v1/decisions/bulk", content=body.encode(), headers={"content-type": "application/x-ndjson"})
    assert [row["status"] for row in answer.json()["results"]] == [201, 400, 422, 422, 422, 400, 200, 201]


def test_every_refusal_is_a_problem_document(http: TestClient) -> None:
    paths = [
        "/nope",
        "/v1",
        "/v1/",
        "/v1/decisions/",
        "/mcp",
        "/mcp/nope",
        "/mcp/transaction-risk/x",
        "/docs/x",
        "/docs",
    ]
    for method in ("GET", "PUT", "PATCH", "DELETE", "POST"):
        for path in paths:
            answer = http.request(method, path)
            if answer.status_code >= 400:
                assert answer.headers["content-type"] == "application/problem+json"
                assert answer.json()["status"] == answer.status_code


def test_no_random_body_breaks_the_server_or_makes_a_tool_fail(http: TestClient, plain: Make) -> None:
    chance = random.Random(3)
    junk = [
        None, True, 0, -1, 1.5, 1e308, 10**30, "", " ", "\x00", "\u202e", "🦊", "x" * 300, PAN, [], {}, "NaN", "::1",
        "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "P9999999D", "::ffff:185.220.101.5", "CLF", "wallet", "refund",
        "{x}", "%s", "'; drop table decisions;--", "90,180", "..",
    ]  # fmt: skip
    fields = [*http.get("/openapi.json").json()["components"]["schemas"]["Transaction"]["properties"], "unheard_of"]
    for _ in range(600):
        row = plain(**{name: chance.choice(junk) for name in chance.sample(fields, chance.randint(1, 3))})
        answer = http.post("/v1/decisions", json=row)
        assert answer.status_code in (201, 200, 409, 422)
        assert PAN not in answer.text
        if answer.status_code == 201:
            decision = answer.json()
            assert 0 <= decision["score"] <= 100
            assert {found["status"] for found in decision["evidence"].values()} == {"ok"}


@pytest.mark.parametrize(
    "tampering",
    [
        "update audit set actor='someone' where seq=5", "update audit set at_us=at_us+1 where seq=5",
        "delete from audit where seq=5", "delete from audit where seq=1",
        "delete from audit where seq=(select max(seq) from audit)", "delete from audit; delete from seals",
        "delete from audit where seq>6; delete from seals where number>1",
        "update audit set seq=99 where seq=4; update audit set seq=4 where seq=5; update audit set seq=5 where seq=99",
        "update audit set writer='x'", "update seals set heads='{}' where number=1", "delete from seals",
    ],
)  # fmt: skip
def test_tampering_with_the_trail_is_found(
    make_app: Callable[..., App], samples: list[dict[str, Any]], plain: Make, tampering: str
) -> None:
    app = make_app()
    app.engine.decide_many(samples)
    assert app.store.verify_audit().whole
    app.engine.decide_many([plain(), plain()])
    assert app.store.verify_audit().whole
    app.close()
    database = sqlite3.connect(app.settings.data_dir / "fraudray.sqlite")
    database.executescript(tampering)
    database.close()
    assert not make_app().store.verify_audit().whole


def test_markup_from_a_transaction_never_reaches_a_page_or_mail(
    app: App, http: TestClient, worked: Callable[[], int], samples: list[dict[str, Any]]
) -> None:
    evil = "<img src=x onerror=alert(1)>"
    row = samples[1] | dict.fromkeys(("transaction_id", "customer_id", "merchant", "device_id", "memo"), evil)
    case_id = http.post("/v1/decisions", json=row | {"mcc": "6051"}).json()["case_id"]
    http.post(f"/v1/cases/{case_id}/notes", json={"text": evil}, headers={"x-actor": quote(evil)})
    worked()
    app.desk.make_report(case_id)
    page = http.get(f"/v1/reports/{case_id}")
    assert page.status_code == 200
    assert "<img" not in page.text
    for mail in app.settings.data_dir.rglob("*.eml"):
        html = mail.read_text().partition("text/html")[2]
        assert html
        assert "<img" not in html
