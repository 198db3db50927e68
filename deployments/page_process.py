"""The analysts' page beside the server: a process of its own, started again whenever it ends.

It is a client of the API like any other: it gets the API's address and nothing else of this run, no setting, key or
token. It needs no Ray and is no part of being ready.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from fraudray.deployments.processes import RUN_MARKER, run_marker
from fraudray.settings import PREFIX

NOT_INSTALLED = "The page is not installed: pip install 'fraudray[ui]'"
_BACKOFF_S = (0.2, 1.0, 5.0, 30.0)
_STEADY_S = 60.0
"""One that ran so long is started again at once."""
_COMMAND = (sys.executable, "-c", "from fraudray.ui.main import main; main()")


@dataclass(frozen=True, slots=True)
class PageLaunch:
    """How to start the page: the prefix of its paths behind a proxy, and the Host headers that it answers to."""

    root_path: str = ""
    hosts: tuple[str, ...] = ()


def page_is_installed() -> bool:
    """Whether what the page needs is there."""
    return importlib.util.find_spec("gradio") is not None


class PageProcess:
    """Keeps the page's process running until `stop`."""

    def __init__(self, launch: PageLaunch, *, api: str, port: int, data_dir: Path, log_file: Path) -> None:
        """`api` is the address of the API; the page listens on `port` of loopback."""
        config = asdict(launch) | {"api": api, "host": "127.0.0.1", "port": port, "until_eof": True}
        self._command = [*_COMMAND, json.dumps(config)]
        self._environment = _without_secrets(os.environ) | {RUN_MARKER: run_marker(data_dir), "PYTHONUNBUFFERED": "1"}
        self._log_file = log_file
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="page", daemon=True)

    def start(self) -> None:
        """Start it, and return at once."""
        self._thread.start()

    def stop(self) -> None:
        """Start it no more. Whoever ends the run's other processes ends this one too."""
        self._stopping.set()

    def _keep(self) -> None:
        failed = 0
        while not self._stopping.is_set():
            began = time.monotonic()
            with self._log_file.open("ab") as log:
                process = subprocess.Popen(  # noqa: S603 - a fixed command
                    # Its input never has anything and ends with the supervisor, however that ends: then it stops.
                    self._command, env=self._environment, stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT,
                    start_new_session=True,
                )  # fmt: skip
            with process:
                code = process.wait()
            if self._stopping.is_set():
                return
            failed = 0 if time.monotonic() - began > _STEADY_S else failed + 1
            wait_s = _BACKOFF_S[min(failed, len(_BACKOFF_S) - 1)]
            with self._log_file.open("a", encoding="utf-8") as log_text:
                log_text.write(f"the page ended by itself (exit code {code}); started again in {wait_s:g} s\n")
            self._stopping.wait(wait_s)


def _without_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    """The page shows what its visitors may see, each by a key of their own: it is given none."""
    return {n: v for n, v in environment.items() if not n.startswith((PREFIX, "AWS_", "RAY_"))}
