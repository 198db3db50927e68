"""Rebuild `static/world.svg`: the countries' outlines of Natural Earth 1:110m (public domain), as world-atlas has them.

npm pack world-atlas@2 && tar xzf world-atlas-2.*.tgz
python -m fraudray.ui.build_world package/countries-110m.json

One path, in degrees: x is the longitude, y the latitude downwards.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

DECIMALS = 2
HALF_TURN = 180 * 10**DECIMALS
Point = tuple[float, float]


def outlines(topology: dict[str, Any]) -> Iterator[list[Point]]:
    """The closed lines of all countries (TopoJSON: arcs of quantised differences, shared between neighbours)."""
    arcs = [_decoded(arc, topology["transform"]) for arc in topology["arcs"]]
    for country in topology["objects"]["countries"]["geometries"]:
        polygons = country["arcs"] if country["type"] == "MultiPolygon" else [country["arcs"]]
        for polygon in polygons:
            for ring in polygon:
                line: list[Point] = []
                for index in ring:
                    arc = arcs[index] if index >= 0 else arcs[~index][::-1]
                    line += arc[1:] if line else arc
                yield line


def path_of(lines: Iterator[list[Point]]) -> str:
    """The lines as the data of an SVG path, with relative moves, which are short."""
    parts = []
    for line in lines:
        for points in _within_the_map(line):
            steps = ((x - p, y - q) for (p, q), (x, y) in pairwise(points))
            moves = " ".join(f"{_degrees(dx)} {_degrees(dy)}" for dx, dy in steps if dx or dy)
            if moves:
                parts.append(f"M{_degrees(points[0][0])} {_degrees(points[0][1])}l{moves}z")
    return "".join(parts).replace(" -", "-")


def _within_the_map(line: list[Point]) -> Iterator[list[tuple[int, int]]]:
    """A line in hundredths of a degree, in pieces where it goes on at the other edge of the map."""
    points = [(round(x * 10**DECIMALS), round(-y * 10**DECIMALS)) for x, y in line]
    begin = 0
    for index in range(1, len(points)):
        if abs(points[index][0] - points[index - 1][0]) > HALF_TURN:
            yield points[begin:index]
            begin = index
    yield points[begin:]


def _decoded(arc: list[list[int]], transform: dict[str, list[float]]) -> list[Point]:
    (scale_x, scale_y), (left, bottom) = transform["scale"], transform["translate"]
    x = y = 0
    line = []
    for dx, dy in arc:
        x, y = x + dx, y + dy
        line.append((x * scale_x + left, y * scale_y + bottom))
    return line


def _degrees(hundredths: int) -> str:
    return f"{hundredths / 10**DECIMALS:g}"


def build(source: Path, target: Path) -> None:
    """Write the map."""
    topology = json.loads(source.read_text(encoding="utf-8"))
    path = path_of(outlines(topology))
    target.write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="-180 -90 360 180">'
        "<!-- Natural Earth 1:110m, public domain; arcs by world-atlas 2.0 (ISC) -->"
        f'<path id="land" d="{path}"/></svg>\n',
        encoding="utf-8",
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path)
    build(parser.parse_args().source, Path(__file__).parent / "static" / "world.svg")
