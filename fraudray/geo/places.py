"""Any place on earth from what somebody wrote, offline: GeoNames' 234,908 places of 500 people and more.

A place that nothing written decides is "ambiguous" and one that is not in the index is "unknown": both are evidence,
never a guess and never an exception.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Literal

from fraudray.geo.place_search import SAME_PLACE_MI, Found, Search
from fraudray.geo.places_file import Admin1Row, CountryRow, PlacesFile, PlacesFileError
from fraudray.geo.spelling import TEXT_MAX_CHARS, coordinates
from fraudray.geo.travel import great_circle_mi

__all__ = ["Place", "PlaceIndex", "PlacesFileError", "Resolution"]

ALTERNATIVES_MAX = 8
CACHE_TEXTS = 32_768
# Size of a city from its people: a disc of this many people a square mile, between a mile and forty.
PEOPLE_PER_SQ_MI = 4_000.0
CITY_RADIUS_MIN_MI = 1.0
CITY_RADIUS_MAX_MI = 40.0
_LABEL_WITH_STATE = frozenset({"US", "CA", "AU"})


@dataclass(frozen=True, slots=True)
class Place:
    """A place. Coordinates in decimal degrees; `time_zone` is an IANA name.

    `admin1_code` is the ISO 3166-2 code without its country ("WA", "BC", "BY") where one is known, else GeoNames' own.
    `radius_mi` is the size: of a city the radius of a disc of 4,000 people a square mile (1 to 40 miles), of a country
    or state the distance from its capital or biggest city within which 99 % of its people live, of a point 0.
    """

    name: str
    admin1_code: str | None
    admin1_name: str | None
    country_code: str
    country_name: str
    latitude: float
    longitude: float
    population: int
    time_zone: str
    geoname_id: int | None
    radius_mi: float
    precision: Literal["city", "admin1", "country", "coordinates"]

    @property
    def label(self) -> str:
        """How to show it: "Seattle, WA" (US), "Vancouver, BC, CA" (Canada, Australia), else "Moscow, Russia"."""
        if self.precision == "country":
            return self.country_name
        if self.precision == "admin1" or self.country_code not in _LABEL_WITH_STATE or not self.admin1_code:
            return f"{self.name}, {self.country_name}"
        state = f"{self.name}, {self.admin1_code}"
        return state if self.country_code == "US" else f"{state}, {self.country_code}"


@dataclass(frozen=True, slots=True)
class Resolution:
    """What a written place means.

    "ok": `place` is it. "ambiguous": `place` is the likeliest, `alternatives` the others, most populous first, at most
    eight. "unknown": no place.
    """

    status: Literal["ok", "ambiguous", "unknown"]
    place: Place | None
    alternatives: tuple[Place, ...] = ()


UNKNOWN = Resolution("unknown", None)


def city_radius_mi(population: int) -> float:
    """The radius in miles of a city of that many people (see `Place`)."""
    radius_mi = math.sqrt(max(0, population) / PEOPLE_PER_SQ_MI / math.pi)
    return round(min(CITY_RADIUS_MAX_MI, max(CITY_RADIUS_MIN_MI, radius_mi)), 1)


State = tuple[str, str | None]
"""Country code and admin1 code."""


class PlaceIndex:
    """The place index: open once, share between threads."""

    def __init__(self, path: Path | None = None) -> None:
        """Open the packaged index or another file of its format. Raises PlacesFileError."""
        self._file = PlacesFile(path or Path(str(resources.files("fraudray.data") / "places.sqlite")))
        self._search = Search(self._file)
        self._meanings = lru_cache(maxsize=CACHE_TEXTS)(self._find)
        self._by_size = lru_cache(maxsize=CACHE_TEXTS)(self._decide)
        self._by_distance = lru_cache(maxsize=CACHE_TEXTS)(self._decide)
        self._city = lru_cache(maxsize=CACHE_TEXTS)(self._make_city)

    def __len__(self) -> int:
        """The number of cities in the index."""
        return len(self._file)

    @property
    def about(self) -> dict[str, str]:
        """Source, licence and format of the file."""
        return dict(self._file.about)

    def close(self) -> None:
        """Close the file; the index is of no use afterwards."""
        self._file.close()

    def resolve(self, text: str, *, near: Place | None = None) -> Resolution:
        """The place that a text means, the nearest to `near` where the text leaves a choice. Never raises."""
        if len(text) > TEXT_MAX_CHARS:
            return UNKNOWN
        if near is None:
            return self._by_size(text)
        if len(self._meanings(text)) < 2:
            return self._by_size(text)
        return self._by_distance(text, near.latitude, near.longitude, (near.country_code, near.admin1_code))

    def at(self, latitude: float, longitude: float) -> Place:
        """The point itself (degrees), named after the nearest city, with that city's state, country and time zone.

        Raises ValueError outside -90…90 and -180…180.
        """
        if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
            raise ValueError("latitude must be within 90 and longitude within 180 degrees")
        city = self._city(self._file.nearest(latitude, longitude))
        return Place(
            name=city.name,
            admin1_code=city.admin1_code,
            admin1_name=city.admin1_name,
            country_code=city.country_code,
            country_name=city.country_name,
            latitude=latitude,
            longitude=longitude,
            population=0,
            time_zone=city.time_zone,
            geoname_id=None,
            radius_mi=0.0,
            precision="coordinates",
        )

    def city(self, number: int) -> Place:
        """City number 0 … len - 1, most populous first. Raises IndexError."""
        if not 0 <= number < len(self._file):
            raise IndexError("no such city")
        return self._city(number)

    def _find(self, text: str) -> tuple[Found, ...]:
        return () if coordinates(text) else self._search.meanings(text)

    def _decide(
        self, text: str, near_lat: float | None = None, near_lon: float | None = None, near_state: State | None = None
    ) -> Resolution:
        """Choose between the meanings of a text: by distance if a previous place is given, else by weight."""
        point = coordinates(text)
        if point is not None:
            return Resolution("ok", self.at(*point))
        found = self._meanings(text)
        if not found:
            return UNKNOWN
        chosen = found[0] if len(found) == 1 else self._best(found, near_lat, near_lon, near_state)
        rivals = [one for one in found if one is not chosen and one.weight >= chosen.weight * one.rival_share]
        others = [one for one in rivals if not self._is_same(chosen, one)]
        others.sort(key=lambda one: (-self._people(one), one.number))
        alternatives = tuple(self._place(one) for one in others[:ALTERNATIVES_MAX])
        return Resolution("ambiguous" if alternatives else "ok", self._place(chosen), alternatives)

    def _best(
        self, found: Sequence[Found], near_lat: float | None, near_lon: float | None, near_state: State | None
    ) -> Found:
        """The heaviest or, with a previous place, the heaviest of its own state, else the nearest."""
        heaviest = max(found, key=lambda one: (one.weight, -one.number))
        if near_lat is None or near_lon is None:
            return heaviest
        here = (near_lat, near_lon)
        # A hamlet or a whole province of the same name is not what a city's name means, however near it is.
        found = [
            one
            for one in found
            if one.weight >= heaviest.weight * one.rival_share and (one.kind == "city" or heaviest.kind != "city")
        ]

        at_home = [one for one in found if one.kind == "city" and self._state(one.number) == near_state]
        if at_home:
            return max(at_home, key=lambda one: (one.weight, -one.number))

        def away_mi(one: Found) -> float:
            distance_mi = great_circle_mi(*here, *self._position(one))
            return max(0.0, distance_mi - self._area(one).radius_mi) if one.kind != "city" else distance_mi

        return min(found, key=lambda one: (away_mi(one), -one.weight, one.number))

    def _state(self, number: int) -> State:
        city = self._city(number)
        return city.country_code, city.admin1_code

    def _area(self, one: Found) -> CountryRow | Admin1Row:
        return (self._file.countries if one.kind == "country" else self._file.admin1)[one.number]

    def _anchor(self, one: Found) -> int:
        """The number of the city that stands for a meaning."""
        if one.kind == "city":
            return one.number
        return self._area(one).anchor

    def _position(self, one: Found) -> tuple[float, float]:
        return self._file.position(self._anchor(one))

    def _people(self, one: Found) -> int:
        if one.kind == "city":
            return self._file.population[one.number]
        return self._area(one).population

    def _is_same(self, one: Found, other: Found) -> bool:
        """Whether two meanings are no choice: one lies inside the other, or both are the same spot."""
        if one.kind == other.kind != "city":
            return False
        a, b = self._anchor(one), self._anchor(other)
        if self._file.country_of[a] != self._file.country_of[b]:
            return False
        if "country" in (one.kind, other.kind):
            return True
        apart_mi = great_circle_mi(*self._file.position(a), *self._file.position(b))
        if one.kind == other.kind:
            return apart_mi <= SAME_PLACE_MI
        area = one if one.kind == "admin1" else other
        return self._file.admin1_of[a] == self._file.admin1_of[b] or apart_mi <= self._area(area).radius_mi

    def _place(self, one: Found) -> Place:
        if one.kind == "city":
            return self._city(one.number)
        anchor = self._city(self._anchor(one))
        if one.kind == "admin1":
            area = self._file.admin1[one.number]
            return Place(
                name=area.name,
                admin1_code=area.code,
                admin1_name=area.name,
                country_code=anchor.country_code,
                country_name=anchor.country_name,
                latitude=anchor.latitude,
                longitude=anchor.longitude,
                population=area.population,
                time_zone=anchor.time_zone,
                geoname_id=None,
                radius_mi=area.radius_mi,
                precision="admin1",
            )
        country = self._file.countries[one.number]
        return Place(
            name=country.name,
            admin1_code=None,
            admin1_name=None,
            country_code=country.code,
            country_name=country.name,
            latitude=anchor.latitude,
            longitude=anchor.longitude,
            population=country.population,
            time_zone=anchor.time_zone,
            geoname_id=None,
            radius_mi=country.radius_mi,
            precision="country",
        )

    def _make_city(self, number: int) -> Place:
        name, geoname_id = self._file.label(number)
        latitude, longitude = self._file.position(number)
        country = self._file.countries[self._file.country_of[number]]
        admin1_id = self._file.admin1_of[number]
        admin1 = self._file.admin1[admin1_id] if admin1_id >= 0 else None
        return Place(
            name=name,
            admin1_code=admin1.code if admin1 else None,
            admin1_name=admin1.name if admin1 else None,
            country_code=country.code,
            country_name=country.name,
            latitude=latitude,
            longitude=longitude,
            population=self._file.population[number],
            time_zone=self._file.time_zones[self._file.time_zone_of[number]],
            geoname_id=geoname_id,
            radius_mi=city_radius_mi(self._file.population[number]),
            precision="city",
        )
