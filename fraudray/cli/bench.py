"""`fraudray bench`."""

from __future__ import annotations

from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fraudray.cli.exits import ExitCode, InputError
from fraudray.cli.session import DataDir, Document, Json, Session, examples, new_app

if TYPE_CHECKING:
    from rich.console import RenderableType

app = new_app(help="Measure decisions a second, in process and over HTTP, and investigations.")
Customers = Annotated[int, typer.Option("--customers", min=1, max=1_000_000, help="How many customers pay.")]
Seed = Annotated[int, typer.Option("--seed", help="The same seed gives the same payments.")]


@app.command(epilog=examples("fraudray bench engine", "FRAUDRAY_FSYNC=normal fraudray bench engine --seconds 5 --json"))
def engine(
    ctx: typer.Context,
    count: Annotated[int, typer.Option("-n", "--count", min=1, max=5_000_000, help="Payments to decide.")] = 20_000,
    customers: Customers = 1000,
    seconds: Annotated[float | None, typer.Option("--seconds", min=0.1, help="Stop after this long.")] = None,
    seed: Seed = 1,
    folder: Annotated[
        Path | None,
        typer.Option("--folder", help="Where the temporary data folder is made; choose a real disk.", file_okay=False),
    ] = None,
    as_json: Json = False,
) -> None:
    """Decide synthetic payments in this process with durable storage, in a temporary data folder.

    With FRAUDRAY_DATABASE_URL of a PostgreSQL server: in a temporary schema of that database, dropped at the end.
    Beside it, in the same run: checking the same payments only, and bare inserts of as many bytes.
    """
    from fraudray.cli.bench_engine import bench_engine

    session = Session.of(ctx, as_json=as_json, data_dir=None)
    if folder is not None and not folder.is_dir():
        raise InputError(f"{folder} is no folder")
    answer = bench_engine(session.settings, count=count, customers=customers, seconds=seconds, seed=seed, folder=folder)
    session.show(answer, _engine_view(answer))


@app.command(epilog=examples("fraudray bench http --url http://127.0.0.1:8000 --seconds 10"))
def http(
    ctx: typer.Context,
    url: Annotated[
        str | None, typer.Option("--url", help="The server.", show_default="the one that owns the data folder")
    ] = None,
    connections: Annotated[int, typer.Option("--connections", min=1, max=4096, help="Kept-alive connections.")] = 16,
    seconds: Annotated[float, typer.Option("--seconds", min=0.1, max=3600, help="How long each part counts.")] = 10.0,
    customers: Customers = 1000,
    seed: Seed = 1,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Post distinct payments to a running server, beside a trivial POST through the same ingress.

    The payments are decided and stored like all others. A server that wants a key gets FRAUDRAY_API_KEY or, where it
    owns the data folder, its own token. Code 1 when any was answered with another status than 201.
    """
    from fraudray.bootstrap import running_server, server_key
    from fraudray.cli.bench_http import bench_http
    from fraudray.settings import address_of

    session = Session.of(ctx, as_json=as_json, data_dir=data_dir)
    settings = session.settings
    address = url or running_server(settings.data_dir) or address_of(settings.host, settings.port)
    key = server_key(settings, address)
    answer = bench_http(address, key=key, connections=connections, seconds=seconds, customers=customers, seed=seed)
    session.show(answer, _http_view(answer))
    decided = answer["decisions"]
    if decided["other_answers"] or decided["lost_connections"] or not decided["answers"]:
        raise typer.Exit(ExitCode.FOUND)


for further in entry_points(group="fraudray.benches"):
    app.command(name=further.name, epilog=examples(f"fraudray bench {further.name}"))(further.load())


def _engine_view(answer: Document) -> RenderableType:
    from rich.console import Group

    from fraudray.cli.tables import fields, listing

    baselines, rate = answer["baselines_per_s"], answer["decisions_per_s"]
    database = answer["database"]
    bare = baselines[f"bare_{database}_insert"]
    storage = f"{database}, {answer['bytes_stored_each']:,} bytes each, {answer['in_flight_max']} in flight, "
    storage += f"fsync {answer['fsync']} ({answer['fsync_ms']} ms a sync here)"
    outcomes = ", ".join(f"{word} {count:,}" for word, count in answer["outcomes"].items())
    head = fields(
        [
            ("decided", f"{answer['decisions']:,} payments of {answer['customers']:,} customers ({outcomes})"),
            ("decisions/s", f"{rate:,.0f} in one process, {answer['cpu_us_each']:,.0f} µs CPU each"),
            ("storage", storage),
            ("baseline", f"{baselines['parse_and_validate']:,.0f}/s only checked"),
            (
                "baseline",
                f"{bare:,.0f}/s bare {database} inserts, {answer['in_flight_max']} in a commit",
            ),
        ]
    )  # fmt: skip
    rows = ((name, f"{stage['mean']:.3f}", f"{stage['p99']:.3f}") for name, stage in answer["stages_ms"].items())
    return Group(head, listing(("Stage (ms)", "Mean", "p99"), rows, empty=""))


def _http_view(answer: Document) -> RenderableType:
    from rich.console import Group

    from fraudray.cli.tables import fields, listing

    rows = (
        (
            name, f"{part['requests_per_s']:,.0f}", part["answers"], part["other_answers"], part["lost_connections"],
            part["p50_ms"], part["p99_ms"],
        )
        for name, part in (("POST decisions", answer["decisions"]), ("POST baseline", answer["baseline"]))
    )  # fmt: skip
    columns = ("", "Requests/s", "Answers", "Other statuses", "Lost", "p50 ms", "p99 ms")
    head = fields(
        [("server", answer["url"]), ("load", f"{answer['connections']} connections, {answer['seconds']:g} s each")]
    )
    return Group(head, listing(columns, rows, empty=""))
