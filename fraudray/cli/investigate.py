"""`fraudray investigate`: a model looks at one decision, its reasoning live."""

from __future__ import annotations

from contextlib import closing
from typing import Annotated

import typer

from fraudray.cli.exits import ExitCode
from fraudray.cli.model_choice import Llm, Model, settings_with
from fraudray.cli.session import (
    AUTHOR,
    Author,
    DataDir,
    Json,
    Session,
    checked_author,
    examples,
    new_app,
    print_json,
    read_transaction,
)

app = new_app()


@app.command(
    epilog=examples(
        "fraudray investigate TXN-20251201-191354",
        "fraudray investigate payment.json --llm http://127.0.0.1:8001/v1 --model fraud-1",
    )
)
def investigate(
    ctx: typer.Context,
    transaction: Annotated[
        str,
        typer.Argument(metavar="TX", help="Id of a decided transaction, or a JSON file (- for standard input)."),
    ],
    llm: Llm = None,
    model: Model = None,
    author: Author = AUTHOR,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Let a model investigate a decision: what it thinks, asks and concludes, as it happens.

    A transaction from a file is decided first. What the verdict may change says the policy: it confirms or raises the
    decision, and the revision is stored like any other. Beside a running server its model investigates. Ends with
    code 1 when there is no verdict, so that the policy's decision stands.
    """
    from fraudray.cli.investigation_view import InvestigationView, follow
    from fraudray.service import open_service

    author = checked_author(author)
    given = read_transaction(transaction)
    session = Session.of(ctx, as_json=as_json, data_dir=data_dir)
    settings = settings_with(llm, model, session.data_dir)
    with closing(open_service(settings, work=True)) as service:
        transaction_id = given if isinstance(given, str) else service.decide(given).transaction_id
        view = None if as_json else InvestigationView(session.out)
        investigation = follow(service, transaction_id, author=author, view=view)
        if view is None:
            print_json(investigation)
    raise typer.Exit(ExitCode.OK if investigation["status"] == "done" else ExitCode.FOUND)
