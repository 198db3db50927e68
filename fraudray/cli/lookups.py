"""`fraudray decision`, `fraudray version`: one thing, shown."""

from __future__ import annotations

from typing import Annotated

import typer

from fraudray.cli.session import AUTHOR, Author, DataDir, Document, Json, Session, checked_author, examples, new_app

decision_app = new_app()
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
