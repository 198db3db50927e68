"""Find and end the processes of one run, and say who holds a TCP port.

Every process of a run carries the environment variable `FRAUDRAY_RUN=<data folder>`, set before its first program
starts and inherited by everything below it (Ray's daemons and workers, HAProxy). A process is ours when it runs under
our user and its environment holds exactly that value; nothing else is ever signalled.
"""

import contextlib
import ctypes
import errno
import os
import signal
import socket
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil

RUN_MARKER = "FRAUDRAY_RUN"

_COMMAND_CHARS_MAX = 100
_PR_SET_PDEATHSIG = 1  # prctl(2)
_LOOK_AGAIN_AFTER_S = (0.1, 0.2, 0.3, 0.4)


@dataclass(frozen=True, slots=True)
class PortOwner:
    """The process that listens on a port, as far as this user may see it.

    `pid` and `command` are None for another user's process; `run` is the data folder of the fraudray server it belongs
    to, or None.
    """

    pid: int | None
    command: str | None
    run: str | None


def run_marker(data_dir: Path) -> str:
    """The value of `FRAUDRAY_RUN` for the run that owns `data_dir`: its absolute path without links."""
    return str(data_dir.resolve())


def find_marked(marker: str) -> list[psutil.Process]:
    """The living processes of this user that carry `marker`, without the calling process.

    Processes that are gone or unreadable meanwhile are left out, as are zombies: they hold nothing any more.
    """
    own_pid, own_uid = os.getpid(), os.getuid()
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid == own_pid or process.uids().real != own_uid:
                continue
            if process.environ().get(RUN_MARKER) == marker and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


def kill_marked(marker: str, *, timeout_s: float = 10.0) -> list[int]:
    """Kill every process that carries `marker` and wait until none is left; returns the ids of those killed.

    Looks again after each round, because a dying supervisor may have just started another process. After `timeout_s`
    seconds (a process in an uninterruptible system call) it gives up; `find_marked` then tells what is left.
    """
    killed: list[int] = []
    deadline = time.monotonic() + timeout_s
    while (left := find_marked(marker)) and time.monotonic() < deadline:
        for process in left:
            with contextlib.suppress(psutil.Error):
                process.kill()
                killed.append(process.pid)
        psutil.wait_procs(left, timeout=1.0)
    return sorted(set(killed))


def is_alive(pid: int, created_at: float) -> bool:
    """Whether process `pid` still runs and is the one created at `created_at` (Unix time, seconds), not a later one."""
    try:
        process = psutil.Process(pid)
        return abs(process.create_time() - created_at) < 1.0 and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def port_is_free(host: str, port: int) -> bool:
    """Whether a server could listen on `host`:`port` now. Connections that are just closing do not count.

    Raises OSError for anything but a taken port: a host that is not of this machine, a port that needs more rights.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise
    return True


def first_free_port(host: str, candidates: Iterable[int]) -> int | None:
    """The first of `candidates` that is free on `host`, or None."""
    return next((port for port in candidates if port_is_free(host, port)), None)


def port_owner(port: int) -> PortOwner:
    """Who listens on `port`, on any address of this machine. All fields are None when the system does not tell.

    Each process is asked for its own sockets, and at once who it is: several may share one, and some of those in a list
    of all sockets may have ended since, as HAProxy's do when it takes a change. The one that follows them may have
    started after the look began, so where none is found it looks again, for about a second in all.
    """
    for pause_s in (*_LOOK_AGAIN_AFTER_S, None):
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                sockets = process.net_connections(kind="tcp")
                if any(one.status == psutil.CONN_LISTEN and one.laddr and one.laddr.port == port for one in sockets):
                    if not (command := " ".join(process.cmdline())):
                        continue  # it is just ending: its memory is gone before its sockets are
                    return PortOwner(process.pid, command[:_COMMAND_CHARS_MAX], process.environ().get(RUN_MARKER))
        if pause_s is not None:
            time.sleep(pause_s)
    return PortOwner(None, None, None)


def end_with_parent(parent_pid: int) -> bool:
    """Have the kernel send SIGTERM to this process when its parent ends (Linux); False when it has ended already."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    return os.getppid() == parent_pid
