"""The library for read servers in a deployment of their own: the shared store, read beside its owner."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager

from fraudray.bootstrap import App, open_research
from fraudray.domain.errors import Refused, StoreFailed
from fraudray.ports.clock import Clock
from fraudray.ports.research import Research
from fraudray.settings import Settings


class SharedStoreProvider:
    """Keeps the store open between calls, and opens it anew after a failure. Close it."""

    def __init__(self, settings: Settings, *, clock: Clock | None = None) -> None:
        self._settings, self._clock = settings, clock
        self._lock = threading.Lock()
        self._opened: tuple[Research, ExitStack] | None = None

    @contextmanager
    def research(self) -> Iterator[Research]:
        """See `AppProvider.research`. The store may not be there yet when the first calls come."""
        opened = self._open()
        try:
            yield opened[0]
        except StoreFailed:
            self._drop(opened)
            raise

    def app(self, *, delivers: bool = False) -> AbstractContextManager[App]:
        """Raises Refused: only the process that decides holds what is needed to judge a transaction."""
        raise Refused("this tool is answered by the gateway, which owns the store; ask it there")

    def publish(self, app: App, case_id: str, page: Callable[[], bytes], form: str) -> str:
        """Raises Refused: nothing is written here."""
        raise Refused("reports are made by the gateway, which owns the store")

    def check(self) -> None:
        """That a store that was open still answers. Raises StoreFailed."""
        if self._opened is not None:
            with self.research() as research:
                research.customers_of_device("health", days=1, limit=1)

    def close(self) -> None:
        """Let go of the store."""
        opened = self._opened
        if opened is not None:
            self._drop(opened)

    def _open(self) -> tuple[Research, ExitStack]:
        with self._lock:
            if self._opened is None:
                stack = ExitStack()
                self._opened = stack.enter_context(open_research(self._settings, self._clock)), stack
            return self._opened

    def _drop(self, opened: tuple[Research, ExitStack]) -> None:
        with self._lock:
            if self._opened is opened:
                self._opened = None
                opened[1].close()
