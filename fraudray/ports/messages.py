"""Sending mail and SMS, in the caller's words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Mail:
    """One e-mail; `key` identifies it, so that a repeated sending is recognised (it becomes the Message-ID)."""

    key: str
    sender: str
    recipients: tuple[str, ...]
    subject: str
    text: str
    html: str


@dataclass(frozen=True, slots=True)
class Sms:
    """One short message to a phone number."""

    key: str
    phone: str
    text: str


class Mailer(Protocol):
    """Sends mail. Returns what became of it, in words; raises DeliveryFailed when it did not leave."""

    def send(self, mail: Mail) -> str: ...


class SmsSender(Protocol):
    """Sends short messages. Returns what became of it; raises DeliveryFailed."""

    def send(self, sms: Sms) -> str: ...
