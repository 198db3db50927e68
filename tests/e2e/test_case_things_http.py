"""Finding cases over HTTP, and what belongs to them: files, many at once, exports, freezes, alerts."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any

import pyarrow.parquet as pq
import pytest
from starlette.testclient import TestClient

from fraudray.testing.clock import FixedClock
from tests.e2e.support.casework import Act, Make, ids

PDF = b"%PDF-1.7\n" + b"x" * 100


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
