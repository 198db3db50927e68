"""Changing the policy without a restart. A file that cannot be used leaves the last good one in force, and says so."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from fraudray.domain.errors import FraudrayError, PolicyError
from fraudray.engine import Engine, Rules
from fraudray.policy.book import PolicyBook
from fraudray.ports.clock import Clock
from fraudray.ports.ledger import AuditNote
from fraudray.rules.shelf import ToolShelf

log = logging.getLogger(__name__)
SETTLE_S = 0.1
"""A file that is still being written changes within this time."""
RETIRE_AFTER_S = 3.0
"""Tools of the policy before are closed when decisions under way have ended."""
WATCHER = "policy-watch"


@dataclass(frozen=True, slots=True)
class PolicyProblem:
    """Why the files on disk are not in force, and since when."""

    error: PolicyError
    since: datetime

    def document(self) -> dict[str, Any]:
        """As JSON-ready values."""
        error = self.error
        return {
            "message": error.message, "file": str(error.file), "rule": error.rule, "line": error.line,
            "column": error.column, "since": self.since.isoformat(),
        }  # fmt: skip


class PolicyWatch:
    """Looks for changed policy files, and loads them on request. Thread-safe."""

    def __init__(
        self,
        path: Path | None,
        engine: Engine,
        shelf: ToolShelf,
        rules: Rules,
        *,
        note: Callable[[AuditNote, datetime], None],
        clock: Clock,
        every_s: float,
    ) -> None:
        """Watch what `rules` came from: the policy or book at `path`; the packaged default never changes."""
        self._path, self._engine, self._shelf, self._rules = path, engine, shelf, rules
        self._note, self._clock, self._every_s = note, clock, every_s
        self._seen = _fingerprint(rules.book.files)
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="fraudray-policy", daemon=True)
        self.problem: PolicyProblem | None = None
        self.loads = {"loaded": 0, "refused": 0}

    def start(self) -> None:
        """Begin to look, where there is something to look at."""
        if self._path is not None and self._every_s:
            self._thread.start()

    def close(self) -> None:
        """Stop looking."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def reload(self, *, actor: str) -> PolicyBook:
        """Load the files now. Raises PolicyError; then the policies in force stay."""
        with self._lock:
            return self._load(actor)

    def look(self) -> None:
        """Load the files if they changed, or could not be used the last time."""
        with self._lock:
            now = _fingerprint(self._rules.book.files)
            if now == self._seen and self.problem is None:
                return
            if self._stop.wait(SETTLE_S) or _fingerprint(self._rules.book.files) != now:
                return
            with suppress(PolicyError):  # said and counted where it was found
                self._load(WATCHER)

    def _load(self, actor: str) -> PolicyBook:
        now = self._clock.now()
        try:
            book = PolicyBook.load(self._path)
            self._check_currency(book)
            rules = self._shelf.rules(book)
        except PolicyError as error:
            self._refused(error, now)
            raise
        before, self._rules, self.problem = self._rules, rules, None
        self._seen = _fingerprint(book.files)
        if {p.ref for p in book} == {p.ref for p in before.book} and book.choices == before.book.choices:
            return self._engine.book
        self._engine.use(rules)
        self.loads["loaded"] += 1
        retire = threading.Timer(RETIRE_AFTER_S, self._shelf.retire, (rules,))
        retire.daemon = True
        retire.start()
        names = ", ".join(f"{policy.ref.name} {policy.ref.version}" for policy in book)
        log.warning("policy loaded: %s", names)
        for policy in book:
            body = {"version": policy.ref.version, "hash": policy.ref.hash}
            self._note(AuditNote("policy_loaded", policy.ref.name, actor, body), now)
        return book

    def _check_currency(self, book: PolicyBook) -> None:
        base = self._engine.policy.document.base_currency
        other = book.default.document.base_currency
        if other != base:
            message = (
                f"the base currency is {other}, but what is known of customers is in {base}: use another data folder"
            )
            raise book.default.source.error(message, ("base_currency",))

    def _refused(self, error: PolicyError, now: datetime) -> None:
        if self.problem is None or str(self.problem.error) != str(error):
            self.loads["refused"] += 1
            log.error("the changed policy is not used, the last good one stays in force: %s", error)
            self.problem = PolicyProblem(error, now)

    def _loop(self) -> None:
        while not self._stop.wait(self._every_s):
            try:
                self.look()
            except (FraudrayError, OSError) as error:
                log.error("the policy cannot be looked at: %s", error)


def _fingerprint(files: tuple[Path, ...]) -> tuple[tuple[int, int, int] | None, ...]:
    """What changes when a file is written or replaced."""
    return tuple(_stat(file) for file in files)


def _stat(file: Path) -> tuple[int, int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
