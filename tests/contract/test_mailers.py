"""What every mailer must do: the embedded folder, a real SMTP server, and Amazon SES as moto plays it."""

from __future__ import annotations

import email
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.message import EmailMessage, Message
from email.policy import default
from pathlib import Path

import pytest

from fraudray.adapters.aws.ses import SesMailer
from fraudray.adapters.aws.session import Aws
from fraudray.adapters.folder import FolderMailer
from fraudray.adapters.smtp import SmtpMailer
from fraudray.domain.errors import DeliveryFailed
from fraudray.ports.messages import Mail, Mailer
from tests.engines.moto import REGION, Moto
from tests.engines.smtp import Inbox, free_port, smtp_server

MAIL = Mail(
    key="dec_1/email_alert", sender="fraudray@example.com", recipients=("a@example.com", "b@example.com"),
    subject="BLOCK 95: Zoë’s Café", text="text ≠ html", html="<p>html &amp; more</p>",
)  # fmt: skip


@dataclass
class Sender:
    mailer: Mailer
    received: Callable[[], list[bytes]]


def smtp(port: int) -> SmtpMailer:
    return SmtpMailer("127.0.0.1", port, starttls=False, user=None, password=None, timeout_s=5)


@pytest.fixture
def inbox() -> Iterator[tuple[Inbox, int]]:
    with smtp_server() as server:
        yield server


@pytest.fixture(params=["folder", "smtp", "ses"])
def sender(request: pytest.FixtureRequest, tmp_path: Path) -> Sender:
    if request.param == "folder":
        folder = tmp_path / "out"
        return Sender(FolderMailer(folder), lambda: [path.read_bytes() for path in folder.glob("*.eml")])
    if request.param == "ses":
        moto: Moto = request.getfixturevalue("moto")
        moto.client("sesv2").create_email_identity(EmailIdentity=MAIL.sender)
        return Sender(SesMailer(Aws(REGION, moto.url, 10, "mail_by = ses")), moto.mails)
    inbox, port = request.getfixturevalue("inbox")
    return Sender(smtp(port), lambda: inbox.received)


def parsed(raw: bytes) -> EmailMessage:
    message: Message = email.message_from_bytes(raw, policy=default)
    assert isinstance(message, EmailMessage)
    return message


def test_a_mail_arrives_whole(sender: Sender) -> None:
    said = sender.mailer.send(MAIL)
    (raw,) = sender.received()
    message = parsed(raw)
    assert message["Subject"] == MAIL.subject
    assert message["To"] == "a@example.com, b@example.com"
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    assert text is not None
    assert html is not None
    assert text.get_content().strip() == MAIL.text
    assert html.get_content().strip() == MAIL.html
    assert said


def test_the_same_key_gives_the_same_message_id(sender: Sender) -> None:
    sender.mailer.send(MAIL)
    sender.mailer.send(MAIL)
    assert len({parsed(raw)["Message-ID"] for raw in sender.received()}) == 1


def test_line_breaks_cannot_add_headers(sender: Sender) -> None:
    hostile = Mail("k", "a@example.com", ("b@example.com",), "hi\r\nBcc: evil@example.org", "t", "h")
    with pytest.raises(DeliveryFailed) as caught:
        sender.mailer.send(hostile)
    assert caught.value.permanent
    assert sender.received() == []


@pytest.mark.parametrize(("answer", "permanent"), [("550 no", True), ("451 later", False)])
def test_what_the_server_refuses_is_a_failure(inbox: tuple[Inbox, int], answer: str, permanent: bool) -> None:
    inbox[0].answer = answer
    with pytest.raises(DeliveryFailed) as caught:
        smtp(inbox[1]).send(MAIL)
    assert caught.value.permanent is permanent


def test_a_server_that_is_not_there_is_tried_again() -> None:
    with pytest.raises(DeliveryFailed) as caught:
        smtp(free_port()).send(MAIL)
    assert not caught.value.permanent


def test_a_folder_that_cannot_be_written_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DeliveryFailed):
        FolderMailer(tmp_path / "file").send(MAIL)
