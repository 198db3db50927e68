"""Processes by their session: a command that began a session of its own, and everything that it started."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

_PROC = Path("/proc")
_KILL_S = 10.0
_EVERY_S = 0.02


def session_members(session: int) -> list[int]:
    """The living processes of a session; zombies are left out, since they hold nothing any more."""
    found = []
    for entry in _PROC.iterdir():
        if entry.name.isdigit():
            stat = _stat(int(entry.name))
            if stat is not None and int(stat[3]) == session and stat[0] not in ("Z", "X"):
                found.append(int(entry.name))
    return found


def end_session(session: int) -> list[int]:
    """Kill every process of a session, again until none is left: a dying one may have started another. What is left
    after 10 s (in an uninterruptible system call) comes back."""
    deadline = time.monotonic() + _KILL_S
    while (left := session_members(session)) and time.monotonic() < deadline:
        for pid in left:
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(_EVERY_S)
    return left


def started_ticks(pid: int) -> int | None:
    """When a process started, in clock ticks since the machine did; None when there is none. With its id it tells it
    from a later one that was given the same id."""
    stat = _stat(pid)
    return None if stat is None else int(stat[19])


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat from the state (its third) on; a command's name may hold anything."""
    try:
        return (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
