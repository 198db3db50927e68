"""CSV files with notes at the top: "# date: 2026-11-25", "# source: …", "# licence: …", a header, rows."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date

from fraudray.domain.errors import DataFileError
from fraudray.domain.text import has_control_characters

CELL_MAX = 400
_Day = date  # a name that the fields of `Notes` do not hide


@dataclass(frozen=True, slots=True)
class Notes:
    """What accompanies a list. `parts` are parts of another date than the whole: (what, date, source)."""

    date: _Day | None = None
    source: str = ""
    licence: str = ""
    parts: tuple[tuple[str, _Day, str], ...] = ()

    @property
    def oldest(self) -> _Day | None:
        """The date of the oldest part."""
        return min([day for _, day, _ in self.parts] + ([self.date] if self.date else []), default=None)

    @property
    def newest(self) -> _Day | None:
        """The date of the newest part."""
        return max([day for _, day, _ in self.parts] + ([self.date] if self.date else []), default=None)


@dataclass(frozen=True, slots=True)
class Table:
    """A parsed file; each row with its line number."""

    name: str
    notes: Notes
    header: tuple[str, ...]
    rows: list[tuple[int, list[str]]] = field(default_factory=list)


def at(name: str, line: int, why: str) -> DataFileError:
    """What is wrong in a line of a file."""
    return DataFileError(f"{name}, line {line}: {why}")


def read_table(text: str, name: str) -> Table:
    """Parse a file. Every row has as many cells as the header, of printable text. Raises DataFileError."""
    lines = text.splitlines()
    head = next((number for number, line in enumerate(lines) if not line.startswith("#")), len(lines))
    notes = read_notes(lines[:head], name)
    rows = csv.reader(lines[head:], strict=True)
    found: list[tuple[int, list[str]]] = []
    header: tuple[str, ...] = ()
    try:
        for cells in rows:
            line = head + rows.line_num
            if not any(cell.strip() for cell in cells):
                continue
            cells = [cell.strip() for cell in cells]
            _printable(cells, name, line)
            if not header:
                header = tuple(cells)
            elif len(cells) != len(header):
                raise at(name, line, f"has {len(cells)} columns, not the {len(header)} of {','.join(header)}")
            else:
                found.append((line, cells))
    except csv.Error as error:
        raise at(name, head + rows.line_num, str(error)) from None
    return Table(name, notes, header, found)


def _printable(cells: Sequence[str], name: str, line: int) -> None:
    for cell in cells:
        if len(cell) > CELL_MAX or has_control_characters(cell):
            raise at(name, line, f"a cell is longer than {CELL_MAX} characters or not printable")


def read_notes(lines: Iterable[str], name: str) -> Notes:
    """The notes among the first lines; other comments are passed over. Raises DataFileError for a bad date."""
    on: date | None = None
    texts: dict[str, list[str]] = {"source": [], "licence": []}
    parts: list[tuple[str, date, str]] = []
    for number, line in enumerate(lines, start=1):
        label, _, value = line.lstrip("# ").partition(":")
        label, value = label.strip().lower(), value.strip()
        if label in texts:
            texts[label].append(value)
        elif label == "date":
            on = _day(value, name, number)
        elif label == "part":
            what, day, source = ([piece.strip() for piece in value.split("|")] + ["", ""])[:3]
            parts.append((what, _day(day, name, number), source))
    return Notes(on, " ".join(texts["source"]), " ".join(texts["licence"]), tuple(parts))


def _day(value: str, name: str, line: int) -> date:
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise at(name, line, f"{value[:40]!r} is not a date (YYYY-MM-DD)") from None


def write_table(notes: Notes, header: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """A file that `read_table` reads."""
    text = io.StringIO()
    text.write(f"# date: {notes.date}\n# source: {notes.source}\n# licence: {notes.licence}\n")
    for what, day, source in notes.parts:
        text.write(f"# part: {what} | {day} | {source}\n")
    out = csv.writer(text, lineterminator="\n")
    out.writerow(header)
    out.writerows(rows)
    return text.getvalue().encode()
