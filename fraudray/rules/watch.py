"""Changing the policy without a restart: files that changed, versions that are promoted or rolled back.

A file that cannot be used leaves the last good policy in force, and says so. What wins says `fraudray.rules.standing`.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from fraudray.domain.errors import PolicyError, Refused
from fraudray.domain.policy_version import ActKind, PolicyAct, PolicyVersion
from fraudray.engine import Engine
from fraudray.in_force import Rules
from fraudray.policy.book import PolicyBook, Stamp, describe, stamp
from fraudray.policy.policy import Policy
from fraudray.ports.clock import Clock
from fraudray.ports.ledger import AuditNote
from fraudray.rules.shelf import ToolShelf
from fraudray.rules.standing import Place, Standing, wanted_before

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
    """Looks for changed policy files, loads them on request, and puts versions in force. Thread-safe."""

    def __init__(
        self,
        path: Path | None,
        engine: Engine,
        shelf: ToolShelf,
        rules: Rules,
        *,
        files: PolicyBook,
        standing: Standing,
        note: Callable[[AuditNote, datetime], None],
        clock: Clock,
    ) -> None:
        """Watch what `files` came from: the policy or book at `path`; the packaged default never changes. `rules` are
        in force: the files, with the versions that stand in their place."""
        self._path, self._engine, self._shelf, self._rules = path, engine, shelf, rules
        self.files, self._standing = files, standing
        self._note, self._clock = note, clock
        self._stamps = files.files
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
            now = _stamps(self._stamps)
            if now == self._stamps and self.problem is None:
                return
            if self._stop.wait(SETTLE_S) or _stamps(self._stamps) != now:
                return
            with suppress(PolicyError):  # said and counted where it was found
                self._load(WATCHER)

    def settle(self) -> None:
        """Record where the files win over a version that was promoted; a server does when it starts."""
        with self._lock:
            self._standing.settle(self.files, actor=WATCHER, at=self._clock.now())

    def place(self, name: str | None = None) -> Place:
        """A policy as it stands, the default one without a name. Raises NotFound."""
        with self._lock:
            return self._place(name)

    def keep(self, name: str) -> PolicyVersion:
        """The version that what is in force of a policy is; kept now where there is none. Raises NotFound."""
        with self._lock:
            return self._standing.keep(self._place(name).policy, self._clock.now())

    def promote(self, name: str | None, number: int, *, reason: str, actor: str, seen: str | None = None) -> Place:
        """Put a version in force from the next transaction on, where what is in force is what the caller has `seen`
        (its tag).

        Raises NotFound, Changed, Refused when it is in force already, PolicyError when it cannot be used, StoreFailed;
        then nothing changes.
        """
        with self._lock:
            place = self._newest(name, seen)
            version = self._standing.load(place.name, number)
            if version.ref.hash == place.policy.ref.hash:
                raise Refused(f"version {number} of {place.name} is in force already")
            return self._put(place, version, number, "promoted", reason, actor)

    def roll_back(self, name: str | None, *, reason: str, actor: str, seen: str | None = None) -> Place:
        """Put in force again what was before. Raises as `promote`, and Refused where there was nothing."""
        with self._lock:
            place = self._newest(name, seen)
            number = wanted_before(place)
            version = self._standing.load(place.name, number)
            return self._put(place, version, number, "rolled_back", reason, actor)

    def _place(self, name: str | None) -> Place:
        return self._standing.place(name or self.files.default.document.name, self.files, self._rules.book)

    def _newest(self, name: str | None, seen: str | None) -> Place:
        """The same once changed files are taken up. Raises Changed where the caller has not seen what is in force."""
        if _stamps(self._stamps) != self._stamps:
            with suppress(PolicyError):  # said and counted where it was found
                self._load(WATCHER)
        self._standing.settle(self.files, actor=WATCHER, at=self._clock.now())
        place = self._place(name)
        place.check(seen)
        return place

    def _put(self, place: Place, version: Policy, number: int, kind: ActKind, reason: str, actor: str) -> Place:
        now, name = self._clock.now(), place.name
        book = self._rules.book.replacing({name: version})
        self._check_currency(book)
        rules = self._shelf.rules(book)
        act = PolicyAct(
            name=name, seq=place.seq + 1, kind=kind, number=number, over=place.over, author=actor, at=now, reason=reason
        )
        self._standing.put(place, act, now)
        self._use(rules)
        return self._place(name)

    def _load(self, actor: str) -> PolicyBook:
        now = self._clock.now()
        try:
            files = PolicyBook.load(self._path)
            self._check_currency(files)
            book = self._standing.over(files)
            rules = self._shelf.rules(book)
        except PolicyError as error:
            self._refused(error, actor, now)
            raise
        self._standing.settle(files, actor=actor, at=now)
        document = describe(book)
        if document != describe(self._rules.book):
            self._note(AuditNote("policy_loaded", book.default.ref.name, actor, document), now)
            self._use(rules)
        self.files, self._stamps, self.problem = files, files.files, None
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
