"""The lock on a folder that several hosts mount."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fraudray.deployments.model_sync.errors import SyncFailed
from fraudray.deployments.model_sync.lock import NAME, STALE_S, FolderLock
from fraudray.domain.errors import Refused


def lock(folder: Path, *, wait_s: float = 0) -> FolderLock:
    return FolderLock(folder, wait_s=wait_s, say=lambda _: None)


def left_by(folder: Path, *, host: str, pid: int, age_s: float) -> None:
    path = folder / NAME
    path.write_text(json.dumps({"host": host, "pid": pid, "token": "0123456789abcdef"}))
    os.utime(path, (path.stat().st_mtime - age_s,) * 2)


def test_it_is_held_once_and_free_again_afterwards(tmp_path: Path) -> None:
    with lock(tmp_path), pytest.raises(Refused, match=f"process {os.getpid()} on {socket.gethostname()}"):
        held_elsewhere(tmp_path)
    with lock(tmp_path) as again:
        again.check()
    assert list(tmp_path.iterdir()) == []


def held_elsewhere(folder: Path) -> None:
    """Try it from a process of its own; its refusal is raised here."""
    script = (
        "import sys; from pathlib import Path; from fraudray.deployments.model_sync.lock import FolderLock\n"
        "FolderLock(Path(sys.argv[1]), wait_s=0, say=print).__enter__()"
    )
    ran = subprocess.run([sys.executable, "-c", script, folder], capture_output=True, text=True, check=False)
    if ran.returncode:
        raise Refused(ran.stderr.strip().splitlines()[-1])


def test_a_host_that_gave_a_sign_of_life_within_the_minute_keeps_it(tmp_path: Path) -> None:
    left_by(tmp_path, host="another-node", pid=1, age_s=STALE_S - 15)
    with pytest.raises(Refused, match="process 1 on another-node"):
        lock(tmp_path).__enter__()
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


def test_a_host_that_gave_none_for_longer_loses_it(tmp_path: Path) -> None:
    left_by(tmp_path, host="another-node", pid=1, age_s=STALE_S + 5)
    with lock(tmp_path) as taken:
        taken.check()


def test_a_process_of_this_host_that_is_gone_loses_it_at_once(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    left_by(tmp_path, host=socket.gethostname(), pid=gone.pid, age_s=0)
    with lock(tmp_path):
        pass


def test_a_container_that_was_started_again_takes_its_own_back(tmp_path: Path) -> None:
    left_by(tmp_path, host=socket.gethostname(), pid=os.getpid(), age_s=0)
    with lock(tmp_path):
        pass


def test_who_lost_it_finds_out_and_leaves_the_new_one_alone(tmp_path: Path) -> None:
    with lock(tmp_path) as slept:
        left_by(tmp_path, host="another-node", pid=1, age_s=0)
        with pytest.raises(SyncFailed, match="taken over"):
            slept.check()
    assert json.loads((tmp_path / NAME).read_text())["host"] == "another-node"


def test_its_holder_gives_signs_of_life(tmp_path: Path) -> None:
    path = tmp_path / NAME
    with FolderLock(tmp_path, wait_s=0, say=lambda _: None, beat_s=0.01):
        os.utime(path, (0, 0))
        give_up_at = time.monotonic() + 30
        while path.stat().st_mtime == 0:
            assert time.monotonic() < give_up_at


def test_a_lock_that_cannot_be_read_goes_by_its_age(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text("{")
    with pytest.raises(Refused, match="an unknown host"):
        lock(tmp_path).__enter__()
    os.utime(tmp_path / NAME, (0, 0))
    with lock(tmp_path):
        pass
