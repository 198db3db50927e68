"""A running server's own token: whoever can read its data folder works beside it without a key.

It is random, lives as long as the run, and lies in a file that only its owner may read (0600).
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

from fraudray.domain.errors import SettingsError

TOKEN_NAME = "server.token"  # noqa: S105 - a file's name


def make_local_token(folder: Path) -> str:
    """Write a new token, in one step, and return it. Raises SettingsError."""
    token = "frl_" + secrets.token_urlsafe(32)
    draft = folder / f"{TOKEN_NAME}.{os.getpid()}"
    try:
        draft.unlink(missing_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(token)
        draft.replace(folder / TOKEN_NAME)
    except OSError as error:
        raise SettingsError(f"cannot write {TOKEN_NAME} in the data folder {folder}: {error.strerror}") from None
    return token


def read_local_token(folder: Path) -> str | None:
    """The token of the server that runs on this folder; None without one, or where it may not be read."""
    with suppress(OSError, UnicodeDecodeError):
        return (folder / TOKEN_NAME).read_text(encoding="ascii").strip() or None
    return None


def remove_local_token(folder: Path) -> None:
    """The run has ended. Quiet when there was no token."""
    (folder / TOKEN_NAME).unlink(missing_ok=True)
