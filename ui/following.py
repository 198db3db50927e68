"""An investigation followed while it goes on: read as fast as it comes, shown as often as it can be read."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

from fraudray.ui.views.investigation import InvestigationView, after

SHOW_EVERY_S = 0.15
Event = Mapping[str, Any]


def views_of(events: Iterable[Event], *, show_every_s: float = SHOW_EVERY_S) -> Iterator[InvestigationView]:
    """The investigation after its events so far, whenever there are new ones; at its end as a whole.

    What arrives within `show_every_s` is shown together, and never later than that, however long the next event takes.
    Raises what `events` raises, after what came before it.
    """
    arrived: SimpleQueue[Event | BaseException | None] = SimpleQueue()
    Thread(target=_read, args=(events, arrived), name="following", daemon=True).start()
    view = InvestigationView()
    while True:
        found, show_at = arrived.get(), time.monotonic() + show_every_s
        while isinstance(found, Mapping):
            view = after(view, found)
            try:
                found = arrived.get(timeout=max(0.0, show_at - time.monotonic()))
            except Empty:
                break
        yield view
        if found is None:
            return
        if isinstance(found, BaseException):
            raise found


def _read(events: Iterable[Event], arrived: SimpleQueue[Event | BaseException | None]) -> None:
    try:
        for event in events:
            arrived.put(event)
    except BaseException as error:  # for whoever follows
        arrived.put(error)
    else:
        arrived.put(None)
