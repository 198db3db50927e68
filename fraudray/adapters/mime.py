"""A mail as an Internet message (RFC 5322), the same for every way of sending it."""

from __future__ import annotations

import hashlib
from email.message import EmailMessage
from email.policy import SMTP

from fraudray.domain.errors import DeliveryFailed
from fraudray.ports.messages import Mail


def compose(mail: Mail) -> EmailMessage:
    """The message with a text and an HTML part; its Message-ID follows from the key. Raises DeliveryFailed."""
    message = EmailMessage(policy=SMTP)
    try:
        message["From"] = mail.sender
        message["To"] = ", ".join(mail.recipients)
        message["Subject"] = mail.subject
        message["Message-ID"] = f"<{digest(mail.key)}@fraudray>"
        message["X-Fraudray-Key"] = mail.key
    except (ValueError, IndexError) as error:
        raise DeliveryFailed(f"the message cannot be written: {error}", permanent=True) from None
    message.set_content(mail.text)
    message.add_alternative(mail.html, subtype="html")
    return message


def digest(key: str) -> str:
    """A short name that follows from a message's key."""
    return hashlib.sha256(key.encode()).hexdigest()[:32]
