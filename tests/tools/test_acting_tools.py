"""The three acting tools: the stored record speaks, the caller only claims."""

from __future__ import annotations

import json
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import httpx
import pytest

from fraudray.bootstrap import App
from fraudray.domain.decision import Decision
from fraudray.settings import load_settings
from fraudray.tools.provider import MountedProvider
from tests.engines.moto import REGION, Moto
from tests.reports.reading import pdf_text
from tests.tools.asking import Answer, ask
from tests.tools.conftest import Ask

MAIL, LOG, REPORT = "email-alerts", "fraud-logger", "report-generator"
CARD = "4111 1111 1111 1111"


def alert(call: Ask, decision: Decision, **changes: Any) -> Answer:
    arguments = {
        "alert_type": "impossible travel", "transaction_id": decision.transaction_id,
        "customer_id": decision.customer_id, "risk_score": 12, "details": "Looks like a takeover.",
    }  # fmt: skip
    return call(MAIL, "send_fraud_alert_email", **arguments | changes)


def log(call: Ask, case_id: str, **changes: Any) -> Answer:
    arguments = {
        "case_id": case_id, "transaction_data": None, "investigation_notes": "Called the customer.",
        "agent_decision": "APPROVE", "evidence": {"calls": 1},
    }  # fmt: skip
    return call(LOG, "log_fraud_case", **arguments | changes)


def mail_of(answer: Answer) -> EmailMessage:
    path = Path(answer["outcome"].removeprefix("written to ").removesuffix(" (mail goes to files: FRAUDRAY_MAIL_BY)"))
    message = message_from_bytes(path.read_bytes(), policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


def body(message: EmailMessage, kind: str) -> str:
    part = message.get_body(preferencelist=(kind,))
    assert part is not None
    return str(part.get_content())


def test_an_alert_states_the_stored_record_and_shows_the_callers_words_as_a_claim(call: Ask, blocked: Decision) -> None:
    answer = alert(call, blocked, details=f"<i>take over</i> {CARD}", risk_score=12)
    assert answer["status"] == "written"  # no mail server is set, and it says so
    assert (answer["risk_score"], answer["decision"], answer["claimed_risk_score"]) == (95, "BLOCK", 12)
    assert answer["case_id"] == blocked.case_id
    message = mail_of(answer)
    assert "BLOCK 95" in message["Subject"]
    text, html = body(message, "plain"), body(message, "html")
    assert "mcp:test-agent" in text
    assert "<i>" not in html
    assert "4111 1111" not in text + html


def test_the_same_alert_is_sent_once(app: App, call: Ask, blocked: Decision) -> None:
    first, second = alert(call, blocked), alert(call, blocked)
    assert first["alert_id"] == second["alert_id"]
    assert alert(call, blocked, details="Something else.")["alert_id"] != first["alert_id"]


@pytest.mark.parametrize(
    "recipients",
    [
        ["analyst@evil.example.org"],
        ["analyst@example.com", "a@evil.example"],
        "analyst@example.com, a@evil.example",
        ["a@evil.example, analyst@example.com"],
        ["a@evil.example\r\nBcc: b@evil.example, analyst@example.com"],
        ["<a@evil.example> analyst@example.com"],
        ["analyst@example.com.evil.example"],
    ],
)
def test_mail_goes_to_allowed_domains_only(app: App, call: Ask, blocked: Decision, recipients: Any) -> None:
    before = len(app.store.outbox.list(limit=100))
    error = alert(call, blocked, recipients=recipients).error
    assert "not allowed" in error or "is not a plain e-mail address" in error
    assert len(app.store.outbox.list(limit=100)) == before


def test_recipients_of_an_allowed_domain_are_used(call: Ask, blocked: Decision) -> None:
    for recipients in (["a@example.com", "b@example.com"], "a@example.com, b@example.com"):
        answer = alert(call, blocked, recipients=recipients, details=str(recipients))
        assert answer["recipients"] == ["a@example.com", "b@example.com"]
        assert mail_of(answer)["To"] == "a@example.com, b@example.com"


def test_an_alert_needs_a_decided_transaction_of_that_customer(call: Ask, blocked: Decision) -> None:
    assert "decide the transaction first" in alert(call, blocked, transaction_id="TXN-never").error
    assert "another customer's transaction" in alert(call, blocked, customer_id="C-67890").error


def test_hostile_text_in_an_alert_is_refused_or_masked(call: Ask, blocked: Decision) -> None:
    assert "- details: contains a control character" in alert(call, blocked, details="a\x1b[2Jb").error
    assert "- alert_type: contains a control character" in alert(call, blocked, alert_type="x\nBcc: y").error
    assert "- details: " in alert(call, blocked, details="x" * 4001).error
    assert "4111" not in alert(call, blocked, transaction_id=CARD.replace(" ", "")).error


def test_a_failed_alert_is_an_error_and_never_a_success(tmp_path: Path, samples: list[dict[str, Any]]) -> None:
    settings = load_settings(data_dir=tmp_path / "data", alert_sender="not an address\n")
    with App(settings) as app:
        decision = app.engine.decide(samples[1])
        arguments = {
            "alert_type": "x", "transaction_id": decision.transaction_id, "customer_id": decision.customer_id,
            "risk_score": None, "details": "y",
        }  # fmt: skip
        answer = ask(MAIL, MountedProvider(app), "send_fraud_alert_email", arguments)
    assert answer.is_error
    assert answer.document["status"] == "failed"
    assert "fraudray outbox retry" in answer.document["outcome"]


def test_an_alert_that_cannot_leave_yet_is_queued(tmp_path: Path, samples: list[dict[str, Any]]) -> None:
    with App(load_settings(data_dir=tmp_path / "data", smtp_host="127.0.0.1", smtp_port=9)) as app:
        decision = app.engine.decide(samples[1])
        arguments = {
            "alert_type": "x", "transaction_id": decision.transaction_id, "customer_id": decision.customer_id,
            "risk_score": None, "details": "y",
        }  # fmt: skip
        answer = ask(MAIL, MountedProvider(app), "send_fraud_alert_email", arguments)
    assert answer["status"] == "queued"
    assert "not delivered yet (SMTP server 127.0.0.1:9" in answer["outcome"]


def test_what_is_logged_is_a_claim_beside_the_record(app: App, call: Ask, blocked: Decision) -> None:
    answer = log(
        call, str(blocked.case_id), investigation_notes=f"Card {CARD}\nsecond line", evidence={"pan": CARD, "n": [1]},
        transaction_data={"transaction_id": blocked.transaction_id, "amount": 1, "risk_score": 0},
    )  # fmt: skip
    assert (answer["action"], answer["decision"], answer["risk_score"]) == ("appended", "BLOCK", 95)
    assert answer["author"] == "mcp:test-agent"
    case = call(LOG, "get_fraud_case", case_id=blocked.case_id)
    assert case["score"] == 95
    entry = case["entries"][-1]
    assert entry["author"] == "mcp:test-agent"
    assert entry["body"]["claimed_decision"] == "APPROVE"
    assert "4111 1111" not in json.dumps(case.document)
    assert "amount" not in entry["body"]
    assert any(noted.actor == "mcp:test-agent" for noted in app.store.audit_entries(subject=blocked.case_id))


@pytest.mark.parametrize("as_text", [False, True])
def test_a_case_of_ones_own_is_opened_for_a_decided_transaction(call: Ask, blocked: Decision, as_text: bool) -> None:
    data: Any = {"transaction_id": blocked.transaction_id}
    answer = log(call, "CASE-7", transaction_data=json.dumps(data) if as_text else data)
    assert (answer["action"], answer["customer_id"], answer["risk_score"]) == ("opened", blocked.customer_id, 95)


def test_a_case_needs_its_transaction_and_a_free_number(app: App, call: Ask, blocked: Decision) -> None:
    assert "no case CASE-8" in log(call, "CASE-8").error
    unknown = log(call, "CASE-8", transaction_data={"transaction_id": "TXN-never"})
    assert "decide the transaction first" in unknown.error
    assert "- transaction_data: " in log(call, "CASE-8", transaction_data="what I saw").error
    data = {"transaction_id": blocked.transaction_id}
    assert "FRD-YYYY-NNNN" in log(call, "FRD-2026-zzz", transaction_data=data).error
    assert log(call, "FRD-2026-9999", transaction_data=data)["action"] == "opened"
    assert "was given before" in log(call, "FRD-2026-9998", transaction_data=data).error
    assert app.store.ledger.next_case_id(2026) == "FRD-2026-10000"
    assert "- case_id: " in log(call, "../../etc/passwd", transaction_data=data).error


def test_cases_are_found_read_and_closed_once(call: Ask, blocked: Decision) -> None:
    case_id = blocked.case_id
    for query in ({}, {"text": "IMPOSSIBLE"}, {"customer_id": blocked.customer_id}, {"status": "open"}):
        assert [case["case_id"] for case in call(LOG, "search_fraud_cases", **query)["cases"]] == [case_id]
    assert call(LOG, "search_fraud_cases", text="nothing like it")["cases"] == []
    closing = {"case_id": case_id, "disposition": "confirmed_fraud", "reason": "The customer did not know of it."}
    assert call(LOG, "close_fraud_case", **closing)["case_status"] == "closed"
    assert call(LOG, "get_fraud_case", case_id=case_id)["status"] == "closed"
    assert "closed already" in call(LOG, "close_fraud_case", **closing).error
    assert "no case NONE" in call(LOG, "get_fraud_case", case_id="NONE").error


def test_a_report_is_made_from_the_record_and_its_sections_can_be_chosen(
    app: App, call: Ask, blocked: Decision
) -> None:
    whole = call(REPORT, "generate_fraud_report", case_id=blocked.case_id)
    assert whole["sections"] == ["summary", "timeline", "evidence", "recommendation"]
    assert whole["document"]["summary"]["score"] == 95
    assert whole["html"] is None
    assert whole["report_url"] == f"http://127.0.0.1:8000/v1/reports/{blocked.case_id}"
    part = call(REPORT, "generate_fraud_report", case_id=blocked.case_id, include_sections=["summary"], format="html")
    assert part["sections"] == ["summary"]
    assert part["document"] is None
    assert part["html"].startswith("<!doctype html>")
    assert "timeline" in app.store.reports.get(str(blocked.case_id))  # what is kept is whole
    wrong = call(REPORT, "generate_fraud_report", case_id=blocked.case_id, include_sections=["charts"])
    assert "has no section charts; there are summary, timeline, evidence, recommendation" in wrong.error
    assert "no case NONE" in call(REPORT, "generate_fraud_report", case_id="NONE").error


def test_markup_in_a_transaction_stays_text_in_its_report(app: App, call: Ask, samples: list[dict[str, Any]]) -> None:
    decision = app.engine.decide(samples[1] | {"transaction_id": "T-markup", "merchant": "<img src=x> bitcoin"})
    log(call, str(decision.case_id), investigation_notes="<script>alert(1)</script>")
    html = call(REPORT, "generate_fraud_report", case_id=decision.case_id, format="html")["html"]
    assert "<img" not in html
    assert "<script" not in html


def test_there_is_no_report_of_an_erased_customer(app: App, call: Ask, blocked: Decision) -> None:
    app.store.customers.erase(blocked.customer_id, reason="asked", actor="ana", at=app.clock.now())
    assert "were erased" in call(REPORT, "generate_fraud_report", case_id=blocked.case_id).error
    app.worker.drain()
    assert app.store.outbox.by_key(f"{blocked.decision_id}/report").status == "dead"


def test_a_report_as_pdf_is_embedded_and_opens_at_its_address(app: App, call: Ask, blocked: Decision) -> None:
    answer = call(REPORT, "generate_fraud_report", case_id=blocked.case_id, format="pdf")
    assert (answer["format"], answer["document"], answer["html"]) == ("pdf", None, None)
    assert answer["report_url"] == f"http://127.0.0.1:8000/v1/reports/{blocked.case_id}?format=pdf"
    (file,) = answer.files
    assert file.startswith(b"%PDF-")
    assert str(blocked.case_id) in pdf_text(file)


@pytest.mark.parametrize("form", ["json", "html", "pdf"])
def test_a_period_report_is_no_act_and_comes_in_every_form(app: App, call: Ask, blocked: Decision, form: str) -> None:
    answer = call(REPORT, "generate_period_report", from_date="2026-03-01", to_date="2026-03-02", format=form)
    assert answer["decisions"] == 1
    assert not [entry for entry in app.store.audit_entries() if entry.actor.startswith("mcp:")]
    shown = {"json": str(answer["document"]), "html": answer["html"], "pdf": "".join(map(pdf_text, answer.files))}
    assert "IMPOSSIBLE_TRAVEL" in shown[form]


def test_a_period_that_cannot_be_is_told_by_argument(call: Ask) -> None:
    wrong = call(REPORT, "generate_period_report", from_date="2026-03-01", to_date="2027-01-01")
    assert "- to_date: lies in the future" in wrong.error
    assert "- to_date: " in call(REPORT, "generate_period_report", from_date="2026-03-01").error
    assert "- format: " in call(REPORT, "generate_period_report", from_date="x", to_date="y", format="doc").error


def test_a_report_opens_at_an_address_in_s3_where_a_bucket_is_set(
    tmp_path: Path, moto: Moto, samples: list[dict[str, Any]]
) -> None:
    moto.client("s3").create_bucket(Bucket="bank", CreateBucketConfiguration={"LocationConstraint": REGION})
    settings = load_settings(
        data_dir=tmp_path / "data", reports_bucket="bank", aws_region=REGION, aws_endpoint_url=moto.url
    )
    with App(settings, work=False) as app:
        case_id = app.engine.decide(samples[1]).case_id
        answer = ask(REPORT, MountedProvider(app), "generate_fraud_report", {"case_id": case_id})
    page = httpx.get(answer["report_url"])
    assert page.status_code == 200
    assert str(case_id) in page.text
