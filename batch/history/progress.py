"""How far an import is."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

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


@contextlib.contextmanager
def noted(file: Path, every_s: float = 0.25) -> Iterator[Watch]:
    """Written to a file for another program, in one step: `{"doing", "done", "total"}`. What follows at once upon the
    last writing is left out, unless it is something else that is being done, or its end."""
    draft = file.with_name(file.name + ".new")
    last, next_s = "", 0.0

    def watch(doing: str, done: int, total: int) -> None:
        nonlocal last, next_s
        now_s = time.monotonic()
        if doing == last and done < total and now_s < next_s:
            return
        last, next_s = doing, now_s + every_s
        with contextlib.suppress(OSError):  # what nobody can read must not end what is done
            draft.write_text(json.dumps({"doing": doing, "done": done, "total": total}), encoding="utf-8")
            draft.replace(file)

    yield watch
