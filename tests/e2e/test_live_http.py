"""How things stand, over HTTP; and as whom one acts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from fraudray.bootstrap import App
from fraudray.domain.investigation import Usage
from fraudray.service.standing import cost_usd
from fraudray.settings import load_settings
from fraudray.testing.clock import FixedClock

Make = Callable[..., dict[str, Any]]


@pytest.fixture
def app(make_app: Callable[..., App]) -> App:
    """With tools that are never late, however slow the machine."""
    return make_app(tools_limit_ms=1500)


def test_decisions_outbox_and_cases_are_there_as_soon_as_they_are_made(
    http: TestClient, samples: list[dict[str, Any]], worked: Callable[[], int]
) -> None:
    for sample in samples:
        http.post("/v1/decisions", json=sample)
    http.post("/v1/decisions", json={"transaction_id": "bad"})
    found = http.get("/v1/live").json()
    last = [sum(step[name] for step in found["series"]) for name in ("APPROVE", "REVIEW", "BLOCK", "refused")]
    assert last == [1, 1, 1, 1]
    assert found["latency_ms"]["total"]["count"] == 3
    assert found["tools"]["transaction-risk"] == {"answers": 3, "failures": 0}
    assert found["model"] == {"configured": False}
    assert found["outbox"]["pending"]["count"] > 0
    assert (found["cases"]["ready"], found["cases"]["active"]) == (2, 2)
    worked()
    assert http.get("/v1/live").json()["outbox"]["pending"]["count"] == 0


def test_detection_and_false_positives_are_over_the_labels_that_hold(
    http: TestClient, samples: list[dict[str, Any]], plain: Make, clock: FixedClock
) -> None:
    for tx in (plain(transaction_id="missed"), plain(transaction_id="unlabelled"), *samples):
        http.post("/v1/decisions", json=tx)
    for name, label in (
        (samples[0]["transaction_id"], "genuine"), (samples[1]["transaction_id"], "fraud"),
        (samples[2]["transaction_id"], "genuine"), ("missed", "fraud"), ("never decided", "fraud"),
    ):  # fmt: skip
        http.post("/v1/labels", json={"transaction_id": name, "label": label})
    found = http.get("/v1/live").json()["labels"]
    assert (found["fraud"], found["fraud_flagged"], found["detection_rate"]) == (2, 1, 0.5)
    assert (found["genuine"], found["genuine_flagged"], found["false_positive_rate"]) == (2, 1, 0.5)
    clock.advance(hours=1)
    http.post("/v1/labels", json={"transaction_id": "missed", "label": "unknown"})
    http.post("/v1/labels", json={"transaction_id": samples[2]["transaction_id"], "label": "fraud"})
    found = http.get("/v1/live").json()["labels"]
    assert (found["detection_rate"], found["false_positive_rate"]) == (1.0, 0.0)
    clock.advance(days=91)
    assert http.get("/v1/live").json()["labels"]["detection_rate"] is None


@pytest.mark.parametrize(
    ("prices", "expected"),
    [
        ({}, None),
        ({"llm_usd_per_hour": 10}, 60.0),
        ({"llm_usd_per_mtok_in": 2, "llm_usd_per_mtok_out": 4}, 2 * 1.5 + 4 * 0.25),
        ({"llm_usd_per_hour": 1, "llm_usd_per_mtok_out": 4}, 6 + 1.0),
    ],
)
def test_the_model_costs_what_its_prices_say(prices: dict[str, float], expected: float | None) -> None:
    used = Usage(prompt_tokens=1_500_000, completion_tokens=250_000)
    assert cost_usd(load_settings(**prices), used, timedelta(hours=6) / timedelta(hours=1)) == expected


def test_tokens_of_today_are_counted_once_and_begin_anew_tomorrow(app: App, clock: FixedClock) -> None:
    from fraudray.service.standing import Standing

    standing = Standing(app)
    assert standing.document()["llm_today"]["prompt_tokens"] == 0
    decision = app.engine.decide({"transaction_id": "T", "customer_id": "C", "amount": "4900", "merchant": "Crypto"})
    clock.advance(minutes=1)
    case_id = decision.case_id or "own-case"
    if decision.case_id is None:
        app.desk.log_case(
            case_id=case_id, transaction_id="T", notes="n", claimed_decision="", evidence=None, author="ana"
        )
    usage = Usage(round_trips=1, prompt_tokens=700, completion_tokens=40).model_dump()
    app.store.cases.append(
        case_id, author="ana", kind="question", body={"usage": usage}, at=clock.now(), entry_id="ent_1"
    )
    clock.advance(minutes=1)
    for _ in range(3):
        today = standing.document()["llm_today"]
        assert (today["questions"], today["prompt_tokens"], today["completion_tokens"]) == (1, 700, 40)
        clock.advance(seconds=10)
    assert Standing(app).document()["llm_today"]["prompt_tokens"] == 700
    clock.advance(hours=25)
    assert standing.document()["llm_today"]["prompt_tokens"] == 0


def test_who_asks_learns_as_whom_they_act_and_what_they_may(http: TestClient) -> None:
    found = http.get("/v1/whoami", headers={"x-actor": "ana"}).json()
    assert found == {"author": "ana", "name": "http", "scopes": ["act", "admin", "decide", "read"]}
