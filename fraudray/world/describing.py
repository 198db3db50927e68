"""Where each list comes from, of when it is, and whether that is too old."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import maxminddb

from fraudray.domain.errors import DataFileError
from fraudray.geo.places_file import PlacesFile
from fraudray.world.folder import Edition, WorldFolder
from fraudray.world.kinds import KINDS, Kind
from fraudray.world.tables import Notes, read_table

Origin = Literal["packaged", "updated", "setting"]
State = Literal["ok", "partly old", "old", "undated"]


@dataclass(frozen=True, slots=True)
class Located:
    """The file in force of a kind; `edition` when it was installed by an update."""

    kind: Kind
    path: Path
    origin: Origin
    edition: Edition | None = None


@dataclass(frozen=True, slots=True)
class About:
    """What a list says of itself, and how many rows it has (nodes, of an IP database)."""

    notes: Notes
    rows: int


def locate(data_dir: Path, settings: Mapping[str, Path | None]) -> dict[str, Located]:
    """The files in force: a setting counts before an update, an update before what is packaged.

    Raises SettingsError when the manifest of updates is damaged.
    """
    folder = WorldFolder(data_dir)
    slots = folder.manifest().kinds
    found = {}
    for kind in KINDS.values():
        path, slot = settings.get(kind.setting), slots.get(kind.name)
        if path is not None:
            found[kind.name] = Located(kind, path, "setting")
        elif slot is not None and slot.current is not None:
            found[kind.name] = Located(kind, folder.path / slot.current.file, "updated", slot.current)
        else:
            found[kind.name] = Located(kind, kind.packaged_path, "packaged")
    return found


def describe(kind: Kind, path: Path) -> About:
    """What is in a file. Raises DataFileError, OSError and what a file of that kind raises when it is broken."""
    return _describe(kind.name, path, path.stat().st_mtime_ns)


@lru_cache(maxsize=32)
def _describe(name: str, path: Path, _changed_ns: int) -> About:
    match name:
        case "places":
            file = PlacesFile(path)
            file.close()
            about = file.about
            on = date.fromisoformat(about["date"]) if "date" in about else None
            found = About(Notes(on, about.get("source", ""), about.get("licence", "")), len(file))
        case "ip-countries":
            with maxminddb.open_database(path) as database:
                metadata = database.metadata()
            on = datetime.fromtimestamp(metadata.build_epoch, UTC).date()
            found = About(Notes(on, str(metadata.database_type)), metadata.node_count)
        case _:
            found = _describe_table(path, with_dates=name == "rates")
    beside = _packaged_notes().get(path.name) if path.parent == KINDS[name].packaged_path.parent else None
    return About(beside, found.rows) if beside else found


def _describe_table(path: Path, *, with_dates: bool) -> About:
    table = read_table(text_of(path), path.name)
    notes = table.notes
    if with_dates and notes.date is not None:
        earlier = [date.fromisoformat(cells[2]) for _, cells in table.rows if len(cells) > 2 and cells[2]]
        if earlier:
            part = (f"{len(earlier)} of {len(table.rows)} rates", min(earlier), "")
            notes = Notes(notes.date, notes.source, notes.licence, (part,))
    return About(notes, len(table.rows))


def text_of(path: Path) -> str:
    """The text of an installed list, plain or gzip. Raises DataFileError."""
    raw = path.read_bytes()
    try:
        return (gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw).decode("utf-8-sig")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise DataFileError(f"{path.name}: {error}") from None


@lru_cache(maxsize=1)
def _packaged_notes() -> Mapping[str, Notes]:
    """The notes of those packaged files that cannot carry their own."""
    beside: dict[str, dict[str, str]] = json.loads(
        KINDS["places"].packaged_path.with_name("about.json").read_text(encoding="utf-8")
    )
    return {
        name: Notes(date.fromisoformat(notes["date"]), notes["source"], notes["licence"])
        for name, notes in beside.items()
    }


def status_of(located: Located, today: date) -> dict[str, Any]:
    """One list as `fraudray data status` shows it; ages in days."""
    kind, edition = located.kind, located.edition
    about = describe(kind, located.path)
    notes = about.notes
    if edition is not None:
        notes = Notes(edition.date, edition.source, edition.licence, notes.parts)
    newest, oldest = notes.newest, edition.oldest if edition else notes.oldest
    return {
        "kind": kind.name,
        "purpose": kind.purpose,
        "date": newest.isoformat() if newest else None,
        "oldest": oldest.isoformat() if oldest else None,
        "age_days": max(0, (today - oldest).days) if oldest else None,
        "age_max_days": kind.age_max_days,
        "age_why": kind.why,
        "state": state_of(kind, newest, oldest, today),
        "parts": [{"part": what, "date": day.isoformat(), "source": source} for what, day, source in notes.parts],
        "rows": about.rows,
        "source": notes.source,
        "licence": notes.licence,
        "origin": located.origin,
        "file": str(located.path),
        "installed_at": edition.installed_at.isoformat() if edition else None,
        "author": edition.author if edition else None,
    }


def state_of(kind: Kind, newest: date | None, oldest: date | None, today: date) -> State:
    """Whether a list may still be relied on."""
    if newest is None or oldest is None:
        return "undated"
    if (today - newest).days > kind.age_max_days:
        return "old"
    return "partly old" if (today - oldest).days > kind.age_max_days else "ok"
