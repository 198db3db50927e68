"""Changing the policy without a restart. A file that cannot be used leaves the last good one in force, and says so."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from fraudray.domain.errors import PolicyError
from fraudray.engine import Engine
from fraudray.in_force import Rules
from fraudray.policy.book import PolicyBook, Stamp, describe, stamp
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
        return self.error.members | {"since": self.since.isoformat()}


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
    ) -> None:
        """Watch what `rules` came from: the policy or book at `path`; the packaged default never changes."""
        self._path, self._engine, self._shelf, self._rules = path, engine, shelf, rules
        self._note, self._clock = note, clock
        self._files = rules.book.files
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._retiring: threading.Timer | None = None
        self.problem: PolicyProblem | None = None
        self.loads = {"loaded": 0, "refused": 0}

    def close(self) -> None:
        """Take nothing up any more; a look under way ends soon."""
        self._stop.set()
        if self._retiring is not None:
            self._retiring.cancel()

    def reload(self, *, actor: str) -> PolicyBook:
        """Load the files now. Raises PolicyError, and StoreFailed when the audit trail does not take it; then the
        policies in force stay."""
        with self._lock:
            return self._load(actor)

    def look(self) -> None:
        """Load the files if they changed, or could not be used the last time."""
        with self._lock:
            now = _stamps(self._files)
            if now == self._files and self.problem is None:
                return
            if self._stop.wait(SETTLE_S) or _stamps(self._files) != now:
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
            self._refused(error, actor, now)
            raise
        document = describe(book)
        if document != describe(self._rules.book):
            self._note(AuditNote("policy_loaded", book.default.ref.name, actor, document), now)
            self._use(rules)
        self._files, self.problem = book.files, None
        return self._rules.book

    def _use(self, rules: Rules) -> None:
        self._engine.use(rules)
        self._rules = rules
        self.loads["loaded"] += 1
        names = ", ".join(f"{policy.ref.name} {policy.ref.version} ({policy.ref.hash[:19]})" for policy in rules.book)
        log.warning("policy loaded: %s", names)
        if self._retiring is not None:
            self._retiring.cancel()
        self._retiring = threading.Timer(RETIRE_AFTER_S, self._retire)
        self._retiring.daemon = True
        self._retiring.start()

    def _retire(self) -> None:
        with self._lock:
            self._shelf.retire(self._rules)

    def _check_currency(self, book: PolicyBook) -> None:
        base = self._engine.policy.document.base_currency
        other = book.default.document.base_currency
        if other != base:
            message = (
                f"the base currency is {other}, but what is known of customers is in {base}: use another data folder"
            )
            raise book.default.source.error(message, ("base_currency",))

    def _refused(self, error: PolicyError, actor: str, now: datetime) -> None:
        """Told when it is new or was asked for; the watcher would find the same every time it looks."""
        known = self.problem is not None and str(self.problem.error) == str(error)
        if not known:
            self.problem = PolicyProblem(error, now)
        if not known or actor != WATCHER:
            self.loads["refused"] += 1
            log.error("the changed policy is not used, the last good one stays in force: %s", error)


def _stamps(files: Mapping[Path, Stamp]) -> dict[Path, Stamp]:
    return {file: stamp(file) for file in files}
