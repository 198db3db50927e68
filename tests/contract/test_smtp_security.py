"""SMTP with STARTTLS and login: what was asked for is done, or nothing is sent."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fraudray.adapters.smtp import SmtpMailer
from fraudray.bootstrap import App
from fraudray.domain.errors import DeliveryFailed, SettingsError
from tests.contract.test_mailers import MAIL
from tests.engines.smtp import self_made_certificate, smtp_server

pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    return self_made_certificate(tmp_path / "server.pem")


def mailer(port: int, **changes: Any) -> SmtpMailer:
    options: dict[str, Any] = {
        "starttls": True, "user": "fraudray", "password": "correct horse", "timeout_s": 5, "ca_file": None,
    }  # fmt: skip
    return SmtpMailer("127.0.0.1", port, **options | changes)


def test_a_mail_is_encrypted_and_sent_under_the_login(certificate: Path) -> None:
    with smtp_server(certificate, user="fraudray", password="correct horse") as (inbox, port):
        assert "sent to 2" in mailer(port, ca_file=certificate).send(MAIL)
    assert len(inbox.received) == 1
    assert inbox.encrypted == [True]
    assert len(inbox.logins) == 1


def test_a_wrong_password_is_permanent_and_says_so(certificate: Path) -> None:
    with (
        smtp_server(certificate, user="fraudray", password="correct horse") as (inbox, port),
        pytest.raises(DeliveryFailed, match=r"refused the login as fraudray.*FRAUDRAY_SMTP_PASSWORD") as caught,
    ):
        mailer(port, ca_file=certificate, password="wrong horse").send(MAIL)
    assert caught.value.permanent
    assert "wrong horse" not in str(caught.value)
    assert inbox.received == []


def test_a_certificate_that_nobody_vouches_for_is_refused(certificate: Path) -> None:
    with (
        smtp_server(certificate, user="fraudray", password="correct horse") as (inbox, port),
        pytest.raises(DeliveryFailed, match=r"certificate.*not trusted.*FRAUDRAY_SMTP_CA_FILE") as caught,
    ):
        mailer(port).send(MAIL)
    assert not caught.value.permanent
    assert (inbox.received, inbox.logins) == ([], [])


def test_a_server_without_starttls_gets_nothing(certificate: Path) -> None:
    with (
        smtp_server(user="fraudray", password="correct horse") as (inbox, port),
        pytest.raises(DeliveryFailed, match=r"offers no STARTTLS"),
    ):
        mailer(port, ca_file=certificate).send(MAIL)
    assert (inbox.received, inbox.logins) == ([], [])


def test_a_login_without_tls_goes_to_this_machine_only() -> None:
    with smtp_server(user="fraudray", password="correct horse") as (inbox, port):
        mailer(port, starttls=False).send(MAIL)
    assert inbox.encrypted == [False]
    with pytest.raises(SettingsError, match=r"smtp_user.*smtp_starttls"):
        SmtpMailer("mail.example.com", 25, starttls=False, user="fraudray", password="x", timeout_s=5)


def test_certificates_that_cannot_be_read_are_refused_at_start(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("no certificate")
    for name in ("empty.pem", "missing.pem"):
        with pytest.raises(SettingsError, match=r"smtp_ca_file"):
            mailer(25, ca_file=tmp_path / name)


def test_the_settings_carry_it_all(
    make_app: Callable[..., App], certificate: Path, samples: list[dict[str, Any]]
) -> None:
    with smtp_server(certificate, user="fraudray", password="correct horse") as (inbox, port):
        app = make_app(
            smtp_host="127.0.0.1", smtp_port=port, smtp_starttls=True, smtp_ca_file=certificate, smtp_user="fraudray",
            smtp_password="correct horse",
        )  # fmt: skip
        app.engine.decide(samples[1])
        app.worker.drain()
    assert inbox.encrypted == [True]
