"""Who is told how far a copy or an upload is."""

from __future__ import annotations

import threading
import time
from typing import Protocol

from fraudray.cli.exits import say

REPORT_S = 10.0


class Progress(Protocol):
    """Who is told how far it is."""

    def say(self, line: str) -> None:
        """Something that happens once."""

    def begin(self, total_bytes: int) -> None:
        """How much there is to do."""

    def add(self, size_bytes: int) -> None:
        """So many bytes more are there; fewer than none where some are sent again."""


class Lines:
    """Progress as lines on stderr, one every ten seconds at most."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._total = self._done = 0
        self._began = self._told = time.monotonic()

    def say(self, line: str) -> None:
        say(line)

    def begin(self, total_bytes: int) -> None:
        self._total = total_bytes
        self._began = self._told = time.monotonic()
        say(f"{total_bytes / 1e9:,.2f} GB to copy")

    def add(self, size_bytes: int) -> None:
        with self._lock:
            self._done += size_bytes
            now = time.monotonic()
            if now - self._told < REPORT_S:
                return
            self._told = now
        rate = self._done / (now - self._began) / 1e9
        say(f"{self._done / 1e9:,.2f} of {self._total / 1e9:,.2f} GB, {rate:,.2f} GB/s")
