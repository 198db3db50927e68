"""Country databases and place indexes: files that are taken as they are, once every part of them was read."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime

import maxminddb

from fraudray.domain.errors import DataFileError
from fraudray.geo.networks import country_in
from fraudray.geo.places_file import PlacesFile, PlacesFileError
from fraudray.world.making import Made, Work

COUNTRY_SHARE_MIN = 0.5
_LICENCES = {"DBIP": "CC BY 4.0", "GeoLite2": "MaxMind GeoLite2 End User License Agreement"}


def ip_countries(work: Work) -> Made:
    """A database in MaxMind's format, walked from end to end. Raises DataFileError."""
    name = work.incoming.name
    shutil.copyfile(work.incoming.path, work.staged)
    rows = named = 0
    try:
        with maxminddb.open_database(work.staged, maxminddb.MODE_MMAP) as database:
            metadata = database.metadata()
            for _, row in database:
                rows += 1
                named += country_in(row) is not None
    except (OSError, ValueError, maxminddb.InvalidDatabaseError, RecursionError) as error:
        raise DataFileError(f"{name} is damaged after {rows:,} networks: {error}") from None
    if named < rows * COUNTRY_SHARE_MIN or not rows:
        raise DataFileError(f"{name} names a country for {named:,} of {rows:,} networks: it is no country database")
    kind = str(metadata.database_type)
    licence = next((text for beginning, text in _LICENCES.items() if kind.startswith(beginning)), "")
    built = datetime.fromtimestamp(metadata.build_epoch, UTC).date()
    notes = work.notes(day=built, source=kind, licence=licence)
    return Made(notes, metadata.node_count, work.rows_packaged("ip-countries"))


def place_index(work: Work) -> Made:
    """An index that `fraudray.data.build_places` made. Raises DataFileError."""
    name = work.incoming.name
    shutil.copyfile(work.incoming.path, work.staged)
    try:
        with closing(sqlite3.connect(f"{work.staged.as_uri()}?mode=ro&immutable=1", uri=True)) as database:
            said = database.execute("PRAGMA integrity_check(1)").fetchone()[0]
            if said != "ok":
                raise DataFileError(f"{name} is damaged: {str(said).splitlines()[-1]}")
            count = database.execute("SELECT count(*) FROM place").fetchone()[0]
        index = PlacesFile(work.staged)
        index.close()
        _check_columns(index, count)
    except (sqlite3.Error, PlacesFileError, KeyError, TypeError, ValueError) as error:
        raise DataFileError(f"{name} is no place index: {error}".replace(work.staged.name, name)) from None
    about = index.about
    day = date.fromisoformat(about["date"]) if "date" in about else None
    notes = work.notes(day=day, source=about.get("source", ""), licence=about.get("licence", ""))
    return Made(notes, count, work.rows_packaged("places"))


def _check_columns(index: PlacesFile, count: int) -> None:
    columns = (index.population, index.country_of, index.admin1_of, index.time_zone_of)
    if not count or any(len(column) != count for column in columns):
        raise ValueError("its columns are not of one length")
    for number in range(count):
        latitude, longitude = index.position(number)
        if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
            raise ValueError(f"place {number} lies nowhere on earth")
    if max(index.country_of) >= len(index.countries) or max(index.time_zone_of) >= len(index.time_zones):
        raise ValueError("a place is in a country or time zone that is not there")
    if max(index.admin1_of) >= len(index.admin1):
        raise ValueError("a place is in an area that is not there")
