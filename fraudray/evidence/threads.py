"""Threads that ask a slow tool. Unlike those of the standard library they never keep a process from ending."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

_Work = tuple[Future[Any], Callable[..., Any], tuple[Any, ...]]


class TooBusy(Exception):
    """All threads are taken and enough is waiting for them."""


class AskingThreads:
    """At most `size` daemon threads, started as they are needed, with `waiting_max` questions waiting for them."""

    def __init__(self, name: str, *, size: int, waiting_max: int) -> None:
        self._name, self._size, self._waiting_max = name, size, waiting_max
        self._waiting: deque[_Work] = deque()
        self._changed = threading.Condition()
        self._started = self._idle = 0
        self._closed = False

    def submit(self, ask: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Ask in a thread. Raises TooBusy."""
        answer: Future[Any] = Future()
        with self._changed:
            if self._closed:
                raise TooBusy("its policy is no longer in force")
            if len(self._waiting) >= self._waiting_max:
                raise TooBusy(f"{self._size} questions are unanswered and {self._waiting_max} wait")
            self._waiting.append((answer, ask, arguments))
            if len(self._waiting) > self._idle and self._started < self._size:
                self._started += 1
                threading.Thread(target=self._work, name=self._name, daemon=True).start()
            else:
                self._changed.notify()
        return answer

    def close(self) -> None:
        """Let every thread end once it has its answer; what waits is not asked any more."""
        with self._changed:
            self._closed = True
            for answer, _, _ in self._waiting:
                answer.cancel()
            self._waiting.clear()
            self._changed.notify_all()

    def _next(self) -> _Work | None:
        with self._changed:
            self._idle += 1
            self._changed.wait_for(lambda: self._waiting or self._closed)
            self._idle -= 1
            return self._waiting.popleft() if self._waiting else None

    def _work(self) -> None:
        while (work := self._next()) is not None:
            answer, ask, arguments = work
            if answer.set_running_or_notify_cancel():
                try:
                    answer.set_result(ask(*arguments))
                except BaseException as error:
                    answer.set_exception(error)
            del work, answer, ask, arguments  # an idle thread keeps no transaction alive
