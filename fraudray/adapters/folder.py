"""The embedded default: mails and SMS as files in a folder."""

from __future__ import annotations

import os
from pathlib import Path

from fraudray.adapters.mime import compose, digest
from fraudray.domain.errors import DeliveryFailed
from fraudray.ports.messages import Mail, Sms


class FolderMailer:
    """Writes each mail as an .eml file; sending the same again replaces it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def send(self, mail: Mail) -> str:
        """Writes and says so. Raises DeliveryFailed when the folder cannot be written."""
        path = _write(self._folder, digest(mail.key) + ".eml", compose(mail).as_bytes())
        return f"written to {path} (mail goes to files: FRAUDRAY_MAIL_BY)"


class FolderSms:
    """Writes each SMS as a text file with its number."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def send(self, sms: Sms) -> str:
        """Writes and says so. Raises DeliveryFailed when the folder cannot be written."""
        content = f"To: {sms.phone}\r\n\r\n{sms.text}\r\n".encode()
        path = _write(self._folder, digest(sms.key) + ".sms", content)
        return f"written to {path} (SMS go to files: FRAUDRAY_SMS_BY)"


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
