"""`fraudray config`."""

from __future__ import annotations

import typer

from fraudray.cli.session import DataDir, Json, Session, examples, new_app

app = new_app(help="Show the settings in force and where they came from.")


@app.callback()
def group() -> None:
    """Show the settings in force and where they came from."""


@app.command(epilog=examples("fraudray config show", "FRAUDRAY_PORT=8100 fraudray config show --json"))
def show(ctx: typer.Context, as_json: Json = False, data_dir: DataDir = None) -> None:
    """Show every setting: its value, where it came from, what it means. Secrets are hidden."""
    from fraudray.cli.tables import listing, plain
    from fraudray.settings import Settings, origins

    session = Session.of(ctx, as_json=as_json, data_dir=data_dir)
    shown = origins(session.settings)
    if session.data_dir is not None:
        shown["data_dir"] = (shown["data_dir"][0], "--data-dir")
    document = {name: {"value": value, "origin": origin} for name, (value, origin) in shown.items()}
    rows = (
        (
            name,
            value,
            plain(origin, "dim" if origin == "default" else "bold"),
            Settings.model_fields[name].description or "",
        )
        for name, (value, origin) in shown.items()
    )
    session.show(document, listing(("Setting", "Value", "From", "Meaning"), rows, empty=""))
