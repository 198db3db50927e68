"""`fraudray bench history`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fraudray.cli.exits import ExitCode, say
from fraudray.cli.session import Json, Session

ROWS = 500_000


def history(
    ctx: typer.Context,
    file: Annotated[
        Path | None,
        typer.Option(
            "--file", help="Parquet file in the layout of the Fraud Detection Handbook.", dir_okay=False,
            show_default="payments of the same kind are made",
        ),
    ] = None,
    rows: Annotated[
        int | None,
        typer.Option(
            "--rows", min=1000, max=50_000_000, help="So many payments, the first in time.",
            show_default=f"all of a file, else {ROWS:,}",
        ),
    ] = None,
    runs: Annotated[int, typer.Option("--runs", min=1, max=100, help="How often both compute everything.")] = 3,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Compute the window features of a history by the columnar kernels, beside published pandas code in the same run.

    The baseline is the Fraud Detection Handbook's feature code (chapter 3.3): a pandas call for each customer and each
    terminal. Both start from columns in memory. Code 1, and no factor, when flags, customer counts and customer means
    are not equal; terminals' windows are of whole UTC hours here and not there, and how far they differ is told.
    """
    from fraudray.batch.bench.measure import measure
    from fraudray.batch.bench.reading import read_payments
    from fraudray.batch.bench.simulated import simulate
    from fraudray.batch.bench.view import bench_view

    session = Session.of(ctx, as_json=as_json, data_dir=None)
    if file is None:
        say(f"making {rows or ROWS:,} payments")
        payments = simulate(rows or ROWS)
    else:
        say(f"reading {file}")
        payments = read_payments(file, rows=rows)
    document = {"source": str(file or "made here")} | measure(payments, runs=runs, tell=say)
    session.show(document, bench_view(document))
    if document["median"] is None:
        raise typer.Exit(ExitCode.FOUND)
