"""Read the packaged place index: a read-only SQLite file plus a few packed columns kept in memory (about 6 MB).

Only numbers come out of here; what they mean for a written text is decided in `fraudray.geo.places`.
"""

from __future__ import annotations

import math
import sqlite3
import sys
import threading
from array import array
from enum import IntEnum
from pathlib import Path
from typing import NamedTuple

FORMAT_VERSION = 1
CELLS_PER_DEGREE = 2
_ROWS, _COLUMNS = 180 * CELLS_PER_DEGREE, 360 * CELLS_PER_DEGREE
_E5 = 1e5


class PlacesFileError(ValueError):
    """The place index is missing, unreadable or of another format."""


class Tier(IntEnum):
    """How strongly a key names an area; the lower, the stronger."""

    STATE_CODE = 0  # "WA" of the US, Canada, Australia: written without the country
    COUNTRY = 1  # ISO 2 and 3 letters, the English name, the country's own name, everyday names
    STATE_NAME = 2  # "Bavaria", "Bayern"
    COUNTRY_ABROAD = 3  # the country's name in other languages
    OTHER_CODE = 4  # ISO 3166-2 letters of other countries, such as "BY" for Bavaria


class Names(NamedTuple):
    """The places of one key, most populous first."""

    exact: tuple[int, ...]
    alternate: tuple[int, ...]


class AreaRow(NamedTuple):
    """One meaning of a written country or state; admin1 is -1 for a whole country."""

    country: int
    admin1: int
    tier: Tier


class CountryRow(NamedTuple):
    """A country; anchor is the number of its capital, radius from there to 99 % of the people."""

    code: str
    name: str
    anchor: int
    radius_mi: float
    population: int


class Admin1Row(NamedTuple):
    """A first-level area; anchor is the number of its most populous place."""

    country: int
    code: str
    name: str
    anchor: int
    radius_mi: float
    population: int


def cell_of(latitude: float, longitude: float) -> int:
    """The grid cell of a point: rows from the south, columns from the date line."""
    row = min(_ROWS - 1, max(0, int((latitude + 90) * CELLS_PER_DEGREE)))
    column = int((longitude + 180) * CELLS_PER_DEGREE) % _COLUMNS
    return row * _COLUMNS + column


class PlacesFile:
    """One open index; safe to share between threads (one connection under a lock). Close with `close`."""

    def __init__(self, path: Path) -> None:
        """Open and load the columns (a few ms). Raises PlacesFileError."""
        self._lock = threading.Lock()
        try:
            self._db = sqlite3.connect(
                f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False
            )
            self._db.execute("PRAGMA query_only=ON")
            self.about = {str(name): str(value) for name, value in self._db.execute("SELECT name, value FROM meta")}
            if self.about.get("format") != str(FORMAT_VERSION):
                raise PlacesFileError(f"{path.name} has format {self.about.get('format')}, not {FORMAT_VERSION}")
            columns = {name: _unpack(code, data) for name, code, data in self._db.execute("SELECT * FROM packed")}
            self.time_zones = tuple(r[0] for r in self._db.execute("SELECT name FROM time_zone ORDER BY id"))
            rows = self._db.execute("SELECT code, name, anchor, radius_mi, population FROM country ORDER BY id")
            self.countries = tuple(CountryRow(*row) for row in rows)
            rows = self._db.execute("SELECT country, code, name, anchor, radius_mi, population FROM admin1 ORDER BY id")
            self.admin1 = tuple(Admin1Row(*row) for row in rows)
        except sqlite3.Error as error:
            raise PlacesFileError(f"{path.name} cannot be read: {error}") from error
        self._latitude_e5, self._longitude_e5 = columns["latitude_e5"], columns["longitude_e5"]
        self.population, self.country_of, self.admin1_of = (
            columns["population"],
            columns["country"],
            columns["admin1"],
        )
        self.time_zone_of = columns["time_zone"]
        self._cell_start, self._cell_place = columns["cell_start"], columns["cell_place"]

    def __len__(self) -> int:
        """The number of places."""
        return len(self.population)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def position(self, number: int) -> tuple[float, float]:
        """(latitude, longitude) of a place in decimal degrees."""
        return self._latitude_e5[number] / _E5, self._longitude_e5[number] / _E5

    def label(self, number: int) -> tuple[str, int]:
        """(name, GeoNames id) of a place."""
        with self._lock:
            row = self._db.execute("SELECT name, geoname_id FROM place WHERE id = ?", (number,)).fetchone()
        return str(row[0]), int(row[1])

    def names(self, written: str) -> Names:
        """The places of a key (see `fraudray.geo.spelling.key`), own names and alternate names apart."""
        with self._lock:
            row = self._db.execute("SELECT exact, ids FROM name WHERE key = ?", (written,)).fetchone()
        if row is None:
            return Names((), ())
        ids = tuple(_unpack("I", row[1]))
        return Names(ids[: row[0]], ids[row[0] :])

    def areas(self, written: str) -> tuple[AreaRow, ...]:
        """What a key means as a country or state, the strongest meaning first."""
        with self._lock:
            rows = self._db.execute(
                "SELECT country, admin1, tier FROM area WHERE key = ? ORDER BY tier, country, admin1", (written,)
            ).fetchall()
        return tuple(AreaRow(country, admin1, Tier(tier)) for country, admin1, tier in rows)

    def nearest(self, latitude: float, longitude: float) -> int:
        """The number of the place nearest to a point: windows of growing size until nothing nearer can be outside."""
        reach_deg = 0.5
        while True:
            best = self._nearest_within(latitude, longitude, reach_deg)
            if best is not None and (best[0] <= reach_deg or reach_deg >= 180):
                return best[1]
            reach_deg *= 2

    def _nearest_within(self, latitude: float, longitude: float, reach_deg: float) -> tuple[float, int] | None:
        """(angular distance in degrees, place) of the nearest place inside a window of `reach_deg` each way."""
        south, north = max(-90.0, latitude - reach_deg), min(90.0, latitude + reach_deg)
        widest = max(abs(south), abs(north))
        # A cap of radius r spans asin(sin r / cos latitude) of longitude each way; all of it if it holds a pole.
        spread = (
            1.0
            if reach_deg >= 90 or widest >= 90
            else math.sin(math.radians(reach_deg)) / max(1e-9, math.cos(math.radians(abs(latitude))))
        )
        width = 180.0 if spread >= 1 else math.degrees(math.asin(spread))
        phi, lam = math.radians(latitude), math.radians(longitude)
        cos_phi = math.cos(phi)
        best_chord, best = 2.0, -1
        for start, stop in self._slices(south, north, longitude - width, longitude + width, whole=width >= 180):
            for number in self._cell_place[start:stop]:
                other = math.radians(self._latitude_e5[number] / _E5)
                chord = (
                    math.sin((other - phi) / 2) ** 2
                    + cos_phi
                    * math.cos(other)
                    * math.sin((math.radians(self._longitude_e5[number] / _E5) - lam) / 2) ** 2
                )
                if chord < best_chord or (chord == best_chord and number < best):
                    best_chord, best = chord, number
        if best < 0:
            return None
        return math.degrees(2 * math.asin(math.sqrt(min(1.0, best_chord)))), best

    def _slices(self, south: float, north: float, west: float, east: float, *, whole: bool) -> list[tuple[int, int]]:
        """The stretches of the by-cell column that cover a window; one or two a row (across the date line)."""
        first_row, last_row = cell_of(south, 0.0) // _COLUMNS, cell_of(north, 0.0) // _COLUMNS
        first = math.floor((west + 180) * CELLS_PER_DEGREE)
        last = math.floor((east + 180) * CELLS_PER_DEGREE)
        if whole or last - first >= _COLUMNS - 1:
            spans = [(0, _COLUMNS - 1)]
        elif first < 0:
            spans = [(0, last), (first + _COLUMNS, _COLUMNS - 1)]
        elif last >= _COLUMNS:
            spans = [(first, _COLUMNS - 1), (0, last - _COLUMNS)]
        else:
            spans = [(first, last)]
        starts = self._cell_start
        return [
            (starts[row * _COLUMNS + left], starts[row * _COLUMNS + right + 1])
            for row in range(first_row, last_row + 1)
            for left, right in spans
        ]


def _unpack(typecode: str, data: bytes) -> array[int]:
    """A little-endian column."""
    column: array[int] = array(typecode)
    column.frombytes(data)
    if sys.byteorder == "big":
        column.byteswap()
    return column
