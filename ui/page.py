"""What a page says of itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fraudray.ui.room import Room


@dataclass(frozen=True, slots=True)
class Page:
    """A page at an address of its own."""

    path: str
    """What its address ends with: `try` for /try."""
    title: str
    build: Callable[[Room], None]
    """Lays it out, once, when the process starts."""
    in_navigation: bool = True
