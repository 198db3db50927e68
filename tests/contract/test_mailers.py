"""What every mailer must do: the embedded folder, and a real SMTP server."""

from __future__ import annotations

import email
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage, Message
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from fraudray.adapters.messages import FolderMailer, SmtpMailer
from fraudray.domain.errors import DeliveryFailed
from fraudray.ports.messages import Mail, Mailer

MAIL = Mail(
    key="dec_1/email_alert", sender="fraudray@example.com", recipients=("a@example.com", "b@example.com"),
    subject="BLOCK 95: Zoë’s Café", text="text ≠ html", html="<p>html &amp; more</p>",
)  # fmt: skip


@dataclass
class Inbox:
    """An SMTP server that keeps what it gets, or answers as told."""

    answer: str = "250 ok"
    received: list[bytes] = field(default_factory=list)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        if self.answer.startswith("250"):
            self.received.append(envelope.content)
        return self.answer


@dataclass
class Sender:
    mailer: Mailer
    received: Callable[[], list[bytes]]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def smtp(port: int) -> SmtpMailer:
    return SmtpMailer("127.0.0.1", port, starttls=False, user=None, password=None, timeout_s=5)


@pytest.fixture
def inbox() -> Iterator[tuple[Inbox, int]]:
    inbox, port = Inbox(), free_port()
    controller = Controller(inbox, hostname="127.0.0.1", port=port)
    controller.start()
    yield inbox, port
    controller.stop()


@pytest.fixture(params=["folder", "smtp"])
def sender(request: pytest.FixtureRequest, tmp_path: Path, inbox: tuple[Inbox, int]) -> Sender:
    if request.param == "folder":
        folder = tmp_path / "out"
        return Sender(FolderMailer(folder), lambda: [path.read_bytes() for path in folder.glob("*.eml")])
    return Sender(smtp(inbox[1]), lambda: inbox[0].received)


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
