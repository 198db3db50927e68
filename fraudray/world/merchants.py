"""Merchant category codes (ISO 18245 and those of the card schemes) with description and group."""

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

HEADER = ("mcc", "description", "group")
_CODE = re.compile(r"[0-9]{4}")


@dataclass(frozen=True, slots=True)
class MerchantCategories:
    """Code → (description, group)."""

    date: date
    by_code: Mapping[str, tuple[str, str]]

    @classmethod
    def load(cls, path: Path | None = None) -> MerchantCategories:
        """The packaged list or another file: notes, then `mcc,description,group`. Raises DataFileError, OSError."""
        path = path or KINDS["mccs"].packaged_path
        table = read_table(path.read_text(encoding="utf-8-sig"), path.name)
        if table.notes.date is None:
            raise DataFileError(f"{path.name} has no line '# date: YYYY-MM-DD' at the top")
        return cls(table.notes.date, MappingProxyType(categories(table)))


def categories(table: Table) -> dict[str, tuple[str, str]]:
    """Code → (description, group). Raises DataFileError naming the line."""
    if table.header != HEADER:
        raise DataFileError(f"{table.name} must have the header {','.join(HEADER)}")
    found: dict[str, tuple[str, str]] = {}
    for line, (code, description, group) in table.rows:
        if not _CODE.fullmatch(code):
            raise at(table.name, line, f"{code[:10]!r} is not a code of four digits")
        if code in found:
            raise at(table.name, line, f"{code} is listed twice")
        if not description:
            raise at(table.name, line, f"{code} has no description")
        found[code] = (description, group)
    if not found:
        raise DataFileError(f"{table.name} has no codes")
    return found
