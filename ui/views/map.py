"""A map of two places and the way between them, as coordinates of an SVG in degrees (x: longitude, y: −latitude)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fraudray.ui.words import number

ROUTE_POINTS = 64
ASPECT = 1.9
SPAN_MIN = 24.0
"""Degrees of longitude that are shown at least: below, the outlines are too coarse to know a place by."""
MARGIN = 1.35


@dataclass(frozen=True, slots=True)
class Mark:
    """A place on the map."""

    label: str
    x: float
    y: float
    kind: str
    """`here` or `before`."""


@dataclass(frozen=True, slots=True)
class MapView:
    """What is shown of a payment's place, and of the one before it."""

    marks: tuple[Mark, ...]
    route: tuple[str, ...]
    """Paths, one on each side of the date line where it is crossed."""
    box: tuple[float, float, float, float]
    """Left, top, width, height."""
    facts: tuple[tuple[str, str], ...]
    feasible: bool | None
    where_from: str

    @property
    def unit(self) -> float:
        """What marks and strokes are sized by: a hundredth of the width."""
        return self.box[2] / 100


def map_view(evidence: Mapping[str, Any]) -> MapView | None:
    """The map of a decision's evidence; None where no place is known."""
    items = (evidence.get("geolocation-checker") or {}).get("items") or {}
    here, before, travel = (items.get(name) or {} for name in ("place", "previous", "travel"))
    marks = [
        Mark(str(place.get("label", "")), float(place["longitude"]), -float(place["latitude"]), kind)
        for kind, place in (("before", before), ("here", here))
        if place.get("latitude") is not None and place.get("longitude") is not None
    ]
    if not marks:
        return None
    line = great_circle((marks[0].x, marks[0].y), (marks[-1].x, marks[-1].y)) if len(marks) == 2 else []
    return MapView(
        marks=tuple(marks), route=_paths(line), box=_box([(mark.x, mark.y) for mark in marks] + line),
        facts=tuple(_facts(travel)), feasible=travel.get("feasible"), where_from=str(before.get("source", "")),
    )  # fmt: skip


def great_circle(start: tuple[float, float], end: tuple[float, float]) -> list[tuple[float, float]]:
    """Points of the shortest way over a sphere, both ends included, as (longitude, −latitude) in degrees."""
    a, b = _vector(*start), _vector(*end)
    angle = math.acos(max(-1.0, min(1.0, sum(p * q for p, q in zip(a, b, strict=True)))))
    if angle < 1e-6 or abs(angle - math.pi) < 1e-6:
        return [start, end]
    points = []
    for step in range(ROUTE_POINTS + 1):
        share = step / ROUTE_POINTS
        left, right = math.sin((1 - share) * angle) / math.sin(angle), math.sin(share * angle) / math.sin(angle)
        x, y, z = (left * p + right * q for p, q in zip(a, b, strict=True))
        points.append((math.degrees(math.atan2(y, x)), -math.degrees(math.asin(max(-1.0, min(1.0, z))))))
    return points


def _vector(longitude: float, minus_latitude: float) -> tuple[float, float, float]:
    lon, lat = math.radians(longitude), math.radians(-minus_latitude)
    return math.cos(lat) * math.cos(lon), math.cos(lat) * math.sin(lon), math.sin(lat)


def _paths(line: list[tuple[float, float]]) -> tuple[str, ...]:
    paths: list[list[str]] = []
    last: float | None = None
    for x, y in line:
        if last is None or abs(x - last) > 180:
            paths.append([])
        paths[-1].append(f"{x:.2f} {y:.2f}")
        last = x
    return tuple("M" + "L".join(points) for points in paths if len(points) > 1)


def _box(points: list[tuple[float, float]]) -> tuple[float, float, float, float]:
    """What is shown: everything, with some room around, in the map's shape and inside the world."""
    xs, ys = [x for x, _ in points], [y for _, y in points]
    width = max(SPAN_MIN, (max(xs) - min(xs)) * MARGIN, (max(ys) - min(ys)) * MARGIN * ASPECT)
    width = min(width, 360.0)
    height = min(width / ASPECT, 180.0)
    left = min(max((max(xs) + min(xs) - width) / 2, -180.0), 180.0 - width)
    top = min(max((max(ys) + min(ys) - height) / 2, -90.0), 90.0 - height)
    return round(left, 2), round(top, 2), round(width, 2), round(height, 2)


def _facts(travel: Mapping[str, Any]) -> list[tuple[str, str]]:
    found = []
    if travel.get("distance_mi") is not None:
        miles, km = number(round(travel["distance_mi"])), number(round(travel["distance_km"]))
        found.append(("Distance", f"{miles} mi ({km} km)"))
    if travel.get("elapsed"):
        found.append(("Time between", str(travel["elapsed"])))
    if travel.get("required_speed_mph") is not None:
        found.append(("Speed needed", f"{number(round(travel['required_speed_mph']))} mph"))
    if travel.get("minimum_min"):
        found.append(("Fastest way takes", minutes(travel["minimum_min"])))
    return found


def minutes(value: float) -> str:
    """Minutes as hours and minutes."""
    whole = round(value)
    return f"{whole // 60} h {whole % 60} min" if whole >= 60 else f"{whole} min"
