"""`fraudray policy`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fraudray.cli import policy_cases, policy_diff, policy_versions
from fraudray.cli.exits import ExitCode, InputError, say
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
    print_json,
    read_text,
    read_transaction,
)

if TYPE_CHECKING:
    from fraudray.domain.errors import PolicyError
    from fraudray.policy.book import PolicyBook
    from fraudray.policy.policy import Policy

EXCERPT_MAX = 120
_NOT_RUNNING = "no server is running on"
_READ_AT_START = "there is nothing to reload: a server or command reads the policy when it starts"
app = new_app(help="Check, show, test, compare, explain, reload, version and promote the policy.")
app.command(name="test", epilog=policy_cases.EXAMPLES)(policy_cases.run)
app.command(name="diff", epilog=policy_diff.EXAMPLES)(policy_diff.diff)
policy_versions.add_to(app)


@app.command(epilog=examples("fraudray policy check my-policy.yaml"))
def check(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="The policy or book (YAML); - reads standard input.")],
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Check a policy, or a book with all its policies: shape, expressions, names. Code 1 and the place of a fault."""
    from fraudray.domain.errors import PolicyError
    from fraudray.policy.book import PolicyBook

    session = Session.of(ctx, as_json=as_json, data_dir=data_dir)
    text = read_text(file)
    name, folder = ("standard input", Path()) if str(file) == "-" else (str(file), file.parent)
    try:
        book = PolicyBook.parse(text, file=name, folder=folder)
    except PolicyError as error:
        if as_json:
            print_json({"usable": False} | error.members)
        else:
            say(f"{error}")
            for line in excerpt(text if str(error.file) == name else _text_of(error), error.line, error.column):
                say(line)
        raise typer.Exit(ExitCode.FOUND) from None
    session.show(*_usable(book, file))


@app.command(epilog=examples("fraudray policy show > my-policy.yaml", "fraudray policy show wallets"))
def show(
    ctx: typer.Context,
    name: Annotated[str | None, typer.Argument(help="Which of several policies; the default one otherwise.")] = None,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Print a policy in force, as it was written; --json adds its version and hash, and the book that it is in."""
    session = Session.of(ctx, as_json=as_json, data_dir=data_dir)
    with session.service() as service:
        document = service.policy(name)
    if as_json:
        print_json(document)
        return
    typer.echo(document["source"].removesuffix("\n"))
    others = [policy["name"] for policy in document["book"]["policies"] if policy["name"] != document["name"]]
    if others:
        say(f"also in force: {', '.join(others)} (`fraudray policy show NAME`)")


@app.command(epilog=examples("fraudray policy reload --author alice"))
def reload(ctx: typer.Context, author: Author = AUTHOR, as_json: Json = False, data_dir: DataDir = None) -> None:
    """Make the running server load its policy files now. Code 2 and the place when they cannot be used; the policy in
    force then stays."""
    from fraudray.bootstrap import running_server
    from fraudray.domain.errors import StoreFailed
    from fraudray.service import LocalService

    session = Session.of(ctx, as_json=as_json, data_dir=data_dir)
    author = checked_author(author)
    if running_server(session.settings.data_dir) is None:
        raise StoreFailed(f"{_NOT_RUNNING} {session.settings.data_dir}; {_READ_AT_START}")
    with session.service() as service:
        if isinstance(service, LocalService):
            raise StoreFailed(f"{_NOT_RUNNING} {session.settings.data_dir} any more; {_READ_AT_START}")
        book = service.reload_policy(author=author)
    names = ", ".join(f"{policy['name']} {policy['version']}" for policy in book["policies"])
    session.show(book, f"In force: {names}.")


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


@app.command(epilog=examples("fraudray policy facts", "fraudray policy facts my-policy.yaml"))
def facts(
    file: Annotated[Path | None, typer.Argument(help="A policy or book with evidence of its own.")] = None,
    as_json: Json = False,
) -> None:
    """List the facts that rules may name: type, meaning, and the evidence that a reason then cites."""
    from dataclasses import asdict

    from fraudray.cli.tables import listing
    from fraudray.domain.facts import CATALOGUE
    from fraudray.domain.features import WINDOWS

    known = CATALOGUE | {name: feature.fact for name, feature in WINDOWS.items()}
    if file is not None:
        from fraudray.policy.book import PolicyBook

        for policy in PolicyBook.load(file):
            known |= policy.catalogue
    session = Session(None, as_json)
    rows = ((fact.name, fact.kind, fact.meaning, fact.evidence_id or "always known") for fact in known.values())
    document = {"facts": [asdict(fact) | {"evidence": fact.evidence_id} for fact in known.values()]}
    session.show(document, listing(("Fact", "Type", "Meaning", "Evidence"), rows, empty=""))


@app.command(epilog=examples("fraudray policy features", "fraudray policy features my-policy.yaml"))
def features(
    file: Annotated[Path | None, typer.Argument(help="A policy or book with features of its own.")] = None,
    as_json: Json = False,
) -> None:
    """List the window features that rules may name: key, aggregate, window, unit, whether the feedback delay counts.

    A policy adds its own under `features`; `fraudray policy facts` lists everything else that rules may name.
    """
    from dataclasses import asdict

    from fraudray.cli.tables import listing
    from fraudray.domain.features import WINDOWS, spell_window

    known = dict(WINDOWS)
    if file is not None:
        from fraudray.policy.book import PolicyBook
        from fraudray.policy.sources import windows_of

        for policy in PolicyBook.load(file):
            known |= windows_of(policy.source)
    rows = (
        (one.name, one.key, one.aggregate, spell_window(one.window_us), one.unit, "yes" if one.shared else "no")
        for one in known.values()
    )
    document = {
        "features": [
            asdict(one) | {"unit": one.unit, "kind": one.kind, "delayed": one.shared, "meaning": one.meaning}
            for one in known.values()
        ]
    }
    headings = ("Feature", "Key", "Aggregate", "Window", "Unit", "Delayed")
    Session(None, as_json).show(document, listing(headings, rows, empty=""))


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


def _text_of(error: PolicyError) -> str:
    """The text of another file that a book names, where the mistake is."""
    try:
        return read_text(Path(str(error.file)))
    except InputError:
        return ""


def _usable(book: PolicyBook, file: Path) -> tuple[Document, str]:
    """What a usable file holds, as a document and in a sentence."""
    summaries = [_summary(policy) for policy in book]
    lines = [
        f"{s['name']} {s['version']}, {s['rules']} rules in {s['families']} families, {s['floors']} floors"
        for s in summaries
    ]
    if not book.choices and len(summaries) == 1:
        return summaries[0], f"{file} is a usable policy: {lines[0]}."
    from fraudray.policy.book import describe

    chosen = {book.default.document.name, *(choice.policy for choice, _ in book.choices)}
    idle = [name for name in book.policies if name not in chosen]
    document = describe(book) | {"usable": True, "policies": summaries, "never_chosen": idle}
    notes = [f"{name} is never chosen." for name in idle]
    head = f"{file} is a usable book; {book.default.document.name} decides where no choice fits:"
    return document, "\n".join([head, *(f"  {line}" for line in lines), *notes])


def _summary(policy: Policy) -> Document:
    document = policy.document
    return {
        "usable": True, **policy.ref.model_dump(), "rules": len(document.rules), "floors": len(document.floors),
        "families": len(document.families),
    }  # fmt: skip
