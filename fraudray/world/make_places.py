"""Places from GeoNames' own files (cities500, cities1000, …), built as the packaged index is."""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from fraudray.domain.errors import DataFileError
from fraudray.geo.places_file import PlacesFile
from fraudray.world.incoming import GEONAMES_COLUMNS
from fraudray.world.making import Made, Work
from fraudray.world.tables import at

ROWS_MAX = 2_000_000
LICENCE = "GeoNames CC BY 4.0; Unicode-3.0"


def geonames_cities(work: Work) -> Made:
    """An index of these cities; the names of states come from the index in force. Raises DataFileError."""
    try:
        from fraudray.data.build_places import build, read_cities, read_countries

        countries = read_countries()
    except ImportError as missing:
        raise DataFileError(
            f"{work.incoming.name} needs {missing.name}: pip install 'fraudray[data]', or give a places.sqlite"
        ) from None
    rows, newest = _rows(work)
    notes = work.notes(day=newest, source=f"GeoNames {work.incoming.path.stem}", licence=LICENCE)
    about = {"date": str(notes.date), "source": notes.source, "licence": notes.licence}
    build(read_cities(rows), countries, _states(work.in_force["places"].path, rows), work.staged, about)
    return Made(notes, len(rows), work.rows_packaged("places"))


def _rows(work: Work) -> tuple[list[dict[str, Any]], date]:
    name, newest = work.incoming.name, date.min
    found: list[dict[str, Any]] = []
    zones: set[str] = set()
    for line, text in enumerate(work.incoming.text.split("\n"), start=1):
        if not text.strip():
            continue
        cells = text.rstrip("\r").split("\t")
        if len(cells) != GEONAMES_COLUMNS:
            raise at(name, line, f"has {len(cells)} columns, not {GEONAMES_COLUMNS}")
        try:
            row = _row(cells)
            if row["timezone"] not in zones:
                ZoneInfo(row["timezone"])
                zones.add(row["timezone"])
            newest = max(newest, date.fromisoformat(cells[18]))
        except (ValueError, KeyError, OSError) as error:
            raise at(name, line, f"is no place: {error}") from None
        found.append(row)
        if len(found) > ROWS_MAX:
            raise DataFileError(f"{name} has more than {ROWS_MAX:,} places")
    return found, newest


def _row(cells: list[str]) -> dict[str, Any]:
    latitude, longitude = float(cells[4]), float(cells[5])
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        raise ValueError("it lies nowhere on earth")
    if not cells[1] or len(cells[8]) != 2:
        raise ValueError("it has no name or no country")
    return {
        "geonameid": int(cells[0]), "name": cells[1], "alternatenames": [n for n in cells[3].split(",") if n],
        "latitude": latitude, "longitude": longitude, "countrycode": cells[8], "admin1code": cells[10],
        "population": int(cells[14] or 0), "timezone": cells[17],
    }  # fmt: skip


def _states(index: Path, rows: list[dict[str, Any]]) -> dict[str, str]:
    """`<country>.<GeoNames' code>` → name of a state: that of most of its places in the index in force."""
    file = PlacesFile(index)
    file.close()
    with closing(sqlite3.connect(f"{index.resolve().as_uri()}?mode=ro&immutable=1", uri=True)) as database:
        places = database.execute("SELECT id, geoname_id FROM place")
        area_of = {geoname_id: file.admin1_of[number] for number, geoname_id in places}
    votes: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        area = area_of.get(row["geonameid"], -1)
        if area >= 0:
            votes[f"{row['countrycode']}.{row['admin1code']}"][file.admin1[area].name] += 1
    return {code: names.most_common(1)[0][0] for code, names in votes.items()}
