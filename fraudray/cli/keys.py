"""`fraudray keys`."""

from __future__ import annotations

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

app = new_app(help="Make, list and revoke API keys.")


@app.command(
    epilog=examples(
        "fraudray keys create checkout --scope decide",
        "fraudray keys create analyst-page --scope read --scope act --expires 90d",
    )
)
def create(
    ctx: typer.Context,
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Who or what holds it; on the audit trail with its acts.")
    ],
    scope: Annotated[
        list[str] | None,
        typer.Option("--scope", help="decide, read, act or admin (which holds the others); may be repeated."),
    ] = None,
    expires: Annotated[
        str | None,
        typer.Option("--expires", help="A date (to its end, UTC), a moment with zone, or 90d.", show_default="never"),
    ] = None,
    author: Author = AUTHOR,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Make a key and show it, this once. From the first key on, every request to a server needs one."""
    session = Session.of(ctx, as_json=as_json, data_dir=data_dir)
    with session.service() as service:
        made = service.keys.create(name, scopes=scope or [], expires=expires, author=checked_author(author))
    session.show(made, _made_text(made))


@app.command("list", epilog=examples("fraudray keys list"))
def list_(
    ctx: typer.Context, limit: Limit = 50, offset: Offset = 0, as_json: Json = False, data_dir: DataDir = None
) -> None:
    """List keys, newest first: their scopes, whether they are in force, when they were last used."""
    session = Session.of(ctx, as_json=as_json, data_dir=data_dir)
    with session.service() as service:
        found = service.keys.list(limit=limit, offset=offset)
    from fraudray.cli.tables import listing, minute
    from fraudray.cli.tables import status as coloured

    rows = (
        (
            key["key_id"], key["name"], ", ".join(key["scopes"]), coloured(key["status"]), minute(key["created_at"]),
            minute(key["expires_at"]) or "never", minute(key["last_used_at"]) or "never",
        )
        for key in found["keys"]
    )  # fmt: skip
    columns = ("Id", "Name", "Scopes", "Status", "Made (UTC)", "Expires", "Last used")
    session.show(found, listing(columns, rows, empty="There are no keys."))


@app.command(epilog=examples("fraudray keys revoke 4f1d20c98ab3"))
def revoke(
    ctx: typer.Context,
    key_id: Annotated[str, typer.Argument(metavar="ID", help="The key's id, as `keys list` shows it.")],
    author: Author = AUTHOR,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Make a key useless, at once and for good."""
    session = Session.of(ctx, as_json=as_json, data_dir=data_dir)
    with session.service() as service:
        answer = service.keys.revoke(key_id, author=checked_author(author))
    session.show(answer, f"The key {key_id} is revoked.")


def _made_text(made: Document) -> str:
    from fraudray.cli.tables import minute
    from fraudray.cli.text import visible

    until = f"until {minute(made['expires_at'])} UTC" if made["expires_at"] else "and does not expire"
    return (
        f"{made['key']}\n\n"
        + visible(f"This is the key of {made['name']} ({', '.join(made['scopes'])}), id {made['key_id']}, {until}. ")
        + "It is not shown again.\nSend it as `Authorization: Bearer <key>`, or set FRAUDRAY_API_KEY."
    )
