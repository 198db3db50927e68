"""What a report shows, as blocks: one page is rendered as HTML and as PDF, so that both say the same."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Literal

# Controls act instead of showing, and marks that reorder what is read can forge a line ("Trojan source").
_ACTING = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
Align = Literal["left", "right"]
BarStyle = Literal["reason", "adjustment", "total"]


@dataclass(frozen=True, slots=True)
class Heading:
    """A section (level 1) or a part of one (level 2)."""

    kind: ClassVar = "heading"
    text: str
    level: int = 1


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome, large, with its score of 100."""

    kind: ClassVar = "verdict"
    decision: str
    score: int
    text: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A sentence or two."""

    kind: ClassVar = "paragraph"
    text: str
    muted: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """Names and values."""

    kind: ClassVar = "facts"
    rows: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Column:
    """A table's column; `share` is its part of the width."""

    title: str
    share: int = 1
    align: Align = "left"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a header; `empty` is said when there are none."""

    kind: ClassVar = "table"
    columns: Sequence[Column]
    rows: Sequence[Sequence[str]]
    empty: str = "None."


@dataclass(frozen=True, slots=True)
class Bar:
    """One step of a waterfall. `left` and `width` are percents of the widest sum."""

    code: str
    text: str
    points: int
    left: float
    width: float
    style: BarStyle


@dataclass(frozen=True, slots=True)
class Waterfall:
    """How points add up to a score."""

    kind: ClassVar = "waterfall"
    bars: Sequence[Bar]


@dataclass(frozen=True, slots=True)
class Figure:
    """A plot as SVG of our own making; `text` says what it shows to whoever cannot see it."""

    kind: ClassVar = "figure"
    svg: str
    text: str


Block = Heading | Verdict | Paragraph | Facts | Table | Waterfall | Figure


@dataclass(frozen=True, slots=True)
class Page:
    """A whole report: title, what it is about, when it was made, blocks."""

    title: str
    subtitle: str
    made_at: str
    blocks: Sequence[Block] = field(default_factory=tuple)


def payload(page: Page) -> dict[str, Any]:
    """The page as plain values for a template, every text safe to show."""
    document: dict[str, Any] = _plain(page)
    return document


def shown(text: str) -> str:
    """`text` with characters that act instead of showing written as ‹U+202E›; line feeds stay."""
    return _ACTING.sub(lambda found: marked(found.group()), text)


def marked(character: str) -> str:
    """A character by its number."""
    return f"‹U+{ord(character):04X}›"


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return shown(value)
    if isinstance(value, Figure):  # our own, and no text
        return {"kind": value.kind, "svg": value.svg, "text": shown(value.text)}
    if hasattr(value, "__dataclass_fields__"):
        plain = {one.name: _plain(getattr(value, one.name)) for one in fields(value)}
        kind = getattr(value, "kind", None)
        return plain | ({"kind": kind} if kind else {})
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, Sequence) else value
