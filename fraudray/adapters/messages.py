"""Mail by SMTP, and the embedded default: RFC 5322 files in a folder."""

from __future__ import annotations

import hashlib
import os
import smtplib
import ssl
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

from fraudray.domain.errors import DeliveryFailed
from fraudray.ports.messages import Mail, Sms


def compose(mail: Mail) -> EmailMessage:
    """The message with a text and an HTML part; its Message-ID follows from the key. Raises DeliveryFailed."""
    message = EmailMessage(policy=SMTP)
    try:
        message["From"] = mail.sender
        message["To"] = ", ".join(mail.recipients)
        message["Subject"] = mail.subject
        message["Message-ID"] = f"<{_digest(mail.key)}@fraudray>"
        message["X-Fraudray-Key"] = mail.key
    except (ValueError, IndexError) as error:
        raise DeliveryFailed(f"the message cannot be written: {error}", permanent=True) from None
    message.set_content(mail.text)
    message.add_alternative(mail.html, subtype="html")
    return message


class FolderMailer:
    """Writes each mail as an .eml file; sending the same again replaces it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def send(self, mail: Mail) -> str:
        """Writes and says so. Raises DeliveryFailed when the folder cannot be written."""
        path = _write(self._folder, _digest(mail.key) + ".eml", compose(mail).as_bytes())
        return f"written to {path} (no SMTP server is set)"


class FolderSms:
    """Writes each SMS as a text file with its number."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def send(self, sms: Sms) -> str:
        """Writes and says so. Raises DeliveryFailed when the folder cannot be written."""
        content = f"To: {sms.phone}\r\n\r\n{sms.text}\r\n".encode()
        path = _write(self._folder, _digest(sms.key) + ".sms", content)
        return f"written to {path} (no SMS service is set)"


class SmtpMailer:
    """Sends by an SMTP server (RFC 5321), with STARTTLS and login when set."""

    def __init__(
        self, host: str, port: int, *, starttls: bool, user: str | None, password: str | None, timeout_s: float
    ) -> None:
        self._host, self._port, self._starttls = host, port, starttls
        self._user, self._password, self._timeout_s = user, password, timeout_s

    def send(self, mail: Mail) -> str:
        """Sends to all recipients or fails; 5xx answers are permanent."""
        message = compose(mail)
        try:
            with smtplib.SMTP(self._host, self._port, timeout=self._timeout_s) as server:
                if self._starttls:
                    server.starttls(context=ssl.create_default_context())
                if self._user is not None:
                    server.login(self._user, self._password or "")
                refused = server.send_message(message)
        except smtplib.SMTPRecipientsRefused as error:
            permanent = all(code >= 500 for code, _ in error.recipients.values())
            raise DeliveryFailed("the SMTP server refused every recipient", permanent=permanent) from None
        except smtplib.SMTPResponseException as error:
            raise DeliveryFailed(
                f"the SMTP server answered {error.smtp_code}: {_text(error.smtp_error)}",
                permanent=error.smtp_code >= 500,
            ) from None
        except (OSError, smtplib.SMTPException) as error:
            raise DeliveryFailed(f"SMTP server {self._host}:{self._port}: {error}") from None
        if refused:
            raise DeliveryFailed(f"the SMTP server refused {len(refused)} of {len(mail.recipients)} recipients")
        return f"sent to {len(mail.recipients)} recipient(s) by {self._host}"


def _text(value: bytes | str) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:32]


def _write(folder: Path, name: str, content: bytes) -> Path:
    """Write a private file atomically."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = folder / f".{name}.new"
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        draft.replace(folder / name)
    except OSError as error:
        raise DeliveryFailed(f"cannot write into the outbox folder {folder}: {error.strerror}") from None
    return folder / name
