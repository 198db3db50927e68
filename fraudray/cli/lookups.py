"""`fraudray decision`, `fraudray report`, `fraudray version`: one thing, shown."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

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

decision_app = new_app()
report_app = new_app()
step_up_app = new_app()
version_app = typer.Typer(add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False)


@decision_app.command(epilog=examples("fraudray decision TXN-20251201-191354"))
def decision(
    ctx: typer.Context,
    transaction_id: Annotated[str, typer.Argument(metavar="TX", help="The transaction's id.")],
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Show the stored decision on a transaction, with what became of its actions."""
    session = Session.of(ctx, as_json=as_json, data_dir=data_dir)
    with session.service() as service:
        document = service.decision(transaction_id)
    from fraudray.cli.tables import decisions_table

    session.show(document, decisions_table([document]))


@step_up_app.command(
    epilog=examples("fraudray step-up T-17 passed --reference 3ds-8f2c", "fraudray step-up T-18 failed --author ana")
)
def step_up(
    ctx: typer.Context,
    transaction_id: Annotated[str, typer.Argument(metavar="TX", help="The transaction's id.")],
    result: Annotated[str, typer.Argument(help="passed lifts the review, failed confirms it, abandoned leaves it.")],
    reference: Annotated[str | None, typer.Option("--reference", help="Your own id of the challenge or call.")] = None,
    author: Author = AUTHOR,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Answer the step-up (3-D Secure, a call) that a REVIEW asked for; shows the decision as revised by it."""
    session = Session.of(ctx, as_json=as_json, data_dir=data_dir)
    with session.service() as service:
        document = service.step_up(transaction_id, result=result, reference=reference, author=checked_author(author))
    from fraudray.cli.tables import decisions_table

    session.show(document, decisions_table([document]))


@report_app.command(
    epilog=examples("fraudray report FRD-2026-0001", "fraudray report FRD-2026-0001 --html --out report.html")
)
def report(
    ctx: typer.Context,
    report_id: Annotated[str, typer.Argument(metavar="ID", help="The report's id, which is its case's.")],
    html: Annotated[bool, typer.Option("--html", help="The report as a self-contained page.")] = False,
    out: Annotated[Path | None, typer.Option("--out", help="Write it to this file.")] = None,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Show a stored report: summary, timeline, recommendation; --json and --html carry the evidence too."""
    if html and as_json:
        raise InputError("--html and --json exclude each other")
    session = Session.of(ctx, as_json=as_json, data_dir=data_dir)
    with session.service() as service:
        document = service.report(report_id)
    if html:
        from fraudray.reports.case_report import render_html

        _write(render_html(document), out)
    elif out is not None:
        import json

        _write(json.dumps(document, ensure_ascii=False, indent=2) + "\n", out)
    else:
        from fraudray.cli.case_view import report_view

        session.show(document, report_view(document))


@version_app.command()
def version(as_json: Json = False) -> None:
    """Show the installed version."""
    if as_json:
        from fraudray.cli.session import print_json

        document: Document = {"version": installed_version()}
        print_json(document)
    else:
        typer.echo(f"fraudray {installed_version()}")


def installed_version() -> str:
    """The version of the installed package."""
    from importlib.metadata import version as version_of

    return version_of("fraudray")


def _write(text: str, out: Path | None) -> None:
    if out is None:
        typer.echo(text)
        return
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot write {out}: {error.strerror}") from None
