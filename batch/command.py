"""`fraudray backtest`: decide a history again, and measure."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fraudray.cli.exits import say
from fraudray.cli.session import Document, Json, Session, examples

if TYPE_CHECKING:
    from rich.console import RenderableType

    from fraudray.batch.backtest import BacktestResult

app = typer.Typer(add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False)


@app.command(
    epilog=examples(
        "fraudray backtest handbook.parquet --policy handbook --out run",
        "fraudray backtest payments --policy mine.yaml --challenger new.yaml --from 2026-01-01 --out run",
        "fraudray backtest payments --policy mine.yaml --costs costs.yaml --out run --json | jq .figures.claim",
        "fraudray backtest payments --investigate --llm tiny --investigate-max 100 --prices prices.yaml --out run",
    )
)
def backtest(
    ctx: typer.Context,
    history: Annotated[
        list[str],
        typer.Argument(help="A store of `fraudray history import`; or files, folders, globs, s3:// to import first."),
    ],
    out: Annotated[Path, typer.Option("--out", help="Folder of the results; a stopped run in it goes on.")],
    policy: Annotated[
        str, typer.Option("--policy", help="default, handbook, current, or a policy or book file.")
    ] = "default",
    challenger: Annotated[
        str | None, typer.Option("--challenger", help="A second policy, compared transaction by transaction.")
    ] = None,
    start: Annotated[
        str | None, typer.Option("--from", help="First day or moment (UTC) to measure; what is before warms up.")
    ] = None,
    end: Annotated[str | None, typer.Option("--to", help="Day or moment (UTC) from which on nothing is read.")] = None,
    mapping: Annotated[
        str | None, typer.Option("--mapping", help="For files: a ready mapping's name, or a mapping file.")
    ] = None,
    customers: Annotated[
        str | None,
        typer.Option("--customers", help="Registered customers: a file as `customers import` reads, or samples."),
    ] = None,
    costs: Annotated[Path | None, typer.Option("--costs", help="What decisions cost (YAML).", dir_okay=False)] = None,
    investigate: Annotated[
        bool, typer.Option("--investigate", help="Ask a model about what the policy escalates (vLLM on Ray Data).")
    ] = False,
    llm: Annotated[
        str | None,
        typer.Option("--llm", help="The model: tiny, a folder, or a YAML file of how it is run. [default: llm_serve]"),
    ] = None,
    investigate_max: Annotated[
        int | None, typer.Option("--investigate-max", help="Ask about so many at most, drawn evenly.", min=1)
    ] = None,
    prices: Annotated[
        Path | None, typer.Option("--prices", help="What the model's machines cost by the hour (YAML).", dir_okay=False)
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Begin anew in a folder that holds another back-test.")
    ] = False,
    report: Annotated[bool, typer.Option("--report/--no-report", help="Write report.html.")] = True,
    progress_file: Annotated[Path | None, typer.Option("--progress-file", hidden=True)] = None,
    as_json: Json = False,
) -> None:
    """Decide years of history again by a policy, and measure what that would have caught and cost.

    The very engine decides, each customer's transactions in order of arrival; nothing is stored elsewhere, sent or
    frozen. Writes decisions with reasons (Parquet, by day), result.json and report.html, which opens without a network.
    Runs on the Ray cluster that RAY_ADDRESS names, else on this machine. Killed half-way, the same command goes on.
    """
    from fraudray.batch.backtest import backtest as run
    from fraudray.batch.history.progress import bars, noted
    from fraudray.batch.investigate.plan import plan_of
    from fraudray.batch.investigate.prices import load_prices
    from fraudray.batch.moments import utc_moment
    from fraudray.batch.report.costs import load_costs
    from fraudray.cli.books import named_book, named_customers

    session = Session.of(ctx, as_json=as_json, data_dir=None)
    books = [named_book(name, session) for name in (policy, challenger) if name is not None]
    registered = named_customers(customers)
    priced = load_costs(costs) if costs is not None else None
    of_the_model = {"--llm": llm, "--investigate-max": investigate_max, "--prices": prices}
    given = [name for name, value in of_the_model.items() if value is not None]
    if given and not investigate:
        raise typer.BadParameter(f"{given[0]} says something of an investigation: add --investigate")
    # Ray says some things on stdout, which is for the result.
    with redirect_stdout(sys.stderr), bars() if progress_file is None else noted(progress_file) as watch:
        result = run(
            history if len(history) > 1 else history[0],
            books[0],
            books[1] if len(books) > 1 else None,
            out=out,
            mapping=mapping,
            start=utc_moment(start, "--from") if start is not None else None,
            end=utc_moment(end, "--to") if end is not None else None,
            customers=registered,
            costs=priced,
            investigation=plan_of(llm, session.settings, investigate_max) if investigate else None,
            prices=load_prices(prices) if prices is not None else None,
            settings=session.settings,
            report=report,
            fresh=fresh,
            say=say,
            watch=watch,
        )
    session.show(_document(result), _view(result))


def _document(result: BacktestResult) -> Document:
    return {
        "run_id": result.run_id,
        "folder": str(result.folder),
        "report": str(result.report) if result.report else None,
        "seconds": {name: round(value, 2) for name, value in result.seconds.items()},
        "summary": result.summary(),
        "run": dict(result.run),
        "figures": dict(result.figures),
    }


def _view(result: BacktestResult) -> RenderableType:
    from fraudray.cli.tables import fields

    rows = result.run["history"]["rows"]
    wall_s = sum(value for name, value in result.seconds.items() if not name.startswith("worker"))
    steps = ", ".join(f"{name} {value:.1f}" for name, value in result.seconds.items())
    lines = [
        *result.summary(),
        ("Rows a second", f"{rows / wall_s:,.0f} ({rows:,} in {wall_s:.1f} s: {steps})"),
        ("Decisions", str(result.folder / "decisions")),
        ("Report", str(result.report or "not asked for")),
    ]
    return fields(lines)
