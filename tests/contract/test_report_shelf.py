"""What a report shelf must do: Amazon S3 as moto plays it."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from fraudray.adapters.aws.s3 import S3Shelf
from fraudray.adapters.aws.session import Aws
from fraudray.domain.errors import DeliveryFailed
from fraudray.ports.reports import ReportShelf
from tests.engines.moto import REGION, Moto

BUCKET = "bank-reports"


def shelf(moto: Moto, *, bucket: str = BUCKET, prefix: str = "fraud/reports", kms_key: str | None = None) -> S3Shelf:
    aws = Aws(REGION, moto.url, 10, "reports_bucket")
    return S3Shelf(aws, bucket=bucket, prefix=prefix, link_s=600, kms_key=kms_key)


@pytest.fixture
def bucket(moto: Moto) -> Moto:
    moto.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    return moto


def test_a_file_opens_at_its_address_without_an_account(bucket: Moto) -> None:
    kept: ReportShelf = shelf(bucket)
    address = kept.put("FRD-2026-0001/report.html", "<p>Zoë</p>".encode(), "text/html; charset=utf-8")
    opened = httpx.get(address)
    assert opened.status_code == 200
    assert opened.text == "<p>Zoë</p>"
    assert opened.headers["content-type"] == "text/html; charset=utf-8"
    assert opened.headers["cache-control"] == "private, no-store"


def test_putting_again_replaces(bucket: Moto) -> None:
    kept = shelf(bucket)
    kept.put("a/report.json", b"1", "application/json")
    assert httpx.get(kept.put("a/report.json", b"2", "application/json")).content == b"2"
    listed = bucket.client("s3").list_objects_v2(Bucket=BUCKET)["Contents"]
    assert [entry["Key"] for entry in listed] == ["fraud/reports/a/report.json"]


@pytest.mark.parametrize("prefix", ["", "/", "/deep/er/"])
def test_a_prefix_needs_no_particular_slashes(bucket: Moto, prefix: str) -> None:
    address = shelf(bucket, prefix=prefix).put("A:B/report.html", b"x", "text/html")
    assert httpx.get(address).content == b"x"
    (entry,) = bucket.client("s3").list_objects_v2(Bucket=BUCKET)["Contents"]
    assert entry["Key"] == "/".join([part for part in prefix.split("/") if part] + ["A:B", "report.html"])


def test_an_address_says_in_its_signed_part_when_it_ends(bucket: Moto) -> None:
    asked = parse_qs(urlsplit(shelf(bucket).put("a", b"x", "text/plain")).query)
    assert asked["X-Amz-Expires"] == ["600"]
    assert asked["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]


def test_files_are_encrypted_at_rest(bucket: Moto) -> None:
    key: str = bucket.client("kms").create_key()["KeyMetadata"]["Arn"]
    for name, kms_key, expected in (("own", None, "AES256"), ("ours", key, "aws:kms")):
        shelf(bucket, kms_key=kms_key).put(name, b"x", "text/plain")
        head = bucket.client("s3").head_object(Bucket=BUCKET, Key=f"fraud/reports/{name}")
        assert head["ServerSideEncryption"] == expected
        assert head.get("SSEKMSKeyId") == kms_key


def test_a_bucket_that_is_not_there_is_permanent_and_says_what_to_do(moto: Moto) -> None:
    with pytest.raises(DeliveryFailed, match=r"NoSuchBucket.*FRAUDRAY_REPORTS_BUCKET") as caught:
        shelf(moto).put("a", b"x", "text/plain")
    assert caught.value.permanent
