"""A block on AWS by setting: mail by SES, SMS by SNS, the report in S3 at an address that opens."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from fraudray.bootstrap import App
from tests.engines.moto import REGION, Moto

BUCKET = "bank-reports"


@pytest.fixture
def app(make_app: Callable[..., App], moto: Moto) -> App:
    moto.client("sesv2").create_email_identity(EmailIdentity="fraudray@example.com")
    moto.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    return make_app(
        mail_by="ses", sms_by="sns", sms_sender_id="MyBank", reports_bucket=BUCKET, reports_link_s=3600,
        aws_region=REGION, aws_endpoint_url=moto.url,
    )  # fmt: skip


def outcomes(app: App) -> dict[str, tuple[str, str]]:
    return {row.entry.kind: (row.status, row.outcome or "") for row in app.store.outbox.list()}


def test_a_block_reaches_everyone_by_aws(app: App, moto: Moto, samples: list[dict[str, Any]]) -> None:
    blocked = app.engine.decide(samples[1])
    app.worker.drain()
    became = outcomes(app)
    assert {status for status, _ in became.values()} == {"done"}
    assert b"BLOCK 95" in moto.mails()[0]
    ((number, text),) = moto.texts()
    assert number.startswith("+1")
    assert "CRYPTO-EXCHANGE-XX" in text
    said = re.fullmatch(
        r"report FRD-2026-0001 made; opens until 2026-03-02 16:30 UTC at (http\S+)", became["report"][1]
    )
    assert said is not None
    page = httpx.get(said[1])
    assert page.status_code == 200
    assert "FRD-2026-0001" in page.text
    assert blocked.case_id is not None
    stored = app.store.reports.get(blocked.case_id)
    listed = moto.client("s3").list_objects_v2(Bucket=BUCKET)["Contents"]
    assert {entry["Key"] for entry in listed} == {
        f"reports/{blocked.case_id}/report.{kind}" for kind in ("html", "json", "pdf")
    }
    kept = moto.client("s3").get_object(Bucket=BUCKET, Key=f"reports/{blocked.case_id}/report.json")
    assert json.load(kept["Body"])["report_id"] == "FRD-2026-0001"
    assert stored["case_id"] == blocked.case_id


def test_a_bucket_that_is_gone_is_a_dead_entry_and_the_report_is_still_there(
    app: App, moto: Moto, samples: list[dict[str, Any]]
) -> None:
    moto.client("s3").delete_bucket(Bucket=BUCKET)
    blocked = app.engine.decide(samples[1])
    app.worker.drain()
    status, outcome = outcomes(app)["report"]
    assert status == "dead"
    assert "FRAUDRAY_REPORTS_BUCKET" in outcome
    assert blocked.case_id is not None
    assert app.store.reports.get(blocked.case_id)["case_id"] == blocked.case_id
    moto.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    (entry,) = [row.entry for row in app.store.outbox.list() if row.entry.kind == "report"]
    app.store.outbox.retry(entry.entry_id, app.clock.now(), actor="ana")
    app.worker.drain()
    assert outcomes(app)["report"][0] == "done"
