"""`fraudray data`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fraudray.cli.exits import ExitCode, InputError, say
from fraudray.cli.session import AUTHOR, Author, DataDir, Document, Json, Session, checked_author, examples, new_app

if TYPE_CHECKING:
    from rich.console import RenderableType

NOTE_MAX = 200
app = new_app(
    help="The lists of the world (places, IP countries, networks, high-risk countries, rates, merchant categories): "
    "how old they are, and one command that renews them. Nothing is fetched: you download, it checks and installs."
)


@app.command(epilog=examples("fraudray data status", "fraudray data status --json | jq .old"))
def status(ctx: typer.Context, as_json: Json = False, data_dir: DataDir = None) -> None:
    """Show each list in force: date, age, licence, source. Ends with 1 when one is too old or has no date."""
    session = Session.of(ctx, as_json=as_json, data_dir=data_dir)
    with session.service() as service:
        found = service.data_status()
    session.show(found, _status_view(found["lists"]))
    if found["old"]:
        raise typer.Exit(ExitCode.FOUND)


@app.command(
    epilog=examples(
        "fraudray data update eurofxref.csv",
        "fraudray data update torbulkexitlist --date 2026-11-25",
        "fraudray data update dbip-country-lite-2026-11.mmdb --licence 'CC BY 4.0'",
        "fraudray data update our-networks.csv.gz --kind networks",
    )
)
def update(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="What you downloaded or wrote; plain, .gz or .zip.")],
    kind: Annotated[str | None, typer.Option("--kind", help="Refuse the file unless it is of this kind.")] = None,
    on: Annotated[
        datetime | None, typer.Option("--date", formats=["%Y-%m-%d"], help="The day it is of, if it does not say.")
    ] = None,
    source: Annotated[str | None, typer.Option("--source", help="Where it is from, if it does not say.")] = None,
    licence: Annotated[str | None, typer.Option("--licence", help="Its licence, if it does not say.")] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Take it though it is older or less than half of what there was.")
    ] = False,
    author: Author = AUTHOR,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Check a file and put it in force; a running server takes it up within seconds.

    Recognised: rates as CSV (currency,units_per_usd) or the ECB's eurofxref.csv; networks as CSV (range,kind,provider),
    a list of Tor exits, AWS' ip-ranges.json, Google's cloud.json; a country database in MaxMind's format; high-risk
    countries as CSV (country,name,status); merchant categories as CSV (mcc,description,group); places as
    places.sqlite or GeoNames' cities files. The whole file is checked first; a bad one changes nothing.
    """
    from fraudray.reference import located
    from fraudray.world.folder import WorldFolder
    from fraudray.world.incoming import Told
    from fraudray.world.kinds import find_kind
    from fraudray.world.updating import Update, update_list

    session = Session.of(ctx, as_json=as_json, data_dir=data_dir)
    if kind is not None:
        find_kind(kind)
    told = Told(on.date() if on else None, _note(source, "--source"), _note(licence, "--licence"))
    in_force = located(session.settings)
    wanted = Update(file, checked_author(author), datetime.now(UTC), told, kind, force)
    found, edition = update_list(WorldFolder(session.settings.data_dir), in_force, wanted)
    if in_force[found.name].origin == "setting":
        say(f"warning: the setting {found.setting} names another file, which stays in force")
    document = {"kind": found.name} | edition.model_dump(mode="json")
    session.show(document, f"{found.name} of {edition.date} ({edition.rows:,} rows, {edition.form}) is in force.")


@app.command(epilog=examples("fraudray data revert rates"))
def revert(
    ctx: typer.Context,
    kind: Annotated[str, typer.Argument(help="Which list; `fraudray data status` names them.")],
    author: Author = AUTHOR,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Put the edition before the last update in force again, or the packaged list; once more undoes that."""
    from fraudray.world.folder import WorldFolder
    from fraudray.world.kinds import find_kind

    session = Session.of(ctx, as_json=as_json, data_dir=data_dir)
    name = find_kind(kind).name
    folder = WorldFolder(session.settings.data_dir)
    slot = folder.revert(name, author=checked_author(author), at=datetime.now(UTC))
    now = f"of {slot.current.date}" if slot.current else "as packaged"
    session.show({"kind": name} | slot.model_dump(mode="json"), f"{name} {now} is in force.")


def _note(text: str | None, option: str) -> str | None:
    """A source or licence as told. Raises InputError for an empty, overlong or unprintable one."""
    if text is not None and not (0 < len(text.strip()) <= NOTE_MAX and text.isprintable()):
        raise InputError(f"{option} is a line of 1 to {NOTE_MAX} printable characters")
    return text.strip() if text is not None else None


def _status_view(lists: Iterable[Document]) -> RenderableType:
    from fraudray.cli.tables import listing, plain

    styles = {"ok": "green", "old": "bold red", "partly old": "yellow", "undated": "yellow"}
    columns = ("List", "Tells", "Date", "Age", "Allowed", "State", "From", "Licence", "Source")
    rows = (
        (
            plain(entry["kind"], "bold"), entry["purpose"], _date(entry), _days(entry["age_days"]),
            _days(entry["age_max_days"]), plain(entry["state"], styles[entry["state"]]), entry["origin"],
            entry["licence"] or "unknown", entry["source"] or "unknown",
        )
        for entry in lists
    )  # fmt: skip
    return listing(columns, rows, empty="")


def _days(days: int | None) -> str:
    return "unknown" if days is None else f"{days} d"


def _date(entry: Document) -> str:
    """The date, and the parts that are of another one."""
    parts = [f"{part['part']}: {date.fromisoformat(part['date'])}" for part in entry["parts"]]
    return "\n".join([entry["date"] or "unknown", *parts])
