"""Live: what is decided right now, how fast, and whether everything is well."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fraudray.ui.page import Page
from fraudray.ui.room import Room
from fraudray.ui.templates import render
from fraudray.ui.views.live import live_view
from fraudray.ui.visit import Visit


def build(room: Room) -> None:
    """One place that is filled anew every few seconds."""
    room.place("live-head", render("live/head.html"))
    now = room.place("live-now")
    room.on_open(standing, [now])
    room.action("live-look", look, [now], replaces=True)


def standing(visit: Visit) -> str:
    """How things stand."""
    with visit.client() as client:
        return render("live/now.html", view=live_view(client.live()))


def look(visit: Visit, _message: Mapping[str, Any]) -> str:
    """The same again."""
    return standing(visit)


PAGE = Page("live", "Live", build)
