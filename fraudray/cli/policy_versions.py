"""`fraudray policy versions, version, save, promote, rollback`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fraudray.cli.session import (
    AUTHOR,
    Author,
    DataDir,
    Document,
    Json,
    Session,
    checked_author,
    examples,
    read_text,
)

if TYPE_CHECKING:
    from rich.console import RenderableType

Name = Annotated[
    str | None, typer.Option("--policy", help="Which of several policies, by name; the default one otherwise.")
]
Number = Annotated[int, typer.Argument(min=1, help="A version's number.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; goes on the audit trail.")]


def add_to(app: typer.Typer) -> None:
    """Put these commands into a group."""
    app.command(epilog=examples("fraudray policy versions"))(versions)
    app.command(epilog=examples("fraudray policy version 3 > three.yaml"))(version)
    app.command(epilog=examples('fraudray policy save my-policy.yaml --reason "Lower review threshold"'))(save)
    app.command(epilog=examples('fraudray policy promote 3 --reason "Back-test of November"'))(promote)
    app.command(epilog=examples('fraudray policy rollback --reason "Too many alerts"'))(rollback)


def versions(ctx: typer.Context, name: Name = None, as_json: Json = False, data_dir: DataDir = None) -> None:
    """List the versions of a policy, newest first: which is in force, and what a rollback brings back."""
    session = Session.of(ctx, as_json=as_json, data_dir=data_dir)
    with session.service() as service:
        found = service.policies.versions(name)
    session.show(found, _versions_view(found))


def version(
    ctx: typer.Context, number: Number, name: Name = None, as_json: Json = False, data_dir: DataDir = None
) -> None:
    """Print one version as it was written; --json adds who made it, why, and what it has otherwise than what is in
    force."""
    session = Session.of(ctx, as_json=as_json, data_dir=data_dir)
    with session.service() as service:
        found = service.policies.version(number, name=name)
    if as_json:
        session.show(found)
    else:
        typer.echo(found["text"].removesuffix("\n"))


def save(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="The policy (YAML); - reads standard input.")],
    reason: Reason,
    based_on: Annotated[int | None, typer.Option(min=1, help="The version that it was made from.")] = None,
    author: Author = AUTHOR,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Keep a policy as a new version. Nothing decides by it until it is promoted."""
    session = Session.of(ctx, as_json=as_json, data_dir=data_dir)
    author, text = checked_author(author), read_text(file)
    with session.service() as service:
        kept = service.policies.save(text, reason=reason, author=author, based_on=based_on)
    said = "is kept as" if kept["saved"] else "is already"
    session.show(kept, f"{kept['name']} {kept['version']} {said} version {kept['number']}.")


def promote(
    ctx: typer.Context,
    number: Number,
    reason: Reason,
    name: Name = None,
    author: Author = AUTHOR,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Put a version in force from the next transaction on."""
    session = Session.of(ctx, as_json=as_json, data_dir=data_dir)
    author = checked_author(author)
    with session.service() as service:
        found = service.policies.promote(number, reason=reason, author=author, name=name)
    session.show(found, _in_force(found))


def rollback(
    ctx: typer.Context,
    reason: Reason,
    name: Name = None,
    author: Author = AUTHOR,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Put in force again what was before."""
    session = Session.of(ctx, as_json=as_json, data_dir=data_dir)
    author = checked_author(author)
    with session.service() as service:
        found = service.policies.rollback(reason=reason, author=author, name=name)
    session.show(found, _in_force(found))


def _in_force(found: Document) -> str:
    now = found["in_force"]
    number = f", version {now['number']}" if now["number"] else ""
    back = f"a rollback brings back version {found['before']}" if found["before"] else "nothing to roll back to"
    source = {"file": ", from the policy file", "packaged": ", the packaged policy"}.get(now["from"], "")
    return f"In force: {now['name']} {now['version']}{number}{source}; {back}."


def _versions_view(found: Document) -> RenderableType:
    from rich.console import Group

    from fraudray.cli.tables import listing, plain

    rows = (
        (
            f"{one['number']}{' *' if one['hash'] == found['in_force']['hash'] else ''}", one["version"],
            one["at"][:16].replace("T", " "), one["author"], one["based_on"] or "", one["reason"],
        )
        for one in found["versions"]
    )  # fmt: skip
    table = listing(
        ("No.", "Version", "Saved (UTC)", "Author", "From", "Reason"), rows, empty="No version is kept yet."
    )
    return Group(plain(_in_force(found)), table)
