"""`fraudray history`: bring transactions in for back-tests, or generate them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fraudray.batch.synthetic.command import EXAMPLES, generate
from fraudray.cli.exits import ExitCode, InputError, say
from fraudray.cli.session import Document, Json, Session, examples, new_app, print_json

if TYPE_CHECKING:
    from rich.console import RenderableType

    from fraudray.batch.history.manifest import Manifest

app = new_app(help="Bring histories of transactions in for back-tests, or generate one.")
app.command(epilog=EXAMPLES)(generate)


@app.command(
    "import",
    epilog=examples(
        "fraudray history import handbook.parquet --out handbook",
        "fraudray history import 'exports/**/*.csv.gz' --out payments --mapping mine.yaml --rejects bad.ndjson",
        "fraudray history import s3://bucket/payments/ --out payments --mapping mine.yaml",
    ),
)
def import_(
    ctx: typer.Context,
    sources: Annotated[
        list[str],
        typer.Argument(help="Parquet, CSV (.gz) or NDJSON (.gz): files, folders, globs, s3://bucket/prefix."),
    ],
    out: Annotated[Path, typer.Option("--out", help="The store: a new folder.", file_okay=False)],
    mapping: Annotated[
        str | None,
        typer.Option(
            "--mapping", help="A ready mapping's name, or a mapping file.", show_default="the ready one that fits"
        ),
    ] = None,
    rejects: Annotated[
        Path | None,
        typer.Option(
            "--rejects", help="Where refused rows are listed, with reasons.", show_default="STORE/rejects.ndjson"
        ),
    ] = None,
    partitions: Annotated[
        int | None,
        typer.Option(
            "--partitions", min=1, max=100_000, help="Parts; a customer lies in one.", show_default="250,000 rows each"
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Import anew over a store that is there.")] = False,
    as_json: Json = False,
) -> None:
    """Read a history, check every row as a live transaction is checked, and store it for back-tests.

    Stopped half-way, the same command again goes on. Code 1 when rows were refused.
    """
    from fraudray.batch.history.importing import import_history
    from fraudray.batch.history.progress import bars

    if rejects is not None and not rejects.absolute().parent.is_dir():
        raise InputError(f"{rejects.parent} is no folder")
    told: list[str] = []

    def tell(line: str) -> None:
        told.append(line)
        say(line)

    try:
        with bars() as watch:
            manifest = import_history(
                sources, mapping, out, rejects=rejects, partitions=partitions, force=force, say=tell, watch=watch
            )
    except KeyboardInterrupt:
        say("stopped; the same command again goes on")
        raise
    Session.of(ctx, as_json=as_json, data_dir=None).show(_document(out, manifest), _view(out, manifest))
    if manifest.counts.rejected and not any("nothing to do" in line for line in told):
        raise typer.Exit(ExitCode.FOUND)


@app.command(epilog=examples("fraudray history mappings"))
def mappings(ctx: typer.Context, as_json: Json = False) -> None:
    """List the ready mappings."""
    from fraudray.batch.history.mapping_file import read_mapping, ready_names
    from fraudray.cli.tables import listing

    documents = [(name, read_mapping(name).document) for name in ready_names()]
    found = [{"name": name, "description": one.description, "columns": one.columns} for name, one in documents]
    table = listing(("Mapping", "For"), [(one["name"], one["description"]) for one in found], empty="")
    Session.of(ctx, as_json=as_json, data_dir=None).show(found, table)


@app.command(epilog=examples("fraudray history mapping fraudray > mine.yaml"))
def mapping(name: Annotated[str, typer.Argument(help="`fraudray history mappings` lists them.")]) -> None:
    """Print a ready mapping, as a start for your own."""
    from fraudray.batch.history.mapping_file import ready_text

    typer.echo(ready_text(name), nl=False)


@app.command(epilog=examples("fraudray history schema > mapping.schema.json"))
def schema() -> None:
    """Print the JSON Schema (draft 2020-12) of mapping files."""
    from fraudray.batch.history.mapping import mapping_schema

    print_json(mapping_schema())


@app.command(epilog=examples("fraudray history show handbook", "fraudray history show handbook --json | jq .counts"))
def show(
    ctx: typer.Context,
    store: Annotated[Path, typer.Argument(help="The folder of a store.", file_okay=False)],
    as_json: Json = False,
) -> None:
    """Show what a store holds, and what it was made of."""
    from fraudray.batch.history.store import HistoryStore

    manifest = HistoryStore.open(store).manifest
    Session.of(ctx, as_json=as_json, data_dir=None).show(_document(store, manifest), _view(store, manifest))


@app.command(
    epilog=examples("fraudray history foresight handbook --policy handbook --at 2018-06-01"),
)
def foresight(
    ctx: typer.Context,
    store: Annotated[Path, typer.Argument(help="The folder of a store.", file_okay=False)],
    at: Annotated[str, typer.Option("--at", help="A day or moment (UTC); everything from then on is changed.")],
    policy: Annotated[str, typer.Option("--policy", help="default, handbook, current, or a file.")] = "default",
    as_json: Json = False,
) -> None:
    """Prove that nothing decided before a moment rests on what happened or became known after it.

    Every row that arrives from then on is changed and every label that becomes known from then on turned round; both
    histories are decided and compared. Code 1 when a decision, fact or reason before the moment differs.
    """
    from dataclasses import asdict

    from fraudray.batch.history.progress import bars
    from fraudray.batch.history.store import HistoryStore
    from fraudray.batch.moments import utc_moment
    from fraudray.batch.replay.foresight import look_for_foresight
    from fraudray.cli.books import named_book
    from fraudray.cli.tables import fields

    session = Session.of(ctx, as_json=as_json, data_dir=None)
    book = named_book(policy, session)
    with bars() as watch:
        found = look_for_foresight(
            HistoryStore.open(store), book, utc_moment(at, "--at"), session.settings, watch=watch
        )
    lines = [
        ("compared", f"{found.compared:,} transactions before {at}"),
        ("changed", f"{found.rows_changed:,} transactions and {found.labels_changed:,} labels from then on"),
        ("differ", f"{found.differing:,}" + "".join(f"\n{name}" for name in found.examples)),
    ]
    session.show(asdict(found), fields(lines))
    if found.differing:
        raise typer.Exit(ExitCode.FOUND)


def _document(store: Path, manifest: Manifest) -> Document:
    return {"store": str(store)} | manifest.model_dump(mode="json")


def _view(store: Path, manifest: Manifest) -> RenderableType:
    from rich.console import Group

    from fraudray.cli.tables import fields, listing

    counts, labels = manifest.counts, manifest.labels
    rows = f"read {counts.read:,} = kept {counts.kept:,} + rejected {counts.rejected:,}"
    span = "none" if manifest.first_occurred is None else f"{manifest.first_occurred:%Y-%m-%d %H:%M:%S} to "
    span += "" if manifest.last_occurred is None else f"{manifest.last_occurred:%Y-%m-%d %H:%M:%S} UTC"
    size = sum(source.bytes for source in manifest.sources)
    facts = [
        ("store", f"{store} ({manifest.partitions} parts, made {manifest.created:%Y-%m-%d %H:%M} UTC)"),
        ("rows", rows),
        ("occurred", span),
        ("labels", f"{labels.fraud:,} fraud, {labels.genuine:,} genuine, {labels.unlabelled:,} without a label"),
        ("mapping", f"{manifest.mapping.name} ({manifest.mapping.hash[:19]})"),
        ("sources", f"{len(manifest.sources):,} files, {size:,} bytes; {manifest.sources[0].path}"),
        ("recorded", ", ".join(manifest.recorded)),
        ("not recorded", ", ".join(manifest.not_recorded)),
        ("not mapped", ", ".join(name or "(a column without a name)" for name in manifest.unmapped) or "nothing"),
        ("fingerprint", manifest.fingerprint),
    ]
    if manifest.rejects is not None:
        facts.append(("rejects", manifest.rejects))
    codes = sorted(counts.rejected_by_code.items(), key=lambda item: -item[1])
    refused = listing(("Rejected", "Rows"), ((code, f"{count:,}") for code, count in codes), empty="")
    return Group(fields(facts), *([refused] if codes else []))
