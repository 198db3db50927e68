"""`fraudray cases`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from fraudray.cli.session import (
    AUTHOR,
    Author,
    DataDir,
    Document,
    Json,
    Limit,
    Offset,
    Session,
    checked_author,
    examples,
    new_app,
)

app = new_app(help="Take, work on, search and export cases.")
CaseId = Annotated[str, typer.Argument(metavar="ID", help="The case's id, FRD-YYYY-NNNN.")]


class Status(StrEnum):
    """Which cases, by where they stand."""

    OPEN = "open"
    CLAIMED = "claimed"
    WAITING = "waiting"
    ESCALATED = "escalated"
    REOPENED = "reopened"
    CLOSED = "closed"
    ACTIVE = "active"
    READY = "ready"


class Order(StrEnum):
    """In which order."""

    NEWEST = "newest"
    RISK = "risk"
    OLDEST = "oldest"
    DUE = "due"
    AMOUNT = "amount"


ByStatus = Annotated[
    Status | None,
    typer.Option("--status", help="A status; active: not closed; ready: nobody works on it or waits for it."),
]
ByCustomer = Annotated[str | None, typer.Option("--customer", help="Only this customer's.")]
Search = Annotated[
    str | None,
    typer.Option("--search", help="Words: beginnings of ids, merchants and reason codes; whole words of notes."),
]
ByReason = Annotated[str | None, typer.Option("--reason-code", help="Only with this reason code.")]
ByAssignee = Annotated[str | None, typer.Option("--assignee", help="Only those that this person works on.")]
MinAmount = Annotated[str | None, typer.Option("--amount-min", help="In the policy's base currency.")]
Overdue = Annotated[bool, typer.Option("--overdue", help="Only active ones past their due time.")]
Sort = Annotated[Order, typer.Option("--sort", help="risk: the highest score, then the oldest.")]


def wanted(
    *, status: Status | None, customer: str | None, search: str | None, reason_code: str | None, assignee: str | None,
    amount_min: str | None, overdue: bool, sort: Order,
) -> Document:  # fmt: skip
    """The options as the parts of a CaseQuery."""
    return {
        "status": status and status.value, "customer_id": customer, "q": search, "reason": reason_code,
        "assignee": assignee, "amount_min": amount_min, "overdue": overdue or None, "sort": sort.value,
    }  # fmt: skip


@app.command("list", epilog=examples("fraudray cases list --status open", "fraudray cases list --search CRYPTO"))
def list_(
    ctx: typer.Context,
    status: ByStatus = None,
    customer: ByCustomer = None,
    search: Search = None,
    reason_code: ByReason = None,
    assignee: ByAssignee = None,
    amount_min: MinAmount = None,
    overdue: Overdue = False,
    sort: Sort = Order.NEWEST,
    limit: Limit = 50,
    offset: Offset = 0,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """List cases, the newest alert first."""
    session = Session.of(ctx, as_json=as_json, data_dir=data_dir)
    query = wanted(
        status=status, customer=customer, search=search, reason_code=reason_code, assignee=assignee,
        amount_min=amount_min, overdue=overdue, sort=sort,
    )  # fmt: skip
    with session.service() as service:
        found = service.cases(limit=limit, offset=offset, **query)
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
