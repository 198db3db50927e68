"""A real PostgreSQL server, as Debian and most systems install it: started on a free port, in a folder of its own."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest

START_S_MAX = 30
GUARDED = "guarded"
"""The one role that needs a password; a test makes it."""
MISSING = "PostgreSQL is not installed: sudo apt-get install postgresql"


def programs() -> Path | None:
    """The folder of the newest installed server's programs."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    named = shutil.which("postgres")
    return found[-1].parent if found else Path(named).resolve().parent if named else None


def _as_postgres() -> dict[str, Any]:
    """How to start its programs: they refuse to run as root."""
    if os.geteuid() != 0:
        return {"cwd": "/"}
    return {"user": "postgres", "group": "postgres", "extra_groups": [], "cwd": "/"}


@dataclass
class Postgres:
    """One server process; `kill` and `start` make it fail and come back on the same data."""

    programs: Path
    folder: Path
    port: int
    _process: subprocess.Popen[bytes] | None = None
    _numbers: Any = field(default_factory=lambda: count(1))

    @classmethod
    def make(cls) -> Postgres:
        """An initialised, running server; skips the test where none is installed."""
        found = programs()
        if found is None:
            pytest.skip(MISSING)
        folder = Path(tempfile.mkdtemp(prefix="fraudray-postgres-"))
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres", "postgres")
        command = [found / "initdb", "-D", folder / "data", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-sync"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, **_as_postgres())
        rules = folder / "data" / "pg_hba.conf"
        rules.write_text(f"host all {GUARDED} 127.0.0.1/32 scram-sha-256\n" + rules.read_text())
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            server = cls(found, folder, probe.getsockname()[1])
        server.start()
        return server

    def start(self) -> None:
        """Start it and wait until it answers."""
        self._process = subprocess.Popen(
            [
                self.programs / "postgres", "-D", self.folder / "data", "-p", str(self.port), "-k", self.folder,
                "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "max_connections=200",
            ],
            stdout=subprocess.DEVNULL, stderr=(self.folder / "log").open("ab"), **_as_postgres(),
        )  # fmt: skip
        give_up_at = time.monotonic() + START_S_MAX
        while True:
            try:
                psycopg.connect(self.url("postgres"), connect_timeout=5).close()
                return
            except psycopg.OperationalError:
                if self._process.poll() is not None or time.monotonic() > give_up_at:
                    raise
                time.sleep(0.02)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop it: SIGINT breaks off all sessions, SIGQUIT is a crash."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(START_S_MAX)
            self._process = None

    def remove(self) -> None:
        """Stop it and remove its data."""
        self.stop()
        shutil.rmtree(self.folder)

    def url(self, database: str, user: str = "postgres") -> str:
        """The address of one of its databases."""
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    def run(self, *statements: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Run statements, each for itself; the rows of the last one."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.cursor()
            for statement in statements:
                cursor.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def new_database(self, options: str = "") -> str:
        """An empty database; its address."""
        name = f"test_{next(self._numbers)}"
        self.run(f"CREATE DATABASE {name} {options}")
        return self.url(name)
