"""What acceptance testing found, kept found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from fraudray.bootstrap import App
from fraudray.domain.cards import mask
from fraudray.domain.decision import Decision, Outcome
from fraudray.testing.clock import FixedClock

Make = Callable[..., dict[str, Any]]
PAN = "4111111111111111"


def codes(decision: Decision) -> set[str]:
    return {reason.code for reason in decision.reasons}


@pytest.mark.parametrize(
    ("written", "label"),
    [
        ("47.606209, -122.332071", "Seattle, WA"), ("40.712776,-74.005974", "New York City, NY"),
        ("55.755826 37.617300", "Moscow, Russia"), ("35.689487, 139.691706", "Tokyo, Japan"),
        ("41.878113° N, 87.629799° W", "Chicago Loop, IL"),
    ],
)  # fmt: skip
def test_precise_coordinates_are_a_place_and_no_card_number(app: App, plain: Make, written: str, label: str) -> None:
    decision = app.engine.decide(plain(location=written))
    assert decision.evidence["geolocation-checker"].items["place"]["label"] == label


@pytest.mark.parametrize("between", [" ", "-", ".", "+", ";", "~", "#", "'", ")(", "  -  ", "\u3000"])
def test_a_card_number_is_masked_with_any_separators(between: str) -> None:
    assert mask(between.join(["4111"] * 1 + ["1111"] * 3)).count("*") == 12


@pytest.mark.parametrize("given", [{"time_since_last_transaction": "1 day ago"}, {}])
def test_a_claimed_previous_place_that_leaves_out_what_was_seen_since_is_contradicted(
    app: App, clock: FixedClock, plain: Make, given: dict[str, Any]
) -> None:
    app.engine.decide(plain(location="Seattle, WA"))
    clock.advance(minutes=10)
    decision = app.engine.decide(plain(location="Tokyo", previous_location="Tokyo", **given))
    assert "PREVIOUS_PLACE_CONTRADICTED" in codes(decision)


@pytest.mark.parametrize("kind", ["refund", "reversal", "capture"])
def test_a_later_message_in_another_currency_is_reviewed(app: App, plain: Make, kind: str) -> None:
    bought = plain(amount="10.00")
    app.engine.decide(bought)
    later = plain(
        amount=1_000_000, currency="JPY", transaction_type=kind, original_transaction_id=bought["transaction_id"]
    )
    assert app.engine.decide(later).decision is not Outcome.APPROVE


def test_a_large_refund_of_a_purchase_never_seen_is_reviewed(app: App, plain: Make) -> None:
    refund = plain(amount="50000.00", transaction_type="refund", original_transaction_id="elsewhere")
    assert app.engine.decide(refund).decision is Outcome.REVIEW
    small = plain(amount="20.00", transaction_type="refund", original_transaction_id="elsewhere")
    assert app.engine.decide(small).decision is Outcome.APPROVE


def test_a_refund_may_name_the_capture_of_its_purchase(make_app: Callable[..., App], plain: Make) -> None:
    app = make_app()
    bought = plain(amount="100.00")
    capture = plain(amount="100.00", transaction_type="capture", original_transaction_id=bought["transaction_id"])
    app.engine.decide_many([bought, capture])
    app.close()
    named = {"transaction_type": "refund", "original_transaction_id": capture["transaction_id"]}
    again = make_app()
    assert codes(again.engine.decide(plain(amount="60.00", **named))) == set()
    assert "EXCEEDS_ORIGINAL" in codes(again.engine.decide(plain(amount="60.00", **named)))


def test_a_number_beyond_every_range_is_not_json(http: TestClient) -> None:
    body = '{"transaction_id":"t","customer_id":"c","merchant":"m","amount":1e99999999999999999999999}'
    answer = http.post("/v1/decisions", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/v1/cases/FRD-2026-0001/notes", "text"), ("/v1/customers/C-12345/unfreeze", "reason"),
        ("/v1/customers/C-12345/hold", "reason"), ("/v1/customers/C-12345/erase", "reason"),
    ],
)  # fmt: skip
def test_half_a_surrogate_pair_in_a_reason_is_refused(
    http: TestClient, samples: list[dict[str, Any]], path: str, field: str
) -> None:
    http.post("/v1/decisions", json=samples[1])
    body = f'{{"{field}":"\\ud800"}}'
    assert http.post(path, content=body, headers={"content-type": "application/json"}).status_code == 422


def test_no_card_number_of_a_reason_or_customer_is_kept(
    app: App, http: TestClient, samples: list[dict[str, Any]]
) -> None:
    case_id = http.post("/v1/decisions", json=samples[1]).json()["case_id"]
    answers = [
        http.post("/v1/customers/C-12345/unfreeze", json={"reason": f"called {PAN}"}),
        http.post("/v1/customers/C-12345/hold", json={"reason": f"court {PAN}"}),
        http.post("/v1/customers/C-12345/hold", json={"reason": None}),
        http.post("/v1/customers/C-67890/erase", json={"reason": f"asked {PAN}"}),
        http.post(f"/v1/cases/{case_id}/close", json={"disposition": PAN, "reason": PAN}),
        http.get(f"/v1/cases/{case_id}"), http.get("/v1/audit"),
    ]  # fmt: skip
    assert {answer.status_code for answer in answers} == {200}
    assert http.put("/v1/customers/P1", json={"phone": PAN}).status_code == 422
    assert http.put("/v1/customers/P1", json={"email": f"{PAN}@example.org"}).status_code == 422
    assert http.put("/v1/customers/P1", json={"phone": "+49 30 12345678", "email": "a@example.org"}).status_code == 200
    assert not [answer.text for answer in answers if PAN in answer.text]
    for file in app.settings.data_dir.rglob("*"):
        assert not file.is_file() or PAN.encode() not in file.read_bytes()


@pytest.mark.parametrize(
    "usual", [{"low": 1, "high": 2, "currency": "ZZZ"}, {"low": 5, "high": 2}, {"low": 1, "high": "2.001"}]
)
def test_usual_amounts_that_cannot_be_are_refused(http: TestClient, usual: dict[str, Any]) -> None:
    assert http.put("/v1/customers/P1", json={"usual_amounts": usual}).status_code == 422


def test_customers_with_a_slash_in_their_id_can_be_unfrozen(http: TestClient, samples: list[dict[str, Any]]) -> None:
    assert http.post("/v1/decisions", json=samples[1] | {"customer_id": "eu/7"}).json()["decision"] == "BLOCK"
    assert http.get("/v1/customers/eu%2F7/account").json()["frozen"] is True
    assert http.post("/v1/customers/eu%2F7/unfreeze", json={"reason": "called"}).status_code == 200


def test_an_authors_control_characters_are_dropped(http: TestClient, samples: list[dict[str, Any]]) -> None:
    case_id = http.post("/v1/decisions", json=samples[1]).json()["case_id"]
    noted = http.post(f"/v1/cases/{case_id}/notes", json={"text": "n"}, headers={"x-actor": "ana%0d%0aX%00"})
    assert noted.json()["author"] == "anaX"
