"""What every converter of a downloaded file gets and gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from fraudray.domain.errors import DataFileError
from fraudray.world.describing import Located, describe
from fraudray.world.incoming import Form, Incoming, Told
from fraudray.world.kinds import KINDS
from fraudray.world.tables import Notes


@dataclass(frozen=True, slots=True)
class Made:
    """A list ready to be installed: its notes, its rows, and how many there were so far."""

    notes: Notes
    rows: int
    rows_before: int


@dataclass(frozen=True, slots=True)
class Work:
    """One file to convert into `staged`. `in_force` are the lists now, which some forms only complete."""

    incoming: Incoming
    form: Form
    told: Told
    staged: Path
    in_force: Mapping[str, Located]

    def notes(self, *, day: date | None, source: str, licence: str) -> Notes:
        """Date, source and licence as told, else as given here. Raises DataFileError naming what is missing."""
        notes = Notes(self.told.date or day, self.told.source or source, self.told.licence or licence)
        if notes.date is None:
            raise DataFileError(f"{self.incoming.name} carries no date; say --date YYYY-MM-DD, the day it is of")
        for name, value in (("source", notes.source), ("licence", notes.licence)):
            if not value:
                raise DataFileError(f"{self.incoming.name} does not say its {name}; say --{name} TEXT")
        return notes

    def rows_packaged(self, kind: str) -> int:
        """How many rows the packaged list has."""
        return describe(KINDS[kind], KINDS[kind].packaged_path).rows
