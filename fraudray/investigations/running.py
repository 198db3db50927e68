"""What happens on the loop of the investigations, followed from others; and one investigation while it runs."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator
from concurrent.futures import Future

from fraudray.answer import Answer
from fraudray.domain.investigation import Event, Investigation


class Happening:
    """Events of one run. Thread-safe: it happens on one loop and is followed from others."""

    def __init__(self, before: list[Event] | None = None) -> None:
        """`before` is what had happened when it was interrupted."""
        self._events: list[Event] = list(before or [])
        self._over = False
        self._lock = threading.Lock()
        self._listening: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()

    @property
    def last_seq(self) -> int:
        """The number of its newest event."""
        return self._events[-1].seq if self._events else 0

    def happened(self) -> list[Event]:
        """What happened so far."""
        with self._lock:
            return list(self._events)

    def publish(self, event: Event) -> None:
        """It happened."""
        with self._lock:
            self._events.append(event)
            self._wake()

    def end(self) -> None:
        """Nothing more happens."""
        with self._lock:
            self._over = True
            self._wake()

    async def follow(self, after: int) -> AsyncGenerator[Event]:
        """What happened behind event `after`, and what happens."""
        listening = (asyncio.get_running_loop(), asyncio.Event())
        with self._lock:
            self._listening.add(listening)
        try:
            while True:
                listening[1].clear()
                with self._lock:
                    fresh, over = [event for event in self._events if event.seq > after], self._over
                for event in fresh:
                    after = event.seq
                    yield event
                if over and not fresh:
                    return
                if not fresh:
                    await listening[1].wait()
        finally:
            with self._lock:
                self._listening.discard(listening)

    def _wake(self) -> None:
        for loop, event in list(self._listening):
            try:
                loop.call_soon_threadsafe(event.set)
            except RuntimeError:  # its loop is closed: nobody listens there any more
                self._listening.discard((loop, event))


class Running(Happening):
    """One investigation while it runs, and who waits for it."""

    def __init__(self, investigation: Investigation, *, waited_for: bool, before: list[Event] | None = None) -> None:
        super().__init__(before)
        self.investigation, self.waited_for = investigation, waited_for
        self.concluded: Future[Answer | None] = Future()
        """The decision as revised, durable; None where it could not be revised."""

    def end(self) -> None:
        """Nothing more happens; who still waits goes without."""
        if not self.concluded.done():
            self.concluded.set_result(None)
        super().end()
