"""How far an import is."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator

Watch = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and how much there is (0 when that is not known)."""


def unwatched(_doing: str, _done: int, _total: int) -> None:
    """Nobody watches."""


@contextlib.contextmanager
def bars() -> Iterator[Watch]:
    """A bar on stderr for each thing that is being done, when a terminal watches."""
    if not sys.stderr.isatty():
        yield unwatched
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        tasks: dict[str, TaskID] = {}

        def watch(doing: str, done: int, total: int) -> None:
            if doing not in tasks:
                tasks[doing] = progress.add_task(doing, total=total or None)
            progress.update(tasks[doing], completed=done, total=max(done, total) or None)

        yield watch
