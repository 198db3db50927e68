"""What the page is made of: sections with texts, tables and plots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from markupsafe import Markup


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph."""

    kind: ClassVar = "text"
    text: str
    muted: bool = False


@dataclass(frozen=True, slots=True)
class Points:
    """Sentences, one a line."""

    kind: ClassVar = "points"
    items: Sequence[str]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows whose first cell names them. `words`: how many columns from the left hold words; the others hold figures.
    `folded`: what to open to see it."""

    kind: ClassVar = "table"
    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    words: int = 1
    folded: str = ""
    notes: Sequence[str] = ()
    empty: str = "None."


@dataclass(frozen=True, slots=True)
class Plot:
    """A drawing of our own (`fraudray.batch.report.drawing`); `text` says what it shows to whoever cannot see it."""

    title: str
    text: str
    svg: Markup
    wide: bool = True


@dataclass(frozen=True, slots=True)
class Plots:
    """Drawings, beside one another where there is room."""

    kind: ClassVar = "plots"
    plots: Sequence[Plot]


Block = Text | Points | Table | Plots


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page that the contents name."""

    id: str
    title: str
    blocks: Sequence[Block]


def reasons(measures: Sequence[dict[str, object]]) -> list[str]:
    """Why figures or their intervals are missing, each once."""
    found = dict.fromkeys(str(one["reason"]) for one in measures if one["reason"])
    return [f"{reason[:1].upper()}{reason[1:]}." for reason in found]
