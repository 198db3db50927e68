"""`fraudray history generate`."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fraudray.cli.exits import InputError
from fraudray.cli.session import Document, Json, Session, examples

if TYPE_CHECKING:
    from rich.console import RenderableType

EXAMPLES = examples(
    "fraudray history generate history/ --rows 1_000_000 --seed 7",
    "fraudray history generate history/ --rows 20_000_000 --days 365 --fraud-share 0.005 --force --json",
    "fraudray customers import history/customers.ndjson",
)


def generate(
    ctx: typer.Context,
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder to make.")],
    rows: Annotated[int, typer.Option("--rows", help="Exactly how many transactions.")] = 1_000_000,
    seed: Annotated[int, typer.Option("--seed", help="The same seed gives the same bytes.")] = 1,
    customers: Annotated[
        int | None, typer.Option("--customers", help="How many pay.", show_default="rows / days: once a day each")
    ] = None,
    days: Annotated[int, typer.Option("--days", help="How many days they lie in.")] = 180,
    start: Annotated[
        datetime | None,
        typer.Option(
            "--start", formats=["%Y-%m-%d"], help="First day, UTC.", show_default="so that it ends on 2026-06-29"
        ),
    ] = None,
    fraud_share: Annotated[float, typer.Option("--fraud-share", help="Share of the rows, 0 to 0.2.")] = 0.008,
    label_delay_days: Annotated[
        float, typer.Option("--label-delay-days", help="Mean age at which a row's label is known.")
    ] = 30.0,
    force: Annotated[bool, typer.Option("--force", help="Replace an earlier generated history in OUT.")] = False,
    as_json: Json = False,
) -> None:
    """Make a synthetic history with fraud of seven kinds: Parquet files, labels, and the customers' profiles.

    Good for load, correctness and comparisons; detection figures on it say nothing about the world (OUT/README.md).
    """
    from fraudray.batch.synthetic.generate import generate_history
    from fraudray.batch.synthetic.plan import DAYS_MAX, END, Plan
    from fraudray.batch.synthetic.row import ROW
    from fraudray.cli.bulk import progress

    session = Session.of(ctx, as_json=as_json, data_dir=None)
    first = start.date() if start else END - timedelta(days=min(max(days, 0), DAYS_MAX))
    try:
        plan = Plan.of(
            rows=rows, seed=seed, customers=customers, days=days, start=first,
            fraud_share=fraud_share, label_delay_days=label_delay_days,
        )  # fmt: skip
    except ValueError as error:
        raise InputError(str(error)) from None
    with progress(plan.rows * ROW.itemsize, f"generating {plan.rows:,} rows") as bar:
        document = generate_history(plan, out, force=force, done=lambda count: bar(count * ROW.itemsize))
    session.show(document, _view(document, out))


def _view(document: Document, out: Path) -> RenderableType:
    from fraudray.cli.tables import fields

    scenarios = [f"{name}: {held['rows']:,}" for name, held in document["scenarios"].items()]
    return fields(
        [
            ("folder", str(out)),
            ("transactions", f"{document['rows']:,} in {len(document['files'])} files"),
            ("from", document["first_timestamp"]),
            ("to", document["last_timestamp"]),
            ("customers", f"{document['customers']:,}, {document['customers_registered']:,} of them registered"),
            ("fraud", f"{document['fraud_rows']:,} ({document['fraud_share']:.2%})"),
            ("", "\n".join(scenarios)),
            ("", document["note"]),
        ]
    )
