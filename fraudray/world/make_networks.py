"""Networks: a whole list of one's own, or what renews a part of the list in force (Tor exits, a cloud's ranges)."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable
from datetime import date

from fraudray.domain.errors import DataFileError
from fraudray.geo.networks import HEADER, LISTED_KINDS, RANGES_MAX, bounds
from fraudray.world.describing import text_of
from fraudray.world.making import Made, Work
from fraudray.world.tables import Notes, Table, at, read_table, write_table

WIDEST_BITS = {32: 24, 128: 112}
"""Of how many addresses (as a power of two) a range may be: no network has more than a /8 or a /16."""
NOT_STATED = "not stated by its publisher"
Row = tuple[str, str, str]


def own_networks(work: Work) -> Made:
    """A whole list. Raises DataFileError naming the line."""
    table = work.incoming.table
    notes = work.notes(day=table.notes.date, source=table.notes.source, licence=table.notes.licence)
    if len(table.rows) > RANGES_MAX:
        raise DataFileError(f"{table.name} has more than {RANGES_MAX:,} ranges")
    rows = []
    for line, (written, kind, provider) in table.rows:
        if kind not in LISTED_KINDS:
            raise at(table.name, line, f"{kind[:20]!r} is not one of: {', '.join(sorted(LISTED_KINDS))}")
        _check_range(written, table.name, line)
        rows.append((written, kind, provider))
    notes = Notes(notes.date, notes.source, notes.licence, table.notes.parts)
    work.staged.write_bytes(write_table(notes, HEADER, rows))
    return Made(notes, len(rows), work.rows_packaged("networks"))


def tor_exits(work: Work) -> Made:
    """The Tor exits of the list in force are replaced by these. Raises DataFileError naming the line."""
    name = work.incoming.name
    found: dict[str, None] = {}
    for line, text in enumerate(work.incoming.text.splitlines(), start=1):
        text = text.strip()
        if not text or text.startswith("#"):
            continue
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            raise at(name, line, f"{text[:45]!r} is not an IP address") from None
        if not address.is_global:
            raise at(name, line, f"{text} is not an address of the internet")
        found[str(address)] = None
    notes = work.notes(day=None, source="Tor Project, list of exit addresses", licence=NOT_STATED)
    return _renew(work, notes, "tor", [(text, "tor", "Tor") for text in found], lambda row: row[1] == "tor")


def aws_ranges(work: Work) -> Made:
    """The ranges of Amazon AWS in the list in force are replaced by these. Raises DataFileError."""
    document, name = work.incoming.json, work.incoming.name
    found: dict[str, str] = {}
    for entry in _prefixes(document, ("prefixes", "ipv6_prefixes"), name):
        written = _text(entry, ("ip_prefix", "ipv6_prefix"), name)
        kind = "cdn" if entry.get("service") == "CLOUDFRONT" else "hosting"
        if kind == "cdn" or written not in found:
            found[written] = kind
    notes = work.notes(
        day=_day(document["createDate"], name), source="Amazon Web Services, ip-ranges.json", licence=NOT_STATED
    )
    return _cloud(work, notes, "Amazon AWS", found)


def google_ranges(work: Work) -> Made:
    """The ranges of Google Cloud in the list in force are replaced by these. Raises DataFileError."""
    document, name = work.incoming.json, work.incoming.name
    entries = _prefixes(document, ("prefixes",), name)
    found = {_text(entry, ("ipv4Prefix", "ipv6Prefix"), name): "hosting" for entry in entries}
    notes = work.notes(day=_day(document["creationTime"], name), source="Google Cloud, cloud.json", licence=NOT_STATED)
    return _cloud(work, notes, "Google Cloud", found)


def _cloud(work: Work, notes: Notes, provider: str, found: dict[str, str]) -> Made:
    for number, written in enumerate(found, start=1):
        _check_range(written, work.incoming.name, number, "range")
    rows = [(written, kind, provider) for written, kind in found.items()]
    return _renew(work, notes, provider, rows, lambda row: row[2] == provider)


def _renew(work: Work, notes: Notes, part: str, rows: Iterable[Row], replaced: Callable[[Row], bool]) -> Made:
    """The list in force with one part of it replaced; the part has a date of its own."""
    located = work.in_force["networks"]
    before: Table = read_table(text_of(located.path), located.path.name)
    old: list[Row] = [(cells[0], cells[1], cells[2]) for _, cells in before.rows]
    kept, new = [row for row in old if not replaced(row)], list(rows)
    if not new:
        raise DataFileError(f"{work.incoming.name} lists nothing")
    assert notes.date is not None  # noqa: S101 - `Work.notes` refuses that
    parts = [entry for entry in before.notes.parts if entry[0] != part]
    parts.append((part, notes.date, notes.source))
    merged = Notes(before.notes.date, before.notes.source, before.notes.licence, tuple(parts))
    work.staged.write_bytes(write_table(merged, HEADER, kept + new))
    return Made(merged, len(new), len(old) - len(kept))


def _check_range(written: str, name: str, number: int, what: str = "line") -> None:
    try:
        first, last, bits = bounds(written)
        if last - first >= 1 << WIDEST_BITS[bits]:
            raise ValueError(f"{written[:45]!r} is wider than any network")
    except ValueError as error:
        raise DataFileError(f"{name}, {what} {number}: {error}") from None


def _prefixes(document: dict[str, object], keys: tuple[str, ...], name: str) -> list[dict[str, object]]:
    entries: list[dict[str, object]] = []
    for key in keys:
        value = document.get(key, [])
        if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
            raise DataFileError(f"{name}: {key} is not a list of objects")
        entries += value
    return entries


def _text(entry: dict[str, object], keys: tuple[str, ...], name: str) -> str:
    value = next((entry[key] for key in keys if key in entry), None)
    if not isinstance(value, str):
        raise DataFileError(f"{name}: an entry has none of {', '.join(keys)}")
    return value


def _day(value: object, name: str) -> date:
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError:
        raise DataFileError(f"{name} has no date that can be read") from None
