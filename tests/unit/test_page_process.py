"""The page's process: what it is given, and that it comes back and ends with its supervisor."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from fraudray.deployments.page_process import PageLaunch, PageProcess
from fraudray.deployments.processes import find_marked, kill_marked, run_marker

WAIT_S = 60


def until(holds: Callable[[], bool]) -> None:
    give_up_at = time.monotonic() + WAIT_S
    while not holds():
        assert time.monotonic() < give_up_at
        time.sleep(0.05)


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PageProcess:
    """A page whose API is nowhere, in an environment that holds secrets."""
    monkeypatch.setenv("FRAUDRAY_API_KEY", "hush-hush")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush-hush")
    monkeypatch.setenv("RAY_AUTH_TOKEN", "hush-hush")
    launch = PageLaunch("/fraud", ("localhost",))
    return PageProcess(launch, api="http://127.0.0.1:9", port=0, data_dir=tmp_path, log_file=tmp_path / "page.log")


def test_it_is_given_no_secret_and_comes_back_when_it_ends(page: PageProcess, tmp_path: Path) -> None:
    marker = run_marker(tmp_path)
    page.start()
    try:
        until(lambda: bool(find_marked(marker)))
        (first,) = find_marked(marker)
        environment = first.environ()
        assert [name for name, value in environment.items() if "hush-hush" in value] == []
        assert json.loads(first.cmdline()[-1])["root_path"] == "/fraud"
        os.kill(first.pid, signal.SIGKILL)
        until(lambda: [found.pid for found in find_marked(marker)] not in ([], [first.pid]))
        assert "exit code -9" in (tmp_path / "page.log").read_text()
    finally:
        page.stop()
        kill_marked(marker)
    assert find_marked(marker) == []


SUPERVISOR = """
import sys, time
from pathlib import Path
from fraudray.deployments.page_process import PageLaunch, PageProcess
folder = Path(sys.argv[1])
PageProcess(PageLaunch(), api="http://127.0.0.1:9", port=0, data_dir=folder, log_file=folder / "log").start()
time.sleep(600)
"""


@pytest.mark.slow
def test_it_ends_when_its_supervisor_is_killed(tmp_path: Path) -> None:
    marker = run_marker(tmp_path)
    supervisor = subprocess.Popen([sys.executable, "-c", SUPERVISOR, str(tmp_path)])
    try:
        until(lambda: bool(find_marked(marker)))
        supervisor.kill()
        supervisor.wait()
        until(lambda: find_marked(marker) == [])
    finally:
        supervisor.kill()
        kill_marked(marker)
