"""How AWS fails: refusals are permanent, what may pass is tried again, and what is missing is named."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fraudray.adapters.aws.s3 import S3Shelf
from fraudray.adapters.aws.ses import SesMailer
from fraudray.adapters.aws.session import ATTEMPTS_MAX, Aws
from fraudray.adapters.aws.sns import SnsSms
from fraudray.bootstrap import App
from fraudray.domain.errors import DeliveryFailed, SettingsError
from fraudray.settings import load_settings
from tests.contract.test_mailers import MAIL
from tests.contract.test_sms import SMS
from tests.engines.moto import REGION, Moto, Throttle
from tests.engines.smtp import free_port


def aws(url: str, region: str | None = REGION) -> Aws:
    return Aws(region, url, 2, "mail_by = ses")


@pytest.fixture
def throttle(moto: Moto) -> Iterator[Throttle]:
    moto.client("sesv2").create_email_identity(EmailIdentity=MAIL.sender)
    front = Throttle(moto)
    yield front
    front.close()


def test_a_sender_that_nobody_verified_is_a_permanent_failure(moto: Moto) -> None:
    with pytest.raises(DeliveryFailed, match=r"MessageRejected.*FRAUDRAY_ALERT_SENDER") as caught:
        SesMailer(aws(moto.url)).send(MAIL)
    assert caught.value.permanent


@pytest.mark.parametrize(
    ("status", "code"), [(429, "TooManyRequestsException"), (400, "ThrottlingException"), (503, "ServiceUnavailable")]
)
def test_what_is_throttled_once_is_sent_by_the_next_attempt(
    throttle: Throttle, moto: Moto, status: int, code: str
) -> None:
    throttle.refusals = [(status, code)]
    assert "sent to 2" in SesMailer(aws(throttle.url)).send(MAIL)
    assert throttle.requests == 2
    assert len(moto.mails()) == 1


@pytest.mark.parametrize(
    ("status", "code"), [(429, "TooManyRequestsException"), (400, "Throttling"), (500, "Internal")]
)
def test_what_stays_throttled_is_left_to_the_outbox(throttle: Throttle, moto: Moto, status: int, code: str) -> None:
    for send in (lambda: SesMailer(aws(throttle.url)).send(MAIL), lambda: SnsSms(aws(throttle.url)).send(SMS)):
        throttle.refusals, throttle.requests = [(status, code)] * ATTEMPTS_MAX, 0
        with pytest.raises(DeliveryFailed, match=code) as caught:
            send()
        assert not caught.value.permanent
        assert throttle.requests == ATTEMPTS_MAX
    assert moto.mails() == []


def test_what_may_not_be_done_is_a_permanent_failure(throttle: Throttle) -> None:
    throttle.refusals = [(403, "AuthorizationError")]
    with pytest.raises(DeliveryFailed, match=r"AuthorizationError.*may not do this") as caught:
        SnsSms(aws(throttle.url)).send(SMS)
    assert caught.value.permanent


@pytest.mark.usefixtures("moto")
def test_an_endpoint_that_is_not_there_is_tried_again() -> None:
    dead = aws(f"http://127.0.0.1:{free_port()}")
    for name, send in (
        ("SES", lambda: SesMailer(dead).send(MAIL)),
        ("SNS", lambda: SnsSms(dead).send(SMS)),
        ("S3", lambda: S3Shelf(dead, bucket="b-1", prefix="", link_s=60, kms_key=None).put("a", b"x", "text/plain")),
    ):
        with pytest.raises(DeliveryFailed, match=f"{name} cannot be reached") as caught:
            send()
        assert not caught.value.permanent


def test_missing_credentials_are_said_with_what_to_do(moto: Moto, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(DeliveryFailed, match=r"no AWS credentials.*AWS_ACCESS_KEY_ID") as caught:
        SesMailer(aws(moto.url)).send(MAIL)
    assert not caught.value.permanent


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"mail_by": "ses"}, "mail_by = ses needs a region: set FRAUDRAY_AWS_REGION"),
        ({"sms_by": "sns"}, "sms_by = sns needs a region"),
        ({"reports_bucket": "bank"}, "reports_bucket needs a region"),
        ({"reports_bucket": ""}, "reports_bucket: "),
        ({"reports_bucket": "bank/reports"}, "reports_bucket: "),
        ({"reports_kms_key": "alias/reports"}, "reports_kms_key is of no use without reports_bucket"),
        ({"mail_by": "smtp"}, "needs smtp_host"),
        ({"smtp_host": "127.0.0.1", "smtp_password": "x"}, "smtp_password is of no use without smtp_user"),
        ({"smtp_host": "mail.example.com", "smtp_user": "u", "smtp_password": "x"}, "smtp_starttls"),
        ({"mail_by": "pigeon"}, "mail_by"),
        ({"reports_link_s": 604_801}, "reports_link_s"),
        ({"sms_sender_id": "12345"}, "sms_sender_id"),
        ({"aws_endpoint_url": "ftp://x"}, "aws_endpoint_url"),
    ],
)
def test_a_setting_that_is_not_complete_is_refused_at_start_by_name(
    tmp_path: Path, settings: dict[str, str], said: str
) -> None:
    with pytest.raises(SettingsError, match=said):
        App(load_settings(data_dir=tmp_path / "data", **settings), work=False)
    App(load_settings(data_dir=tmp_path / "data"), work=False).close()  # the folder was let go


def test_a_region_of_the_usual_chain_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    App(load_settings(data_dir=tmp_path / "data", mail_by="ses", sms_by="sns"), work=False).close()
