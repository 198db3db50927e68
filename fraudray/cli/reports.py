"""`fraudray report`: on a case, or on a period."""

from __future__ import annotations

import sys
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fraudray.cli.exits import InputError
from fraudray.cli.session import (
    AUTHOR,
    Author,
    DataDir,
    Document,
    Json,
    Session,
    checked_author,
    examples,
    new_app,
)

if TYPE_CHECKING:
    from rich.console import RenderableType

app = new_app(help="Report on a case, or on a period: HTML, PDF, JSON.")


class Form(StrEnum):
    """What a report is written as."""

    HTML = "html"
    PDF = "pdf"
    JSON = "json"


Format = Annotated[
    Form | None,
    typer.Option("--format", help="Write it as this; by the name of --out when left out.", show_default=False),
]
Out = Annotated[Path | None, typer.Option("--out", help="Write it to this file.", dir_okay=False, show_default=False)]


@app.command(epilog=examples("fraudray report case FRD-2026-0001", "fraudray report case FRD-2026-0001 --out case.pdf"))
def case(
    ctx: typer.Context,
    case_id: Annotated[str, typer.Argument(metavar="ID", help="The case's id, FRD-YYYY-NNNN.")],
    again: Annotated[bool, typer.Option("--again", help="Make it anew, as the case is now.")] = False,
    form: Format = None,
    out: Out = None,
    author: Author = AUTHOR,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Show a case's report; it is made now if there is none. PDF, HTML and JSON carry the evidence too."""
    from fraudray.cli.case_view import report_view
    from fraudray.domain.errors import NotFound

    session, wanted = Session.of(ctx, as_json=as_json, data_dir=data_dir), _form(form, out, as_json)
    with session.service() as service:
        try:
            report = None if again else service.report(case_id)
        except NotFound:
            report = None
        if report is None:
            report = service.reports.make(case_id, author=checked_author(author))
    _give(session, report, report_view, wanted, out)


@app.command(
    epilog=examples(
        "fraudray report period --from 2026-11-01 --to 2026-11-30",
        "fraudray report period --from 2026-11-01 --to 2026-11-30 --timezone Europe/Vienna --out november.pdf",
        "fraudray report period --from 2026-11-24T08:00:00Z --to 2026-11-24T20:00:00Z --format json",
    )
)
def period(
    ctx: typer.Context,
    start: Annotated[str, typer.Option("--from", help="A date, or an RFC 3339 moment: the first one that counts.")],
    end: Annotated[
        str,
        typer.Option("--to", help="A date: through the end of that day; or an RFC 3339 moment: up to it, without it."),
    ],
    timezone: Annotated[str, typer.Option("--timezone", help="Whose days: an IANA name.")] = "UTC",
    form: Format = None,
    out: Out = None,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Report on what was decided in a period: volumes, outcomes, reasons, amounts, categories, cases, actions."""
    from fraudray.cli.period_view import period_view

    session, wanted = Session.of(ctx, as_json=as_json, data_dir=data_dir), _form(form, out, as_json)
    with session.service() as service:
        report = service.reports.period(start=start, end=end, timezone=timezone)
    _give(session, report, period_view, wanted, out)


def _form(form: Form | None, out: Path | None, as_json: bool) -> Form | None:
    """What to write; None for what people read on a terminal. Raises InputError before anything is asked."""
    if as_json:
        if form not in (None, Form.JSON):
            raise InputError(f"--json and --format {form} exclude each other")
        form = Form.JSON
    if form is None and out is not None:
        suffix = out.suffix.lower().lstrip(".")
        if suffix not in list(Form):
            raise InputError(f"say with --format what {out} is to be: {', '.join(Form)}")
        form = Form(suffix)
    if form is Form.PDF and out is None and sys.stdout.isatty():
        raise InputError("a PDF is not for a terminal: name a file with --out, or redirect the output")
    return form


def _give(
    session: Session, report: Document, view: Callable[[Document], RenderableType], form: Form | None, out: Path | None
) -> None:
    if form is None:
        session.show(report, view(report))
        return
    from fraudray.reports.formats import rendered

    body = rendered(report, form.value)
    if out is None:
        sys.stdout.flush()
        sys.stdout.buffer.write(body)
        return
    try:
        out.write_bytes(body)
    except OSError as error:
        raise InputError(f"cannot write {out}: {error.strerror}") from None
