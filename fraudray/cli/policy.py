"""`fraudray policy`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fraudray.cli.exits import ExitCode, say
from fraudray.cli.session import (
    DataDir,
    Document,
    Json,
    Session,
    examples,
    new_app,
    print_json,
    read_text,
    read_transaction,
)

if TYPE_CHECKING:
    from fraudray.domain.errors import PolicyError
    from fraudray.policy.policy import Policy

EXCERPT_MAX = 120
app = new_app(help="Check, show and explain the policy.")


@app.command(epilog=examples("fraudray policy check my-policy.yaml"))
def check(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="The policy file (YAML); - reads standard input.")],
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Check a policy file: its shape, every expression, every name. Code 1 and the place when it cannot be used."""
    from fraudray.domain.errors import PolicyError
    from fraudray.policy.policy import Policy

    session = Session.of(ctx, as_json=as_json, data_dir=data_dir)
    text = read_text(file)
    try:
        policy = Policy.parse(text, file="standard input" if str(file) == "-" else str(file))
    except PolicyError as error:
        if as_json:
            print_json(_problem(error))
        else:
            say(f"{error}")
            for line in excerpt(text, error.line, error.column):
                say(line)
        raise typer.Exit(ExitCode.FOUND) from None
    document = _summary(policy)
    counts = f"{document['rules']} rules in {document['families']} families, {document['floors']} floors"
    session.show(document, f"{file} is a usable policy: {policy.ref.name} {policy.ref.version}, {counts}.")


@app.command(epilog=examples("fraudray policy show > my-policy.yaml"))
def show(ctx: typer.Context, as_json: Json = False, data_dir: DataDir = None) -> None:
    """Print the policy in force, as it was written; --json adds its name, version and hash."""
    session = Session.of(ctx, as_json=as_json, data_dir=data_dir)
    with session.service() as service:
        document = service.policy()
    if as_json:
        print_json(document)
    else:
        typer.echo(document["source"].removesuffix("\n"))


@app.command(
    epilog=examples("fraudray policy explain TXN-20251201-191354", "fraudray policy explain transaction.json --all")
)
def explain(
    ctx: typer.Context,
    transaction: Annotated[
        str, typer.Argument(metavar="TX", help="A stored transaction's id, or a JSON file; - reads standard input.")
    ],
    everything: Annotated[
        bool, typer.Option("--all", help="Also rules of other kinds of transactions, and what each lacks.")
    ] = False,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Show how every rule would come out now, and how the points add up. Nothing is decided or stored."""
    session = Session.of(ctx, as_json=as_json, data_dir=data_dir)
    given = read_transaction(transaction)
    with session.service() as service:
        document = service.explain(given)
    from fraudray.cli.explanation import explanation

    session.show(document, explanation(document, everything=everything))


@app.command(epilog=examples("fraudray policy facts"))
def facts(as_json: Json = False) -> None:
    """List the facts that rules may name: type, meaning, and the evidence that a reason then cites."""
    from dataclasses import asdict

    from fraudray.cli.tables import listing
    from fraudray.policy.facts import CATALOGUE

    session = Session(None, as_json)
    rows = ((fact.name, fact.kind, fact.meaning, fact.evidence_id or "always known") for fact in CATALOGUE.values())
    document = {"facts": [asdict(fact) | {"evidence": fact.evidence_id} for fact in CATALOGUE.values()]}
    session.show(document, listing(("Fact", "Type", "Meaning", "Evidence"), rows, empty=""))


@app.command(epilog=examples("fraudray policy schema > fraudray/policy/policy.schema.json"))
def schema() -> None:
    """Print the JSON Schema of policy files, for editors."""
    from fraudray.schemas import json_schema

    print_json(json_schema("policy"))


def excerpt(text: str, line: int, column: int) -> list[str]:
    """The named line (1-based) with a caret under the column (1-based); nothing when there is no such line."""
    lines = text.splitlines()
    if not 1 <= line <= len(lines):
        return []
    source = lines[line - 1]
    start = max(0, column - 1 - EXCERPT_MAX // 2) if len(source) > EXCERPT_MAX else 0
    shown = source[start : start + EXCERPT_MAX]
    before = shown[: max(0, column - 1 - start)]
    number = f"{line:>5} | "
    marks = "".join("    " if char == "\t" else "  " if _wide(char) else " " for char in before)
    return [number + shown, " " * (len(number) - 2) + "| " + marks + "^"]


def _wide(char: str) -> bool:
    from unicodedata import east_asian_width

    return east_asian_width(char) in ("W", "F")


def _problem(error: PolicyError) -> Document:
    return {
        "usable": False, "file": str(error.file), "rule": error.rule, "line": error.line, "column": error.column,
        "message": error.message,
    }  # fmt: skip


def _summary(policy: Policy) -> Document:
    document = policy.document
    return {
        "usable": True, **policy.ref.model_dump(), "rules": len(document.rules), "floors": len(document.floors),
        "families": len(document.families),
    }  # fmt: skip
