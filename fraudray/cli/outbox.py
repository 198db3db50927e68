"""`fraudray outbox`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from fraudray.cli.exits import ExitCode
from fraudray.cli.session import (
    AUTHOR,
    Author,
    DataDir,
    Json,
    Limit,
    Offset,
    Session,
    checked_author,
    examples,
    new_app,
)

app = new_app(help="See, retry and carry out alerts, messages and reports.")


class Status(StrEnum):
    """What became of an entry."""

    PENDING = "pending"
    DONE = "done"
    DEAD = "dead"


@app.command("list", epilog=examples("fraudray outbox list --status dead"))
def list_(
    ctx: typer.Context,
    status: Annotated[Status | None, typer.Option("--status", help="Only pending, done or dead ones.")] = None,
    limit: Limit = 50,
    offset: Offset = 0,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """List actions that leave through the outbox, newest first. A dead one was given up."""
    session = Session.of(ctx, as_json=as_json, data_dir=data_dir)
    with session.service() as service:
        found = service.outbox(status=status.value if status else None, limit=limit, offset=offset)
    from fraudray.cli.tables import listing, minute
    from fraudray.cli.tables import status as coloured

    rows = (
        (
            e["entry_id"], e["kind"], coloured(e["status"]), e["attempts"], e["transaction_id"], minute(e["due_at"]),
            e["outcome"],
        )
        for e in found["entries"]
    )  # fmt: skip
    columns = ("Entry", "Action", "Status", "Tries", "Transaction", "Due (UTC)", "Outcome")
    session.show(found, listing(columns, rows, empty="The outbox is empty."))


@app.command(epilog=examples("fraudray outbox retry out_0123"))
def retry(
    ctx: typer.Context,
    entry_id: Annotated[str, typer.Argument(metavar="ID", help="The entry's id, as `outbox list` shows it.")],
    author: Author = AUTHOR,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Send a dead entry once more: the server does it or, without one, `fraudray outbox run`."""
    session = Session.of(ctx, as_json=as_json, data_dir=data_dir)
    with session.service() as service:
        entry = service.retry(entry_id, author=checked_author(author))
    session.show(entry, f"{entry_id} is due again.")


@app.command(epilog=examples("fraudray outbox run"))
def run(ctx: typer.Context, as_json: Json = False, data_dir: DataDir = None) -> None:
    """Carry out what is due now, when no server runs on the data folder (a server does it by itself).

    Ends with code 1 when something did not leave: it stays pending until its next try, or is dead.
    """
    from fraudray.domain.errors import Refused
    from fraudray.service import LocalService

    session = Session.of(ctx, as_json=as_json, data_dir=data_dir)
    with session.service() as service:
        if not isinstance(service, LocalService):
            raise Refused("a server runs on this data folder and carries out its outbox by itself")
        tried = service.app.worker.drain()
        depth = service.app.store.outbox.depth()
    answer = {"tried": tried, "pending": depth["pending"][0], "dead": depth["dead"][0]}
    session.show(answer, f"Tried {tried:,}; {answer['pending']:,} pending, {answer['dead']:,} dead.")
    if answer["pending"] or answer["dead"]:
        raise typer.Exit(ExitCode.FOUND)
