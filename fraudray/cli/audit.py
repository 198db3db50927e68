"""`fraudray audit`."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from fraudray.cli.exits import ExitCode, say
from fraudray.cli.session import DataDir, Json, Limit, Offset, Session, examples, new_app

app = new_app(help="Read the audit trail; verify that it is whole.")


@app.command("list", epilog=examples("fraudray audit list", "fraudray audit list --subject C-12345"))
def list_(
    ctx: typer.Context,
    subject: Annotated[
        str | None, typer.Option("--subject", help="Only about this transaction, case, customer, ...")
    ] = None,
    limit: Limit = 100,
    offset: Offset = 0,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """List entries of the audit trail, newest first."""
    session = Session.of(ctx, as_json=as_json, data_dir=data_dir)
    with session.service() as service:
        found = service.audit(subject=subject, limit=limit, offset=offset)
    from fraudray.cli.tables import listing, minute

    rows = (
        (e["seq"], minute(e["at"]), e["kind"], e["subject"], e["actor"], json.dumps(e["body"], ensure_ascii=False))
        for e in found["entries"]
    )
    columns = ("#", "At (UTC)", "What", "About", "By", "Details")
    session.show(found, listing(columns, rows, empty="No entries."))


@app.command(epilog=examples("fraudray audit verify", "fraudray audit verify --json"))
def verify(ctx: typer.Context, as_json: Json = False, data_dir: DataDir = None) -> None:
    """Verify that no entry was changed, removed, reordered, cut off or recomputed; code 1 when one was."""
    session = Session.of(ctx, as_json=as_json, data_dir=data_dir)
    with session.service() as service:
        report = service.verify_audit()
    counts = f"{report['entries']:,} entries, {report['seals']:,} seals"
    if report["whole"]:
        session.show(report, f"The audit trail is whole: {counts}.")
        return
    if as_json:
        session.show(report)
    else:
        say(f"The audit trail is NOT whole ({counts}):")
        for problem in report["problems"]:
            say(f"  {problem}")
    raise typer.Exit(ExitCode.FOUND)
