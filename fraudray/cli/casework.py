"""The commands of `fraudray cases` that work on them: take, put off, hand on, merge, undo, files, links, export."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from fraudray.cli.cases import (
    ByAssignee,
    ByCustomer,
    ByReason,
    ByStatus,
    CaseId,
    MinAmount,
    Order,
    Overdue,
    Search,
    Sort,
    app,
    wanted,
)
from fraudray.cli.exits import InputError
from fraudray.cli.session import AUTHOR, Author, DataDir, Document, Json, Session, checked_author, examples

Reason = Annotated[str, typer.Option("--reason", help="Why; on record with your name.")]
Why = Annotated[str | None, typer.Option("--reason", help="Why, if you like to say.")]
Version = Annotated[
    int | None,
    typer.Option("--version", min=1, help="The case's version as you saw it: nothing is done if it changed since."),
]


class Format(StrEnum):
    """What a table is written as."""

    CSV = "csv"
    PARQUET = "parquet"


@app.command("next", epilog=examples("fraudray cases next", "fraudray cases next --reason-code IMPOSSIBLE_TRAVEL"))
def next_(
    ctx: typer.Context,
    customer: ByCustomer = None,
    search: Search = None,
    reason_code: ByReason = None,
    amount_min: MinAmount = None,
    sort: Sort = Order.RISK,
    author: Author = AUTHOR,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Take the best case that is ready, and lock it for you for half an hour."""
    query = wanted(
        status=None, customer=customer, search=search, reason_code=reason_code, assignee=None, amount_min=amount_min,
        overdue=False, sort=sort,
    )  # fmt: skip
    session = Session.of(ctx, as_json=as_json, data_dir=data_dir)
    with session.service() as service:
        found = service.casework.next(author=checked_author(author), **query)
        case = service.case(found["case"]["case_id"]) if found["case"] else None
    if case is None:
        session.show(found, "No case is ready: everything is taken, waits or is closed.")
        return
    from fraudray.cli.case_view import case_view

    session.show(case, case_view(case))


@app.command(epilog=examples("fraudray cases claim FRD-2026-0001", "fraudray cases claim FRD-2026-0001 --take-over"))
def claim(
    ctx: typer.Context,
    case_id: CaseId,
    take_over: Annotated[bool, typer.Option("--take-over", help="Even from whoever works on it.")] = False,
    version: Version = None,
    author: Author = AUTHOR,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Take a case: nobody else may act on it for a while."""
    fields = {"take_over": True} if take_over else {}
    _act(ctx, case_id, "claim", version, author, as_json, data_dir, **fields)


@app.command(epilog=examples("fraudray cases release FRD-2026-0001"))
def release(
    ctx: typer.Context, case_id: CaseId, reason: Why = None, version: Version = None, author: Author = AUTHOR,
    as_json: Json = False, data_dir: DataDir = None,
) -> None:  # fmt: skip
    """Give a claimed case back to the queue."""
    _act(ctx, case_id, "release", version, author, as_json, data_dir, reason=reason)


@app.command(epilog=examples("fraudray cases wait FRD-2026-0001 --until 2d --reason 'Asked the merchant.'"))
def wait(
    ctx: typer.Context,
    case_id: CaseId,
    until: Annotated[str, typer.Option("--until", help="A date, a moment with its zone, or a duration: 2d.")],
    reason: Reason,
    version: Version = None,
    author: Author = AUTHOR,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Put a case off until then, or until a further alert."""
    _act(ctx, case_id, "wait", version, author, as_json, data_dir, until=until, reason=reason)


@app.command(epilog=examples("fraudray cases escalate FRD-2026-0001 --to team-two --reason 'Looks like a ring.'"))
def escalate(
    ctx: typer.Context,
    case_id: CaseId,
    reason: Reason,
    to: Annotated[str | None, typer.Option("--to", help="A person or team.")] = None,
    version: Version = None,
    author: Author = AUTHOR,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Hand a case to somebody else."""
    _act(ctx, case_id, "escalate", version, author, as_json, data_dir, reason=reason, to=to)


@app.command(epilog=examples("fraudray cases due FRD-2026-0001 --at 4h --reason 'The expert comes this afternoon.'"))
def due(
    ctx: typer.Context,
    case_id: CaseId,
    at: Annotated[str, typer.Option("--at", help="A date, a moment with its zone, or a duration: 4h.")],
    reason: Reason,
    version: Version = None,
    author: Author = AUTHOR,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Set by when a case should be closed."""
    _act(ctx, case_id, "due", version, author, as_json, data_dir, due=at, reason=reason)


@app.command(epilog=examples("fraudray cases reopen FRD-2026-0001 --reason 'The customer called again.'"))
def reopen(
    ctx: typer.Context, case_id: CaseId, reason: Reason, version: Version = None, author: Author = AUTHOR,
    as_json: Json = False, data_dir: DataDir = None,
) -> None:  # fmt: skip
    """Open a closed case again; its labels stay until it is closed anew."""
    _act(ctx, case_id, "reopen", version, author, as_json, data_dir, reason=reason)


@app.command(epilog=examples("fraudray cases merge FRD-2026-0002 --into FRD-2026-0001 --reason 'One thief.'"))
def merge(
    ctx: typer.Context,
    case_id: CaseId,
    into: Annotated[str, typer.Option("--into", help="The case that it goes on in.")],
    reason: Reason,
    version: Version = None,
    author: Author = AUTHOR,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Let a case go on in another, which then shows what belongs to both."""
    _act(ctx, case_id, "merge", version, author, as_json, data_dir, into=into, reason=reason)


@app.command(epilog=examples("fraudray cases undo FRD-2026-0001"))
def undo(
    ctx: typer.Context, case_id: CaseId, reason: Why = None, version: Version = None, author: Author = AUTHOR,
    as_json: Json = False, data_dir: DataDir = None,
) -> None:  # fmt: skip
    """Take back the last act on a case's status: labels that came of closing it are withdrawn too."""
    _act(ctx, case_id, "undo", version, author, as_json, data_dir, reason=reason)


@app.command(epilog=examples("fraudray cases links FRD-2026-0001"))
def links(ctx: typer.Context, case_id: CaseId, as_json: Json = False, data_dir: DataDir = None) -> None:
    """Other cases of the same customer, or with the same device, network address, instrument or e-mail address."""
    session = Session.of(ctx, as_json=as_json, data_dir=data_dir)
    with session.service() as service:
        found = service.casework.links(case_id)
    from fraudray.cli.case_view import links_view

    session.show(found, links_view(found))


@app.command(epilog=examples("fraudray cases alert FRD-2026-0001 --reason 'The first went to spam.'"))
def alert(
    ctx: typer.Context,
    case_id: CaseId,
    reason: Reason,
    author: Author = AUTHOR,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Send the alert of a case again."""
    session = Session.of(ctx, as_json=as_json, data_dir=data_dir)
    with session.service(work=True) as service:
        sent = service.casework.resend_alert(case_id, reason=reason, author=checked_author(author))
    session.show(sent, f"The alert on {sent['transaction_id']} leaves again for {', '.join(sent['recipients'])}.")


@app.command(epilog=examples("fraudray cases attach FRD-2026-0001 receipt.pdf"))
def attach(
    ctx: typer.Context,
    case_id: CaseId,
    file: Annotated[Path, typer.Argument(help="PDF, PNG, JPEG, text, CSV or a mail, 10 MiB at most.", exists=True,
                                         dir_okay=False, readable=True)],
    author: Author = AUTHOR,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:  # fmt: skip
    """Keep a file with a case, encrypted under its customer's key."""
    session = Session.of(ctx, as_json=as_json, data_dir=data_dir)
    with session.service() as service:
        kept = service.casework.attach(
            case_id, name=file.name, content=file.read_bytes(), author=checked_author(author)
        )
    session.show(kept, f"Attached {kept['name']} ({kept['size']:,} bytes) to {case_id} as {kept['file_id']}.")


@app.command("file", epilog=examples("fraudray cases file FRD-2026-0001 fil_… --out receipt.pdf"))
def file_(
    ctx: typer.Context,
    case_id: CaseId,
    file_id: Annotated[str, typer.Argument(metavar="FILE", help="The file's id, as `cases show` has it.")],
    out: Annotated[Path, typer.Option("--out", help="Write it to this file.", dir_okay=False)],
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Write a file of a case to disk."""
    session = Session.of(ctx, as_json=as_json, data_dir=data_dir)
    with session.service() as service:
        found, content = service.casework.file(case_id, file_id)
    _write(out, [content])
    session.show(found, f"Wrote {len(content):,} bytes to {out}.")


@app.command(epilog=examples("fraudray cases detach FRD-2026-0001 fil_… --reason 'Wrong case.'"))
def detach(
    ctx: typer.Context,
    case_id: CaseId,
    file_id: Annotated[str, typer.Argument(metavar="FILE", help="The file's id.")],
    reason: Reason,
    author: Author = AUTHOR,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Destroy a file of a case; it stays on record that it was there."""
    session = Session.of(ctx, as_json=as_json, data_dir=data_dir)
    with session.service() as service:
        done = service.casework.detach(case_id, file_id, reason=reason, author=checked_author(author))
    session.show(done, f"Destroyed {file_id}.")


@app.command(
    epilog=examples("fraudray cases export --out cases.csv", "fraudray cases export --format parquet --out c.parquet")
)
def export(
    ctx: typer.Context,
    out: Annotated[Path, typer.Option("--out", help="Write the table to this file.", dir_okay=False)],
    form: Annotated[Format, typer.Option("--format", help="CSV, or Parquet with types.")] = Format.CSV,
    status: ByStatus = None,
    customer: ByCustomer = None,
    search: Search = None,
    reason_code: ByReason = None,
    assignee: ByAssignee = None,
    amount_min: MinAmount = None,
    overdue: Overdue = False,
    sort: Sort = Order.NEWEST,
    data_dir: DataDir = None,
) -> None:
    """Write cases as a table, 100,000 at most."""
    query = wanted(
        status=status, customer=customer, search=search, reason_code=reason_code, assignee=assignee,
        amount_min=amount_min, overdue=overdue, sort=sort,
    )  # fmt: skip
    session = Session.of(ctx, as_json=False, data_dir=data_dir)
    with session.service() as service:
        size = _write(out, service.casework.export(wanted=form.value, **query))
    session.show({}, f"Wrote {size:,} bytes to {out}.")


def _write(out: Path, pieces: Any) -> int:
    try:
        with out.open("wb") as file:
            return sum(file.write(piece) for piece in pieces)
    except OSError as error:
        raise InputError(f"cannot write {out}: {error.strerror}") from None


def _act(
    ctx: typer.Context, case_id: str, act: str, version: int | None, author: str, as_json: bool,
    data_dir: Path | None, **fields: Any,
) -> None:  # fmt: skip
    session = Session.of(ctx, as_json=as_json, data_dir=data_dir)
    given = {name: value for name, value in fields.items() if value is not None}
    with session.service() as service:
        case = service.casework.act(case_id, act, author=checked_author(author), version=version, **given)
    session.show(case, _said(case))


def _said(case: Document) -> str:
    from fraudray.cli.tables import minute

    parts = [f"{case['case_id']} is {case['status']}"]
    if case["status"] == "claimed":
        parts.append(f"by {case['assignee']} until {minute(case['locked_until'])} UTC")
    elif case.get("assignee"):
        parts.append(f"for {case['assignee']}")
    if case.get("waiting_until"):
        parts.append(f"until {minute(case['waiting_until'])} UTC")
    if case.get("due_at") and case["status"] != "closed":
        parts.append(f"due {minute(case['due_at'])} UTC")
    return ", ".join(parts) + f" (version {case['version']})."
