"""Drawings of figures: where lines, bars, marks and ticks lie, in the units of the drawing. No more than that."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 440.0, 280.0
LEFT, RIGHT, TOP, BOTTOM = 58.0, 20.0, 12.0, 46.0
BAR_MIN = 1.5
"""A bar that holds something is at least so high."""
POINTS_MAX = 1000
Point = tuple[float, float | None]


@dataclass(frozen=True, slots=True)
class Tick:
    """A line of an axis, and what is written at it."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Line:
    """One line; it breaks where a value is missing. `look` is the class that it is drawn by."""

    name: str
    look: str
    path: str


@dataclass(frozen=True, slots=True)
class Mark:
    """One point that has a meaning of its own; `shape` is disc, square, triangle or cross."""

    x: float
    y: float
    look: str
    shape: str
    says: str


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar; `says` is what one reads over it."""

    x: float
    y: float
    width: float
    height: float
    look: str
    says: str


@dataclass(frozen=True, slots=True)
class Key:
    """A line of the legend: kind is line or bar."""

    name: str
    look: str
    kind: str


@dataclass(frozen=True, slots=True)
class Table:
    """The same in figures; the first column names the row."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawing with all that is written at it; `text` says what it shows to whoever cannot see it."""

    title: str
    text: str
    x_label: str
    y_label: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    table: Table
    lines: tuple[Line, ...] = ()
    bars: tuple[Bar, ...] = ()
    marks: tuple[Mark, ...] = ()
    keys: tuple[Key, ...] = ()
    movable: bool = False
    """Whether the reader's thresholds are drawn in it."""
    width: float = WIDTH
    height: float = HEIGHT
    left: float = LEFT
    right: float = WIDTH - RIGHT
    top: float = TOP
    bottom: float = HEIGHT - BOTTOM


@dataclass(frozen=True, slots=True)
class Scale:
    """Values as places: x to the right, y upwards."""

    x_low: float
    x_high: float
    y_low: float
    y_high: float

    def x(self, value: float) -> float:
        """Where a value of the x axis lies."""
        return round(LEFT + _share(value, self.x_low, self.x_high) * (WIDTH - LEFT - RIGHT), 1)

    def y(self, value: float) -> float:
        """Where a value of the y axis lies."""
        return round(HEIGHT - BOTTOM - _share(value, self.y_low, self.y_high) * (HEIGHT - TOP - BOTTOM), 1)

    def line(self, name: str, look: str, points: Sequence[Point]) -> Line:
        """The line through these points."""
        steps, pen = [], "M"
        for across, up in points[:POINTS_MAX]:
            if up is None:
                pen = "M"
                continue
            steps.append(f"{pen}{self.x(across):g} {self.y(up):g}")
            pen = "L"
        return Line(name, look, "".join(steps))

    def bar(self, across: float, width: float, low: float, high: float, look: str, says: str) -> Bar:
        """A bar that stands from one value up to another, `width` wide in the x axis's own units."""
        top, bottom = self.y(high), self.y(low)
        if high > low:
            top = min(top, bottom - BAR_MIN)
        left, right = self.x(across), self.x(across + width)
        return Bar(left, top, round(max(0.5, right - left), 1), round(bottom - top, 1), look, says)

    def y_ticks(self, write: Callable[[float], str], steps: int = 5) -> tuple[Tick, ...]:
        """Round values up the y axis."""
        return tuple(Tick(self.y(value), write(value)) for value in round_values(self.y_low, self.y_high, steps))

    def x_ticks(self, write: Callable[[float], str], steps: int = 5) -> tuple[Tick, ...]:
        """Round values along the x axis."""
        return tuple(Tick(self.x(value), write(value)) for value in round_values(self.x_low, self.x_high, steps))


def round_values(low: float, high: float, steps: int) -> list[float]:
    """Multiples of 1, 2 or 5 of a power of ten, about so many, between two values."""
    span = high - low
    if span <= 0:
        return [low]
    power = 10.0 ** math.floor(math.log10(span / steps))
    step = next(power * factor for factor in (1, 2, 5, 10) if span / (power * factor) <= steps + 0.5)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(place * step, 12) for place in range(first, last + 1)]


def highest(values: Sequence[float | None], least: float) -> float:
    """The upper end of an axis for these values: a little above the largest."""
    return max([least, *(value * 1.06 for value in values if value is not None)])


def spread(several: Sequence[object], most: int) -> list[int]:
    """The places of so many of them at most, evenly."""
    return list(range(0, len(several), max(1, math.ceil(len(several) / max(1, most)))))


def _share(value: float, low: float, high: float) -> float:
    return min(1.0, max(0.0, (value - low) / (high - low))) if high > low else 0.0
