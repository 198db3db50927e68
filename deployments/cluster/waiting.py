"""Waiting for a cluster, with a limit, telling what for."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from fraudray.cli.exits import say
from fraudray.domain.errors import FraudrayError

Look = Callable[[], str | None]
"""Says what is still waited for; None when there is nothing more."""
Tell = Callable[[str], None]


class NotInTime(FraudrayError):
    """What was waited for did not come in time. What was begun goes on without us."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long, and how often is looked. `pause` passes seconds."""

    limit_s: float
    every_s: float = 5.0
    pause: Callable[[float], None] = time.sleep

    def wait(self, look: Look, tell: Tell) -> None:
        """Until `look` has nothing more to wait for. Looks once at least. Raises NotInTime with its last words."""
        waited_s = 0.0
        while (left := look()) is not None:
            if waited_s >= self.limit_s:
                raise NotInTime(f"not there after {self.limit_s:.0f} s: {left}")
            tell(left)
            pause_s = min(self.every_s, self.limit_s - waited_s)
            self.pause(pause_s)
            waited_s += pause_s


@contextmanager
def telling() -> Iterator[Tell]:
    """Tells on stderr: as one line that changes where a terminal watches, else as a line for each change."""
    if sys.stderr.isatty():
        from rich.console import Console
        from rich.markup import escape

        from fraudray.cli.text import visible

        with Console(stderr=True, highlight=False).status("looking") as status:
            yield lambda words: status.update(escape(visible(words)))
        return
    last = ""

    def tell(words: str) -> None:
        nonlocal last
        if words != last:
            say(words)
        last = words

    yield tell
