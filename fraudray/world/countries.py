"""Countries on the lists of the Financial Action Task Force (FATF), as of a date."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import MappingProxyType

from fraudray.domain.errors import DataFileError
from fraudray.world.kinds import KINDS
from fraudray.world.tables import Table, at, read_table

HEADER = ("country", "name", "status")
STATUSES = ("call for action", "increased monitoring")
_CODE = re.compile(r"[A-Z]{2}")


@dataclass(frozen=True, slots=True)
class HighRiskCountries:
    """ISO 3166-1 alpha-2 code → the list that it is on."""

    date: date
    listed_as: Mapping[str, str]

    @classmethod
    def load(cls, path: Path | None = None) -> HighRiskCountries:
        """The packaged list or another file: notes, then `country,name,status`. Raises DataFileError, OSError."""
        path = path or KINDS["high-risk-countries"].packaged_path
        table = read_table(path.read_text(encoding="utf-8-sig"), path.name)
        if table.notes.date is None:
            raise DataFileError(f"{path.name} has no line '# date: YYYY-MM-DD' at the top")
        return cls(table.notes.date, MappingProxyType(listed(table)))


def listed(table: Table) -> dict[str, str]:
    """Code → status. Raises DataFileError naming the line."""
    if table.header != HEADER:
        raise DataFileError(f"{table.name} must have the header {','.join(HEADER)}")
    found: dict[str, str] = {}
    for line, (code, name, status) in table.rows:
        if not _CODE.fullmatch(code):
            raise at(table.name, line, f"{code[:10]!r} is not an ISO 3166-1 alpha-2 code")
        if code in found:
            raise at(table.name, line, f"{code} is listed twice")
        if not name:
            raise at(table.name, line, f"{code} has no name")
        if status not in STATUSES:
            raise at(table.name, line, f"{status[:40]!r} is not one of: {', '.join(STATUSES)}")
        found[code] = status
    if not found:
        raise DataFileError(f"{table.name} has no countries")
    return found
