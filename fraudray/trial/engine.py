"""The real engine on memory: what a policy would decide. No database, nothing is sent, nothing stays."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from types import TracebackType
from typing import Self

from fraudray.answer import Answer, Outlook
from fraudray.domain.customer import CustomerProfile
from fraudray.domain.transaction import Transaction
from fraudray.engine import Engine
from fraudray.evidence.context import Reference
from fraudray.policy.book import PolicyBook
from fraudray.rules.shelf import ToolShelf
from fraudray.settings import Settings
from fraudray.testing.clock import CountingIds, FixedClock
from fraudray.testing.memory_ledger import MemoryLedger

TOOLS_LIMIT_S = 10.0
"""A trial is the same on a slow machine; the tools of others keep the limits of their own."""


class Trials:
    """A book with its tools, ready for as many trials as are wanted. A context manager."""

    def __init__(self, book: PolicyBook, reference: Reference, settings: Settings) -> None:
        """Raises PolicyError when evidence that a policy names cannot be set up."""
        self.book = book
        self._reference = reference
        self._shelf = ToolShelf(settings)
        try:
            self._rules = self._shelf.rules(book)
        except BaseException:
            self._shelf.close()
            raise

    def begin(
        self, customers: Iterable[CustomerProfile] = (), *, start: datetime, remember_max: int | None = None
    ) -> Trial:
        """A trial on an empty store with these customers, from the moment `start`. With `remember_max` only so many
        decisions are kept to know a transaction again; of customers it keeps what the engine itself does."""
        clock, ledger = FixedClock(start), MemoryLedger(list(customers), remember_max=remember_max)
        engine = Engine(
            self._rules, ledger, self._reference, clock=clock, ids=CountingIds(), tools_limit_s=TOOLS_LIMIT_S
        )
        return Trial(engine, clock)

    def close(self) -> None:
        """Close the tools that the policies brought."""
        self._shelf.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Trial:
    """One run of transactions. The first arrives at its timestamp, or where it has none when the trial starts; each
    other at its own, or with the one before, but never earlier."""

    def __init__(self, engine: Engine, clock: FixedClock) -> None:
        self._engine, self._clock, self._begun = engine, clock, False

    def wait(self, duration: timedelta) -> None:
        """Let time pass."""
        self._clock.moment += duration

    def decide(self, tx: Transaction) -> Answer:
        """Decide as the engine does, and remember. Raises as `Engine.decide` does."""
        self._arrives(tx)
        return self._engine.submit(tx).result()

    def look(self, tx: Transaction) -> Outlook:
        """What it would get now; nothing is remembered."""
        self._arrives(tx)
        return self._engine.preview(tx)

    def _arrives(self, tx: Transaction) -> None:
        if tx.timestamp is not None:
            self._clock.moment = max(self._clock.moment, tx.timestamp) if self._begun else tx.timestamp
        self._begun = True
