"""`fraudray cases`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

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

app = new_app(help="List, show, annotate and close cases.")
CaseId = Annotated[str, typer.Argument(metavar="ID", help="The case's id, FRD-YYYY-NNNN.")]


class Status(StrEnum):
    """Where a case stands."""

    OPEN = "open"
    CLOSED = "closed"


@app.command("list", epilog=examples("fraudray cases list --status open", "fraudray cases list --search CRYPTO"))
def list_(
    ctx: typer.Context,
    status: Annotated[Status | None, typer.Option("--status", help="Only open or closed ones.")] = None,
    customer: Annotated[str | None, typer.Option("--customer", help="Only this customer's.")] = None,
    search: Annotated[
        str | None, typer.Option("--search", help="Part of an id, a merchant's name or a reason code.")
    ] = None,
    limit: Limit = 50,
    offset: Offset = 0,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """List cases, the newest alert first."""
    session = Session.of(ctx, as_json=as_json, data_dir=data_dir)
    with session.service() as service:
        found = service.cases(
            status=status.value if status else None, customer_id=customer, q=search, limit=limit, offset=offset
        )
    from fraudray.cli.case_view import cases_view

    session.show(found, cases_view(found["cases"]))


@app.command(epilog=examples("fraudray cases show FRD-2026-0001"))
def show(ctx: typer.Context, case_id: CaseId, as_json: Json = False, data_dir: DataDir = None) -> None:
    """Show a case with its decisions and notes."""
    session = Session.of(ctx, as_json=as_json, data_dir=data_dir)
    with session.service() as service:
        case = service.case(case_id)
    from fraudray.cli.case_view import case_view

    session.show(case, case_view(case))


@app.command(epilog=examples("fraudray cases note FRD-2026-0001 'Called the customer: not her payment.'"))
def note(
    ctx: typer.Context,
    case_id: CaseId,
    text: Annotated[str, typer.Argument(help="What to note; card numbers in it are masked.")],
    author: Author = AUTHOR,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Note something on a case."""
    session = Session.of(ctx, as_json=as_json, data_dir=data_dir)
    with session.service() as service:
        entry = service.note(case_id, text=text, author=checked_author(author))
    session.show(entry, f"Noted on {case_id} as {entry['author']}.")


@app.command(epilog=examples("fraudray cases close FRD-2026-0001 --disposition fraud --reason 'Customer confirmed.'"))
def close(
    ctx: typer.Context,
    case_id: CaseId,
    disposition: Annotated[str, typer.Option("--disposition", help="How it ended: fraud, genuine, or your word.")],
    reason: Annotated[str, typer.Option("--reason", help="Why.")],
    author: Author = AUTHOR,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Close an open case.

    Closed as fraud (confirmed fraud, true positive) or as genuine (legitimate, not fraud, false positive), its
    transactions are labelled so. Any other word labels none.
    """
    session = Session.of(ctx, as_json=as_json, data_dir=data_dir)
    with session.service() as service:
        case = service.close_case(case_id, disposition=disposition, reason=reason, author=checked_author(author))
    session.show(case, f"Closed {case_id}: {disposition}.")
