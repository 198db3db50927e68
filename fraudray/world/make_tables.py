"""High-risk countries and merchant categories: CSV files of fixed columns."""

from __future__ import annotations

from fraudray.geo.places_file import PlacesFile
from fraudray.world import countries, merchants
from fraudray.world.kinds import KINDS
from fraudray.world.making import Made, Work
from fraudray.world.tables import at, write_table


def high_risk_countries(work: Work) -> Made:
    """The FATF's lists. Raises DataFileError naming the line."""
    table = work.incoming.table
    for _, cells in table.rows:
        cells[2] = cells[2].lower()
    found = countries.listed(table)
    places = PlacesFile(KINDS["places"].packaged_path)
    known = {row.code for row in places.countries}
    places.close()
    for line, (code, _, _) in table.rows:
        if code not in known:
            raise at(table.name, line, f"{code} is no country")
    notes = work.notes(day=table.notes.date, source=table.notes.source, licence=table.notes.licence)
    work.staged.write_bytes(write_table(notes, countries.HEADER, [cells for _, cells in table.rows]))
    return Made(notes, len(found), work.rows_packaged("high-risk-countries"))


def merchant_categories(work: Work) -> Made:
    """Merchant category codes. Raises DataFileError naming the line."""
    table = work.incoming.table
    found = merchants.categories(table)
    notes = work.notes(day=table.notes.date, source=table.notes.source, licence=table.notes.licence)
    rows = [(code, description, group) for code, (description, group) in sorted(found.items())]
    work.staged.write_bytes(write_table(notes, merchants.HEADER, rows))
    return Made(notes, len(found), work.rows_packaged("mccs"))
