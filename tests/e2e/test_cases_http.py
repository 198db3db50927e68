"""Working on cases over HTTP, as an analyst's page or another system does."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any

import httpx
import pyarrow.parquet as pq
import pytest
from starlette.testclient import TestClient

from fraudray.testing.clock import FixedClock

Make = Callable[..., dict[str, Any]]
Act = Callable[..., httpx.Response]
PDF = b"%PDF-1.7\n" + b"x" * 100


@pytest.fixture
def cases(http: TestClient, samples: list[dict[str, Any]], clock: FixedClock) -> dict[str, str]:
    """Two cases of two customers: `block` (95) and `review`, opened ten minutes later."""
    block = http.post("/v1/decisions", json=samples[1]).json()["case_id"]
    clock.advance(minutes=10)
    review = http.post("/v1/decisions", json=samples[2]).json()["case_id"]
    return {"block": block, "review": review}


@pytest.fixture
def act(http: TestClient) -> Act:
    """Acts on a case: `act(case_id, "claim", "ana", version=3, **fields)`."""

    def act(case_id: str, what: str, author: str = "ana", *, version: int | None = None, **fields: Any) -> Any:
        headers = {"x-actor": author} | ({} if version is None else {"if-match": f'"{version}"'})
        return http.post(f"/v1/cases/{case_id}/{what}", json=fields, headers=headers)

    return act


def ids(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [case["case_id"] for case in answer.json()["cases"]]


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


def test_search_finds_words_of_ids_merchants_reasons_and_notes_and_nothing_of_the_erased(
    http: TestClient, cases: dict[str, str], samples: list[dict[str, Any]]
) -> None:
    note = {"text": "Frau Müller rief an: nicht ihre Zahlung, 寿司屋 kennt sie nicht"}
    http.post(f"/v1/cases/{cases['block']}/notes", json=note, headers={"x-actor": "ana"})

    def found(q: str) -> list[str]:
        return ids(http.get("/v1/cases", params={"q": q}))

    block, review = [cases["block"]], [cases["review"]]
    for q in ("mueller"[:0] + "muller", "MÜLLER Zahlung", "寿司", samples[1]["transaction_id"], "impossible_trav",
              cases["block"].lower(), samples[1]["customer_id"]):  # fmt: skip
        assert found(q) == block, q
    assert found("best buy") == review
    for q in ("muller buy", "mull", "%", "_", "...", "zzz"):
        assert found(q) == [], q
    http.post(f"/v1/customers/{samples[1]['customer_id']}/erase", json={"reason": "asked"})
    assert found("muller") == []
    assert found(samples[1]["transaction_id"]) == block


def test_filters_narrow_and_are_counted_and_a_wrong_one_is_named(
    http: TestClient, cases: dict[str, str], act: Act, clock: FixedClock
) -> None:
    def found(**query: Any) -> list[str]:
        answer = http.get("/v1/cases", params=query | {"count": True})
        assert answer.json()["total"] == len(answer.json()["cases"])
        return ids(answer)

    block, review = cases["block"], cases["review"]
    act(review, "claim", "bo")
    assert found() == [review, block]
    assert found(sort="risk") == found(sort="oldest") == [block, review]
    assert found(assignee="bo") == found(status="claimed") == [review]
    assert found(status="active") == [review, block]
    assert found(decision="BLOCK") == found(score_min=90) == found(reason="IMPOSSIBLE_TRAVEL") == [block]
    amounts = {c["case_id"]: float(c["amount_base"]) for c in http.get("/v1/cases").json()["cases"]}
    larger = max(amounts, key=lambda case_id: amounts[case_id])
    assert found(amount_min=amounts[larger]) == [larger]
    assert found(amount_max=min(amounts.values())) == [next(c for c in amounts if c != larger)]
    assert found(amount_min="0.001", amount_max="1000000000000", sort="amount")[0] == larger
    opened = http.get(f"/v1/cases/{review}").json()["opened_at"]
    assert found(opened_from=opened) == [review]
    assert found(opened_to=opened) == [block]
    for name, value in (
        ("status", "shut"), ("score_min", "101"), ("amount_min", "nan"), ("opened_from", "2026-01-01T00:00"),
        ("sort", "luck"), ("q", "\0"), ("amount_max", "1e400"), ("colour", "red"),
    ):  # fmt: skip
        wrong = http.get("/v1/cases", params={name: value})
        assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, name), (name, wrong.text)


def test_files_are_kept_sealed_given_back_as_they_were_and_destroyed(http: TestClient, cases: dict[str, str]) -> None:
    at = f"/v1/cases/{cases['block']}/files"
    kept = http.post(at, params={"name": "Rechnung März.pdf"}, content=PDF, headers={"x-actor": "ana"})
    assert kept.status_code == 201
    file = kept.json()
    assert (file["media_type"], file["size"], file["author"]) == ("application/pdf", len(PDF), "ana")
    got = http.get(f"{at}/{file['file_id']}")
    assert got.content == PDF
    assert got.headers["content-disposition"].startswith("attachment;")
    assert got.headers["x-content-type-options"] == "nosniff"
    assert [f["name"] for f in http.get(f"/v1/cases/{cases['block']}").json()["files"]] == ["Rechnung März.pdf"]
    assert ids(http.get("/v1/cases", params={"q": "rechnung"})) == [cases["block"]]
    assert http.post(at, params={"name": "again.pdf"}, content=PDF).status_code == 409
    assert http.get(f"/v1/cases/{cases['review']}/files/{file['file_id']}").status_code == 404
    removed = http.post(f"{at}/{file['file_id']}/remove", json={"reason": "wrong case"})
    assert removed.json() == {"file_id": file["file_id"], "removed": True}
    assert http.get(f"{at}/{file['file_id']}").status_code == 404
    assert http.post(f"{at}/{file['file_id']}/remove", json={"reason": "twice"}).status_code == 404


@pytest.mark.parametrize(
    ("name", "content", "status"),
    [
        ("page.html", b"<script>alert(1)</script>", 422),
        ("picture.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", 422),
        ("program.exe", b"MZ\x90\x00", 422),
        ("not.pdf", b"<html>", 422),
        ("picture.png", PDF, 422),
        ("notes.txt", b"\xff\xfe\x00", 422),
        ("empty.txt", b"", 422),
        ("   ", b"text", 422),
        ("x" * 130 + ".txt", b"text", 422),
        ("../../etc/passwd.txt", b"text", 201),
        ("large.txt", b"a" * (10 * 1024 * 1024 + 1), 413),
    ],
)
def test_files_of_other_types_or_sizes_are_refused_and_names_hold_no_path(
    http: TestClient, cases: dict[str, str], name: str, content: bytes, status: int
) -> None:
    answer = http.post(f"/v1/cases/{cases['block']}/files", params={"name": name}, content=content)
    assert answer.status_code == status, answer.text
    if status == 201:
        assert "/" not in answer.json()["name"]


def test_many_cases_are_closed_at_once_and_each_says_what_became_of_it(
    http: TestClient, cases: dict[str, str], act: Act
) -> None:
    act(cases["review"], "claim", "bo")
    version = http.get(f"/v1/cases/{cases['block']}").json()["version"]
    body = {
        "act": "close", "disposition": "legitimate", "reason": "a test of the terminal",
        "cases": [
            {"case_id": cases["block"], "version": version}, {"case_id": cases["review"]}, {"case_id": "FRD-1999-0001"},
            {"case_id": cases["block"], "version": version},
        ],
    }  # fmt: skip
    answer = http.post("/v1/cases/bulk", json=body, headers={"x-actor": "ana"}).json()
    assert [row["status"] for row in answer["results"]] == [200, 409, 404, 412]
    assert (answer["done"], answer["refused"]) == (1, 3)
    for wrong, field in (
        ({"act": "explode", "cases": [{"case_id": "x"}]}, "act"),
        ({"act": "close", "cases": [{"case_id": "x"}], "reason": "r"}, "disposition"),
        ({"act": "claim", "cases": []}, "cases"),
        ({"act": "claim", "cases": [{"case_id": 5}]}, "cases.0"),
        ({"act": "claim", "cases": [{"case_id": "x"}], "reason": "r"}, "reason"),
        ({"act": "claim", "cases": [{"case_id": "x"}] * 501}, "cases"),
        ({"cases": []}, "act"),
        ([], ""),
    ):
        refused = http.post("/v1/cases/bulk", json=wrong)
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, field), wrong


def test_cases_are_exported_as_csv_that_no_spreadsheet_runs_and_as_typed_parquet(
    http: TestClient, plain: Make, cases: dict[str, str]
) -> None:
    hostile = plain(customer_id="=cmd|' /C calc'!A0", amount="4800.00", merchant="+Crypto, \"Exchange\"", mcc="6051",
                    card_present=False, location="Lagos, Nigeria")  # fmt: skip
    third = http.post("/v1/decisions", json=hostile).json()["case_id"]
    answer = http.get("/v1/cases/export", params={"sort": "oldest"})
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["case_id"] for row in rows] == [cases["block"], cases["review"], third]
    assert rows[2]["customer_id"] == "'=cmd|' /C calc'!A0"
    assert rows[2]["merchant"] == '\'+Crypto, "Exchange"'
    table = pq.read_table(
        io.BytesIO(http.get("/v1/cases/export", params={"format": "parquet", "sort": "oldest"}).content)
    )
    assert table.column("case_id").to_pylist() == [row["case_id"] for row in rows]
    assert table.column("merchant").to_pylist()[2] == '+Crypto, "Exchange"'
    assert str(table.schema.field("opened_at").type) == "timestamp[us, tz=UTC]"
    assert "IMPOSSIBLE_TRAVEL" in table.column("reasons").to_pylist()[0]
    assert http.get("/v1/cases/export", params={"status": "closed"}).text.count("\r\n") == 1
    assert http.get("/v1/cases/export", params={"format": "xls"}).status_code == 422


def test_a_freeze_is_extended_and_never_shortened(
    http: TestClient, cases: dict[str, str], samples: list[dict[str, Any]], clock: FixedClock
) -> None:
    customer = samples[1]["customer_id"]
    at = f"/v1/customers/{customer}/extend-freeze"
    longer = http.post(at, json={"until": "3d", "reason": "the inquiry goes on"})
    assert longer.status_code == 200
    clock.advance(hours=48)
    assert http.get(f"/v1/customers/{customer}/account").json()["frozen"]
    assert http.post("/v1/decisions", json=samples[1] | {"transaction_id": "frozen"}).json()["decision"] == "BLOCK"
    assert http.post(at, json={"until": "1h", "reason": "r"}).status_code == 409
    assert http.post(at, json={"until": "400d", "reason": "r"}).status_code == 422
    assert http.post("/v1/customers/C-nobody/extend-freeze", json={"until": "1d", "reason": "r"}).status_code == 404
    clock.advance(hours=25)
    assert not http.get(f"/v1/customers/{customer}/account").json()["frozen"]


def test_an_alert_is_sent_again_each_time_it_is_asked_for(
    http: TestClient, cases: dict[str, str], worked: Callable[[], int]
) -> None:
    worked()
    for _ in range(2):
        sent = http.post(f"/v1/cases/{cases['block']}/alert", json={"reason": "the first went to spam"})
        assert sent.status_code == 201
    assert worked() == 2
    assert http.get("/v1/outbox", params={"status": "dead"}).json()["entries"] == []
    entries = http.get(f"/v1/cases/{cases['block']}").json()["entries"]
    assert [e["kind"] for e in entries].count("alert_resent") == 2
    missing = http.post(f"/v1/cases/{cases['block']}/alert", json={"reason": "r", "transaction_id": "other"})
    assert missing.status_code == 404
