"""`fraudray schema`."""

from __future__ import annotations

from typing import Annotated

import typer

from fraudray.cli.exits import InputError
from fraudray.cli.session import examples, new_app, print_json

app = new_app()


@app.command(epilog=examples("fraudray schema decision > decision.schema.json"))
def schema(
    name: Annotated[str, typer.Argument(help="transaction, customer, label, policy, decision or case.")],
) -> None:
    """Print the JSON Schema (draft 2020-12) of a document."""
    from fraudray.schemas import NAMES, json_schema

    if name not in NAMES:
        raise InputError(f"there is no schema {name}; there are {', '.join(NAMES)}")
    print_json(json_schema(name))
