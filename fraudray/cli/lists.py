"""`fraudray lists`."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fraudray.cli.bulk import Refusals, in_batches, progress, writable
from fraudray.cli.exits import ExitCode
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
    read_transaction,
)

if TYPE_CHECKING:
    from rich.console import RenderableType

    from fraudray.cli.rows import InputRow
    from fraudray.service import Service

app = new_app(help="Deny, allow and block; mute a rule for a customer.")


class Blocking(StrEnum):
    """Levels that are put on by hand."""

    DENY = "deny"
    ALLOW = "allow"
    BLOCK = "block"


class AnyLevel(StrEnum):
    """All levels."""

    DENY = "deny"
    ALLOW = "allow"
    BLOCK = "block"
    MUTE = "mute"


class OfKind(StrEnum):
    """What an entry is about."""

    CUSTOMER = "customer"
    INSTRUMENT = "instrument"
    DEVICE = "device"
    ADDRESS = "address"
    MERCHANT = "merchant"
    TERMINAL = "terminal"
    EMAIL_DOMAIN = "email_domain"


class InState(StrEnum):
    """Whether an entry acts."""

    ACTIVE = "active"
    EXPIRED = "expired"
    REMOVED = "removed"


EntryId = Annotated[str, typer.Argument(metavar="ID", help="The entry's id.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; kept with the entry.")]
Replace = Annotated[bool, typer.Option("--replace", help="Remove an active entry about the same first.")]


@app.command(
    epilog=examples(
        "fraudray lists add deny customer C-1 --reason 'Confirmed mule'",
        "fraudray lists add block address 203.0.113.0/24 --expires 30d --reason 'Card testing'",
        "fraudray lists add allow merchant mcc:4111 --expires 2026-12-31 --reason 'Staff travel'",
    )
)
def add(
    ctx: typer.Context,
    level: Annotated[
        Blocking,
        typer.Argument(help="deny: nothing lifts it; allow: lifts blocks and what is inferred; block: an allow lifts."),
    ],
    kind: Annotated[OfKind, typer.Argument(help="What it is about.")],
    value: Annotated[str, typer.Argument(help="An id, a network (CIDR), a name or mcc:NNNN, or a domain.")],
    reason: Reason,
    expires: Annotated[
        str | None, typer.Option("--expires", help="A date (to its end, UTC), a moment with its zone, or 30d.")
    ] = None,
    replace: Replace = False,
    author: Author = AUTHOR,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Put a value on a list. It acts on the very next decision."""
    session = Session.of(ctx, as_json=as_json, data_dir=data_dir)
    entry: Document = {"level": level.value, "kind": kind.value, "value": value, "reason": reason}
    if expires is not None:
        entry["expires"] = expires
    with session.service() as service:
        kept = service.lists.add(entry, author=checked_author(author), replace=replace)
    session.show(kept, _line(kept))


@app.command(
    epilog=examples("fraudray lists mute impossible-travel C-1 --until 2026-12-31 --reason 'Flies for the crew'")
)
def mute(
    ctx: typer.Context,
    rule: Annotated[str, typer.Argument(help="The id of a rule, floor or scoring function.")],
    customer: Annotated[str, typer.Argument(help="The customer's id.")],
    until: Annotated[str, typer.Option("--until", help="A date (to its end, UTC), a moment or 30d; 366 days at most.")],
    reason: Reason,
    author: Author = AUTHOR,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Take one rule out for one customer until a date."""
    session = Session.of(ctx, as_json=as_json, data_dir=data_dir)
    with session.service() as service:
        kept = service.lists.mute(rule, customer, until=until, reason=reason, author=checked_author(author))
    session.show(kept, _line(kept))


@app.command("list", epilog=examples("fraudray lists list --level deny", "fraudray lists list --value 203.0.113.0/24"))
def list_(
    ctx: typer.Context,
    level: Annotated[AnyLevel | None, typer.Option("--level", help="Only this level.")] = None,
    kind: Annotated[OfKind | None, typer.Option("--kind", help="Only this kind.")] = None,
    state: Annotated[InState | None, typer.Option("--state", help="Only active, expired or removed ones.")] = None,
    value: Annotated[str | None, typer.Option("--value", help="Only entries about exactly this value.")] = None,
    limit: Limit = 50,
    offset: Offset = 0,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """List entries, newest first."""
    session = Session.of(ctx, as_json=as_json, data_dir=data_dir)
    with session.service() as service:
        found = service.lists.list(
            level=level and level.value, kind=kind and kind.value, state=state and state.value, q=value,
            limit=limit, offset=offset,
        )  # fmt: skip
    session.show(found, _table(found["entries"], empty="No entries."))


@app.command(epilog=examples("fraudray lists show lst_0f8e1c"))
def show(ctx: typer.Context, entry_id: EntryId, as_json: Json = False, data_dir: DataDir = None) -> None:
    """Show one entry."""
    session = Session.of(ctx, as_json=as_json, data_dir=data_dir)
    with session.service() as service:
        entry = service.lists.show(entry_id)
    from fraudray.cli.tables import fields

    session.show(entry, fields((name.replace("_", " "), value) for name, value in entry.items()))


@app.command(epilog=examples("fraudray lists remove lst_0f8e1c --reason 'Cleared by the bank'"))
def remove(
    ctx: typer.Context,
    entry_id: EntryId,
    reason: Reason,
    author: Author = AUTHOR,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Take an entry out of force. It stays on record."""
    session = Session.of(ctx, as_json=as_json, data_dir=data_dir)
    with session.service() as service:
        gone = service.lists.remove(entry_id, reason=reason, author=checked_author(author))
    session.show(gone, f"Removed {gone['entry_id']}.")


@app.command(epilog=examples("fraudray lists match transaction.json", "fraudray lists match TXN-20251201-191354"))
def match(
    ctx: typer.Context,
    transaction: Annotated[
        str, typer.Argument(metavar="TX", help="A JSON file, a stored transaction's id, or - for standard input.")
    ],
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Show which entries a transaction would match now, and what each would do. Nothing is decided or stored."""
    session = Session.of(ctx, as_json=as_json, data_dir=data_dir)
    given = read_transaction(transaction)
    with session.service() as service:
        found = service.lists.match(given)
    session.show(found, _matches(found))


@app.command(
    "import", epilog=examples("fraudray lists import deny.csv", "fraudray lists import day.ndjson --rejects bad.ndjson")
)
def import_(
    ctx: typer.Context,
    file: Annotated[
        Path,
        typer.Argument(help="CSV with a header (level,kind,value,rule,reason,expires), NDJSON, JSON or YAML."),
    ],
    rejects: Annotated[
        Path | None, typer.Option("--rejects", help="Write refused rows to this file: row number and problem.")
    ] = None,
    replace: Replace = False,
    author: Author = AUTHOR,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Put many entries on from a file. A bad row stops no other: the run ends with code 1 and names it."""
    from fraudray.cli.list_rows import read_entries

    session = Session.of(ctx, as_json=as_json, data_dir=data_dir)
    who = checked_author(author)
    with ExitStack() as stack:
        rows = read_entries(file, stack)
        run = _Import(who, replace, Refusals(writable(rejects, stack, read=file)))
        service = stack.enter_context(session.service())
        advance = stack.enter_context(progress(file.stat().st_size, "importing"))
        for batch in in_batches(rows):
            advance(run.put(service, batch))
    refused = run.refusals.count
    session.show(run.tally(), f"read {run.read:,} = added {run.added:,} + refused {refused:,}")
    raise typer.Exit(ExitCode.FOUND if refused else ExitCode.OK)


@dataclass
class _Import:
    """The tally of one import, and where refused rows go."""

    author: str
    replace: bool
    refusals: Refusals
    read: int = 0
    added: int = 0

    def put(self, service: Service, batch: list[InputRow]) -> int:
        """Put a batch on; the bytes that it took in the file."""
        good = [row.data for row in batch if row.problem is None]
        results = iter(
            service.lists.add_many(good, author=self.author, replace=self.replace)["results"] if good else ()
        )
        for row in batch:
            self.read += 1
            problem = row.problem or next(results).get("problem")
            if problem is None:
                self.added += 1
            else:
                self.refusals.add(row.number, problem)
        return sum(row.size for row in batch)

    def tally(self) -> Document:
        """The counts."""
        return {"read": self.read, "added": self.added, "refused": self.refusals.count}


def _what(entry: Document) -> str:
    return f"{entry['rule']} for {entry['value']}" if "rule" in entry else f"{entry['kind']} {entry['value']}"


def _line(entry: Document) -> str:
    from fraudray.cli.tables import minute
    from fraudray.cli.text import visible

    until = f" until {minute(entry['expires_at'])} UTC" if "expires_at" in entry else ""
    return visible(f"{entry['entry_id']}: {entry['level']} {_what(entry)}{until}.")


def _table(entries: list[Document], *, empty: str) -> RenderableType:
    from fraudray.cli.tables import listing, minute

    rows = (
        (
            entry["entry_id"], entry["level"], _what(entry), entry.get("effect") or entry["state"],
            minute(entry.get("expires_at")), entry["author"], entry["reason"],
        )
        for entry in entries
    )  # fmt: skip
    return listing(("Entry", "Level", "About", "State", "Expires (UTC)", "Author", "Reason"), rows, empty=empty)


def _matches(found: Document) -> RenderableType:
    from rich.console import Group

    from fraudray.cli.tables import decision_word

    word = decision_word(found["decision"]).append(f"  {found['score']} of 100", style="bold")
    return Group(_table(found["matches"], empty="No entry matches."), word)
