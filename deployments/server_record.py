"""One server per data folder: a lock held while it runs, and a record of where it is reached.

`server.lock` is locked (flock) by the supervisor for as long as it lives; the system releases it even after `kill -9`.
`server.json` names the running server and appears only once it answers, so that a command line beside it finds it.
`server.token` goes with it: it opens the server to whoever can read the folder (`fraudray.adapters.local_token`).
"""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from fraudray.adapters.local_token import remove_local_token
from fraudray.deployments.processes import is_alive

LOCK_NAME = "server.lock"
RECORD_NAME = "server.json"


@dataclass(frozen=True, slots=True)
class ServerRecord:
    """A server that answers: its supervisor's process id and creation time, its address, when it became ready.

    Times are Unix seconds.
    """

    pid: int
    pid_created_at: float
    url: str
    started_at: float


class DataFolderBusyError(Exception):
    """Another server holds this data folder; `pid` is its supervisor's, or None while that is not yet written."""

    def __init__(self, pid: int | None) -> None:
        super().__init__(f"another server (process {pid}) holds this data folder")
        self.pid = pid


@contextmanager
def hold_data_folder(data_dir: Path) -> Iterator[None]:
    """Hold `data_dir` for this process. Raises DataFolderBusyError when another one does, OSError when unwritable."""
    descriptor = os.open(data_dir / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            text = os.read(descriptor, 32).decode("ascii", "replace").strip()
            raise DataFolderBusyError(int(text) if text.isdigit() else None) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        remove_server_record(data_dir)  # of a run that was killed
        try:
            yield
        finally:
            remove_server_record(data_dir)
    finally:
        os.close(descriptor)


def write_server_record(data_dir: Path, url: str) -> None:
    """Say, atomically, that this process serves `data_dir` at `url` and is ready."""
    pid = os.getpid()
    record = ServerRecord(pid, psutil.Process(pid).create_time(), url, time.time())
    partial = data_dir / f"{RECORD_NAME}.{pid}"
    partial.write_text(json.dumps(asdict(record)), encoding="utf-8")
    partial.replace(data_dir / RECORD_NAME)


def remove_server_record(data_dir: Path) -> None:
    """Say that no server is to be reached any more, and end its token. Quiet when none was."""
    remove_local_token(data_dir)
    (data_dir / RECORD_NAME).unlink(missing_ok=True)


def read_server_record(data_dir: Path) -> ServerRecord | None:
    """The server that answers for `data_dir` now, or None. A record whose process is gone counts as none."""
    try:
        record = ServerRecord(**json.loads((data_dir / RECORD_NAME).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return record if is_alive(record.pid, record.pid_created_at) else None
