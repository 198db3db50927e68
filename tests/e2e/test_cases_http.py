"""Working on cases over HTTP, as an analyst's page or another system does."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from fraudray.testing.clock import FixedClock
from tests.e2e.support.casework import Act, Make, ids

PDF = b"%PDF-1.7\n" + b"x" * 100


def test_a_case_goes_through_every_status_and_each_step_is_on_the_audit_trail_with_who_when_and_why(
    http: TestClient, cases: dict[str, str], act: Act, clock: FixedClock
) -> None:
    case_id, seen = cases["block"], []
    for what, fields in (
        ("claim", {}),
        ("wait", {"until": "2d", "reason": "the customer is abroad"}),
        ("escalate", {"reason": "looks like a ring", "to": "team-two"}),
        ("claim", {}),
        ("close", {"disposition": "confirmed fraud", "reason": "the customer says so"}),
        ("reopen", {"reason": "the customer called again"}),
        ("claim", {}),
        ("release", {}),
    ):
        clock.advance(minutes=1)
        answer = act(case_id, what, **fields)
        assert answer.status_code == 200, answer.text
        seen.append(answer.json()["status"])
    assert seen == ["claimed", "waiting", "escalated", "claimed", "closed", "reopened", "claimed", "open"]
    trail = http.get("/v1/audit", params={"subject": case_id}).json()["entries"][::-1]
    told = [
        (e["kind"], e["actor"], e["body"]["from"], e["body"]["to"], e.get("reason")) for e in trail if "to" in e["body"]
    ]
    assert told == [
        ("case_claimed", "ana", "open", "claimed", None),
        ("case_waiting", "ana", "claimed", "waiting", "the customer is abroad"),
        ("case_escalated", "ana", "waiting", "escalated", "looks like a ring"),
        ("case_claimed", "ana", "escalated", "claimed", None),
        ("case_closed", "ana", "claimed", "closed", "the customer says so"),
        ("case_reopened", "ana", "closed", "reopened", "the customer called again"),
        ("case_claimed", "ana", "reopened", "claimed", None),
        ("case_released", "ana", "claimed", "open", None),
    ]
    assert [e["at"] for e in trail] == sorted(e["at"] for e in trail)
    assert http.get("/v1/audit/verify").json()["whole"]


@pytest.mark.parametrize(
    ("before", "refused"),
    [
        ([], "reopen"),
        ([], "release"),
        ([("close", {"disposition": "x", "reason": "y"})], "claim"),
        ([("close", {"disposition": "x", "reason": "y"})], "escalate"),
        ([("escalate", {"reason": "y"})], "escalate"),
    ],
)
def test_an_act_that_the_status_does_not_allow_is_refused_with_what_is_allowed(
    cases: dict[str, str], act: Act, before: list[tuple[str, dict[str, str]]], refused: str
) -> None:
    for what, fields in before:
        assert act(cases["block"], what, **fields).status_code == 200
    needed = {"reopen": {"reason": "r"}, "escalate": {"reason": "r"}}.get(refused, {})
    answer = act(cases["block"], refused, **needed)
    assert answer.status_code == 409
    assert "what can be done" in answer.json()["detail"]


def test_who_acts_on_a_case_that_changed_meanwhile_is_told_and_overwrites_nothing(
    http: TestClient, cases: dict[str, str], act: Act
) -> None:
    case_id = cases["review"]
    seen = http.get(f"/v1/cases/{case_id}")
    version = seen.json()["version"]
    assert seen.headers["etag"] == f'"{version}"'
    first = act(case_id, "escalate", "ana", version=version, reason="needs a second pair of eyes")
    assert first.headers["etag"] == f'"{version + 1}"'
    second = act(case_id, "close", "bo", version=version, disposition="legitimate", reason="fine")
    assert second.status_code == 412
    assert second.json()["version"] == version + 1
    assert "ana: escalated" in second.json()["detail"]
    assert http.get(f"/v1/cases/{case_id}").json()["status"] == "escalated"
    headers = {"if-match": "seven", "x-actor": "bo"}
    malformed = http.post(f"/v1/cases/{case_id}/claim", json={}, headers=headers)
    assert malformed.status_code == 422
    assert malformed.json()["errors"][0]["field"] == "If-Match"


def test_a_further_alert_is_a_change_too(
    http: TestClient, cases: dict[str, str], act: Act, samples: list[dict[str, Any]]
) -> None:
    version = http.get(f"/v1/cases/{cases['block']}").json()["version"]
    again = http.post("/v1/decisions", json=samples[1] | {"transaction_id": "further"}).json()
    assert again["case_id"] == cases["block"] or again["case_id"] is None
    http.post(f"/v1/cases/{cases['block']}/notes", json={"text": "called"}, headers={"x-actor": "bo"})
    late = act(cases["block"], "close", version=version, disposition="fraud", reason="r")
    assert late.status_code == 412


def test_a_claim_locks_the_case_until_its_lock_ends_or_somebody_takes_it_over(
    cases: dict[str, str], act: Act, clock: FixedClock, http: TestClient
) -> None:
    case_id = cases["review"]
    assert act(case_id, "claim", "ana").json()["assignee"] == "ana"
    for what, fields in (("claim", {}), ("close", {"disposition": "fraud", "reason": "r"}), ("undo", {})):
        refused = act(case_id, what, "bo", **fields)
        assert refused.status_code == 409
        assert "ana works on case" in refused.json()["detail"]
    assert http.post(f"/v1/cases/{case_id}/notes", json={"text": "seen"}, headers={"x-actor": "bo"}).status_code == 201
    assert act(case_id, "claim", "bo", take_over=True).json()["assignee"] == "bo"
    assert act(case_id, "release", "ana").status_code == 409
    clock.advance(minutes=31)
    assert act(case_id, "escalate", "ana", reason="bo went home").json()["status"] == "escalated"
    wrong = act(case_id, "claim", "bo", take_over="yes")
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "take_over")


def test_next_gives_each_analyst_the_best_case_that_nobody_has(
    http: TestClient, cases: dict[str, str], act: Act, clock: FixedClock
) -> None:
    def following(author: str, **query: Any) -> str | None:
        case = http.post("/v1/cases/next", params=query, json={}, headers={"x-actor": author}).json()["case"]
        return None if case is None else str(case["case_id"])

    refused = http.post("/v1/cases/next", json={"customer_id": "C-1"})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "customer_id")
    assert http.post("/v1/cases/next", content=b"", params={"customer_id": "nobody"}).json() == {"case": None}
    assert following("ana") == cases["block"]
    assert following("bo") == cases["review"]
    assert following("cy") is None
    assert ids(http.get("/v1/cases", params={"status": "ready"})) == []
    clock.advance(minutes=31)
    assert following("cy", decision="REVIEW") == cases["review"]
    act(cases["block"], "wait", until="1h", reason="the bank is closed")
    assert following("dee") is None
    clock.advance(minutes=61)
    assert following("dee") == cases["block"]


def test_a_waiting_case_comes_back_with_a_further_alert(
    http: TestClient, cases: dict[str, str], act: Act, samples: list[dict[str, Any]], clock: FixedClock
) -> None:
    act(cases["review"], "wait", until="5 days", reason="asked the merchant")
    clock.advance(minutes=5)
    joined = http.post("/v1/decisions", json=samples[2] | {"transaction_id": "again"}).json()["case_id"]
    assert joined == cases["review"]
    assert http.get(f"/v1/cases/{cases['review']}").json()["status"] == "open"
    trail = http.get("/v1/audit", params={"subject": cases["review"]}).json()["entries"]
    assert [e["body"]["to"] for e in trail if e["kind"] == "case_woken"] == ["open"]


def test_cases_are_due_by_their_worst_decision_and_those_past_it_are_listed(
    http: TestClient, cases: dict[str, str], act: Act, clock: FixedClock
) -> None:
    assert ids(http.get("/v1/cases", params={"overdue": True})) == []
    clock.advance(hours=9)
    assert ids(http.get("/v1/cases", params={"overdue": True, "sort": "due"})) == [cases["block"]]
    clock.advance(hours=16)
    assert ids(http.get("/v1/cases", params={"overdue": True, "sort": "due"})) == [cases["block"], cases["review"]]
    moved = act(cases["block"], "due", due="4h", reason="the expert comes this afternoon")
    assert moved.status_code == 200
    assert ids(http.get("/v1/cases", params={"overdue": True})) == [cases["review"]]
    for due in ("yesterday", "2001-01-01", "800d", "99999999999 years"):
        wrong = act(cases["block"], "due", due=due, reason="r")
        assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "due"), due


@pytest.mark.parametrize(
    ("disposition", "label"), [("confirmed fraud", "fraud"), ("legitimate", "genuine"), ("inconclusive", None)]
)
def test_a_disposition_becomes_a_label_and_undoing_it_withdraws_the_label(
    http: TestClient,
    cases: dict[str, str],
    act: Act,
    samples: list[dict[str, Any]],
    disposition: str,
    label: str | None,
) -> None:
    name = samples[1]["transaction_id"]
    closed = act(cases["block"], "close", disposition=disposition, reason="r").json()
    assert closed["disposition"] == {"confirmed fraud": "fraud", "legitimate": "genuine"}.get(disposition, disposition)
    labels = http.get(f"/v1/labels/{name}")
    assert (labels.json()["labels"][0]["label"] if labels.status_code == 200 else None) == label
    undone = act(cases["block"], "undo", "bo", reason="clicked the wrong one").json()
    assert (undone["status"], undone.get("disposition")) == ("open", None)
    labels = http.get(f"/v1/labels/{name}")
    assert (labels.json()["labels"][0]["label"] if label else labels.status_code) == ("unknown" if label else 404)


def test_closing_again_as_inconclusive_withdraws_what_the_first_closing_said_but_not_what_others_said(
    http: TestClient, cases: dict[str, str], act: Act, samples: list[dict[str, Any]], clock: FixedClock
) -> None:
    def label(name: str) -> str:
        return str(http.get(f"/v1/labels/{name}").json()["labels"][0]["label"])

    act(cases["block"], "close", disposition="fraud", reason="r")
    act(cases["review"], "close", disposition="fraud", reason="r")
    clock.advance(hours=1)
    said = {"transaction_id": samples[2]["transaction_id"], "label": "fraud", "source": "chargeback"}
    http.post("/v1/labels", json=said)
    for case_id in cases.values():
        act(case_id, "reopen", reason="new facts")
        act(case_id, "close", disposition="inconclusive", reason="cannot be told")
    assert label(samples[1]["transaction_id"]) == "unknown"
    assert label(samples[2]["transaction_id"]) == "fraud"


def test_acts_are_undone_one_by_one_down_to_the_beginning(cases: dict[str, str], act: Act, http: TestClient) -> None:
    case_id = cases["review"]
    begun = http.get(f"/v1/cases/{case_id}").json()
    act(case_id, "due", due="3d", reason="r")
    act(case_id, "escalate", reason="r", to="team-two")
    act(case_id, "claim")
    statuses = [act(case_id, "undo").json()["status"] for _ in range(3)]
    assert statuses == ["escalated", "open", "open"]
    now = http.get(f"/v1/cases/{case_id}").json()
    assert {name: now.get(name) for name in ("status", "due_at", "assignee")} == {
        name: begun.get(name) for name in ("status", "due_at", "assignee")
    }
    nothing = act(case_id, "undo")
    assert nothing.status_code == 409
    assert "taken back" in nothing.json()["detail"]


def test_merging_shows_both_cases_in_one_and_can_be_undone(
    http: TestClient, cases: dict[str, str], act: Act, samples: list[dict[str, Any]]
) -> None:
    http.post(f"/v1/cases/{cases['block']}/notes", json={"text": "same phone"}, headers={"x-actor": "ana"})
    goes_on = act(cases["block"], "merge", into=cases["review"], reason="one thief").json()
    assert (goes_on["case_id"], goes_on["score"], goes_on["decision"]) == (cases["review"], 95, "BLOCK")
    whole = http.get(f"/v1/cases/{cases['review']}").json()
    assert {d["transaction_id"] for d in whole["decisions"]} == {s["transaction_id"] for s in samples[1:]}
    assert whole["merged"] == [cases["block"]]
    assert ("note", cases["block"]) in [(e["kind"], e["case_id"]) for e in whole["entries"]]
    gone = http.get(f"/v1/cases/{cases['block']}").json()
    assert (gone["status"], gone["merged_into"], gone["disposition"]) == ("closed", cases["review"], "merged")
    refused = act(cases["block"], "reopen", reason="r")
    assert refused.status_code == 409
    assert cases["review"] in refused.json()["detail"]
    act(cases["review"], "close", disposition="fraud", reason="r")
    for sample in samples[1:]:
        assert http.get(f"/v1/labels/{sample['transaction_id']}").json()["labels"][0]["label"] == "fraud"
    act(cases["review"], "undo")
    assert act(cases["block"], "undo").json()["status"] == "open"
    apart = http.get(f"/v1/cases/{cases['review']}").json()
    assert [d["transaction_id"] for d in apart["decisions"]] == [samples[2]["transaction_id"]]


@pytest.mark.parametrize("into", ["itself", "FRD-1999-0001"])
def test_a_case_is_not_merged_into_itself_nor_into_none(cases: dict[str, str], act: Act, into: str) -> None:
    answer = act(cases["block"], "merge", into=cases["block"] if into == "itself" else into, reason="r")
    assert answer.status_code == (409 if into == "itself" else 404)


def test_cases_that_share_something_are_linked_and_it_is_said_by_what(http: TestClient, plain: Make, act: Act) -> None:
    def alert(customer: str, **fields: Any) -> str:
        tx = plain(customer_id=customer, amount="4800.00", merchant="Crypto Exchange", mcc="6051", card_present=False,
                   location="Lagos, Nigeria", **fields)  # fmt: skip
        return str(http.post("/v1/decisions", json=tx).json()["case_id"])

    first = alert("C-1", device_id="dev-shared", ip_address="203.0.113.7", instrument_id="tok-1")
    device = alert("C-2", device_id="dev-shared", ip_address="198.51.100.9", instrument_id="tok-2")
    both = alert("C-3", device_id="dev-shared", ip_address="203.0.113.7", instrument_id="tok-1")
    apart = alert("C-4", device_id="dev-other", ip_address="192.0.2.1", instrument_id="tok-4")
    act(first, "close", disposition="fraud", reason="r")
    again = alert("C-1", device_id="dev-new", ip_address="192.0.2.99", instrument_id="tok-1b")
    found = http.get(f"/v1/cases/{first}/links").json()
    assert [(link["case"]["case_id"], link["same_customer"], link["shared"]) for link in found["linked"]] == [
        (both, False, ["address", "device", "instrument"]),
        (again, True, []),
        (device, False, ["device"]),
    ]
    shared = {(key["kind"], key["value"]): (key["cases"], key["customers"]) for key in found["keys"]}
    assert shared == {
        ("device", "dev-shared"): (2, 2), ("address", "203.0.113.7"): (1, 1), ("instrument", "tok-1"): (1, 1),
    }  # fmt: skip
    harmless = plain(customer_id="C-5", device_id="dev-other", card_present=True)
    assert http.post("/v1/decisions", json=harmless).json().get("case_id") is None
    (key,) = http.get(f"/v1/cases/{apart}/links").json()["keys"]
    assert (key["value"], key["cases"], key["seen_with"]) == ("dev-other", 0, ["C-5"])


def test_a_customers_transactions_come_newest_first_with_amounts_places_and_outcomes(
    http: TestClient, plain: Make, samples: list[dict[str, Any]], clock: FixedClock
) -> None:
    for number in range(3):
        clock.advance(hours=1)
        http.post("/v1/decisions", json=plain(customer_id="C-12345", amount=f"{10 + number}.50", currency="EUR"))
    clock.advance(hours=1)
    http.post("/v1/decisions", json=samples[1])
    found = http.get("/v1/customers/C-12345/transactions", params={"limit": 3}).json()["transactions"]
    assert found[0]["transaction_id"] == samples[1]["transaction_id"]
    assert [tx["amount"] for tx in found[1:]] == ["12.50", "11.50"]
    assert (found[0]["decision"], found[0]["place"], found[0]["currency"]) == ("BLOCK", "Moscow, Russia", "USD")
    assert (found[1]["currency"], found[1]["base_currency"]) == ("EUR", "USD")
    older = http.get("/v1/customers/C-12345/transactions", params={"before": found[-1]["occurred_at"]}).json()
    assert [tx["amount"] for tx in older["transactions"]] == ["10.50"]
    assert http.get("/v1/customers/C-nobody/transactions").json()["transactions"] == []
    assert http.get("/v1/customers/C-12345/transactions", params={"before": "2026-01-01T00:00"}).status_code == 422


def test_every_revision_of_a_decision_can_be_seen_with_its_transaction(http: TestClient, plain: Make) -> None:
    tx = plain(amount="1200.00", card_present=False, device_id="dev-x", merchant="Corner/Shop", transaction_id="a/b")
    decision = http.post("/v1/decisions", json=tx).json()
    revised = 1
    if decision.get("step_up"):
        http.post("/v1/decisions/a%2Fb/step-up", json={"result": "passed"})
        revised = 2
    found = http.get("/v1/decisions/a%2Fb/revisions").json()
    assert [revision["revision"] for revision in found["revisions"]] == list(range(1, revised + 1))
    assert found["transaction"]["merchant"] == "Corner/Shop"
    assert http.get("/v1/decisions/none/revisions").status_code == 404
