"""Whose turn it is among the tools' own processes that share one data folder."""

from __future__ import annotations

import fcntl
import os
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fraudray.adapters.sql.ownership import OwnerLock
from fraudray.domain.errors import SettingsError, StoreInUse

LOCK_NAME = "tools.lock"


@contextmanager
def taking_turns(folder: Path, *, give_up_at: float) -> Iterator[None]:
    """Let one call of all processes at the data folder; the others wait cheaply, until `give_up_at` (monotonic).

    Raises StoreInUse, or SettingsError when the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise SettingsError(f"cannot write in the data folder {folder}: {error.strerror}") from None
    try:
        while not _locked(descriptor):
            if time.monotonic() >= give_up_at:
                raise StoreInUse(f"other tool calls keep the data folder {folder} busy")
            pause()
        yield
    finally:
        os.close(descriptor)  # which ends the lock


def refuse_owned(folder: Path) -> None:
    """Raise StoreInUse when a process owns the folder: much quicker to learn than by opening the library."""
    lock = OwnerLock(folder)
    lock.acquire()
    lock.release()


def pause() -> None:
    """Wait a little, not in step with others."""
    time.sleep(random.uniform(0.01, 0.03))  # noqa: S311 - spreads the waiting, keeps no secret


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
