"""`fraudray labels`."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fraudray.cli.bulk import Refusals, in_batches, progress, readable, writable
from fraudray.cli.exits import ExitCode, say
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

if TYPE_CHECKING:
    from rich.console import RenderableType

    from fraudray.cli.rows import InputRow
    from fraudray.service import Service

OUTCOMES = ("recorded", "corrected", "unchanged", "older")
app = new_app(help="Say which transactions were fraud and which genuine, once that is known.")


class Said(StrEnum):
    """What a label says."""

    FRAUD = "fraud"
    GENUINE = "genuine"
    UNKNOWN = "unknown"


class Source(StrEnum):
    """Who says so."""

    CHARGEBACK = "chargeback"
    DISPOSITION = "disposition"
    CUSTOMER = "customer"
    ISSUER = "issuer"
    OTHER = "other"


TransactionId = Annotated[str, typer.Argument(metavar="TRANSACTION_ID", help="The transaction's id.")]


@app.command(
    epilog=examples(
        "fraudray labels add TXN-20251201-191354 --fraud --source chargeback --scenario 'card testing'",
        "fraudray labels add TXN-20251201-150000 --genuine --source customer --at 2025-12-03T09:30:00Z",
    )
)
def add(
    ctx: typer.Context,
    transaction_id: TransactionId,
    fraud: Annotated[bool, typer.Option("--fraud/--genuine", help="What it turned out to be.")],
    source: Annotated[Source, typer.Option("--source", help="Who says so.")] = Source.OTHER,
    scenario: Annotated[
        str | None, typer.Option("--scenario", help="What kind of fraud, in your words (64 characters at most).")
    ] = None,
    at: Annotated[
        str | None, typer.Option("--at", help="When it became known, with its zone.", show_default="now")
    ] = None,
    author: Author = AUTHOR,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Label one transaction. Rates of known fraud at its terminal, merchant, device and address follow at once.

    The label that became known last holds: a later one corrects it, an older one changes nothing, the same again
    neither. A transaction that was not decided yet is waited for.
    """
    session = Session.of(ctx, as_json=as_json, data_dir=data_dir)
    label: Document = {"transaction_id": transaction_id, "label": "fraud" if fraud else "genuine", "source": source}
    label |= {"scenario": scenario} if scenario is not None else {}
    label |= {"labelled_at": at} if at is not None else {}
    with session.service() as service:
        holds = service.labels.add(label, author=checked_author(author))
    session.show(holds, _line(holds))


@app.command(epilog=examples("fraudray labels show TXN-20251201-191354"))
def show(ctx: typer.Context, transaction_id: TransactionId, as_json: Json = False, data_dir: DataDir = None) -> None:
    """Show every label of a transaction, newest first. The first one holds."""
    session = Session.of(ctx, as_json=as_json, data_dir=data_dir)
    with session.service() as service:
        found = service.labels.of(transaction_id)
    session.show(found, _table(found["labels"]))


@app.command(
    "list", epilog=examples("fraudray labels list --source chargeback --label fraud", "fraudray labels list --waiting")
)
def list_(
    ctx: typer.Context,
    source: Annotated[Source | None, typer.Option("--source", help="Only what this source says.")] = None,
    label: Annotated[Said | None, typer.Option("--label", help="Only what says this.")] = None,
    waiting: Annotated[
        bool | None,
        typer.Option("--waiting/--decided", help="Only those whose transaction was not decided yet; or was."),
    ] = None,
    limit: Limit = 50,
    offset: Offset = 0,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """List the labels that hold, newest first: one of each transaction that has any."""
    session = Session.of(ctx, as_json=as_json, data_dir=data_dir)
    with session.service() as service:
        found = service.labels.list(
            source=source and source.value, label=label and label.value, waiting=waiting, limit=limit, offset=offset
        )
    session.show(found, _table(found["labels"]))


@app.command(
    "import",
    epilog=examples(
        "fraudray labels import chargebacks.csv --rejects bad.ndjson",
        "zcat labels.ndjson.gz | fraudray labels import -",
    ),
)
def import_(
    ctx: typer.Context,
    file: Annotated[
        Path,
        typer.Argument(
            help="CSV with a header (transaction_id,label,source,scenario,labelled_at; the last three may be missing), "
            "NDJSON or a JSON array; - reads standard input."
        ),
    ],
    rejects: Annotated[
        Path | None, typer.Option("--rejects", help="Write refused rows to this file: row number and problem.")
    ] = None,
    author: Author = AUTHOR,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Label many transactions from a file, in its order. A label is fraud or genuine; 1 or 0 and true or false mean the
    same here.

    A row without labelled_at counts as known now; where all have one, importing a file again changes nothing. A bad row
    stops no other: the run ends with code 1 and names it.
    """
    from fraudray.cli.label_rows import read_labels
    from fraudray.domain.errors import FraudrayError

    session = Session.of(ctx, as_json=as_json, data_dir=data_dir)
    who = checked_author(author)
    with ExitStack() as stack:
        stream, name, size = readable(file, stack)
        rows = read_labels(stream, name, file.suffix)
        run = _Import(who, Refusals(writable(rejects, stack, read=file)))
        service = stack.enter_context(session.service())
        advance = stack.enter_context(progress(size, "importing"))
        try:
            for batch in in_batches(rows):
                advance(run.put(service, batch))
        except FraudrayError:
            say(f"broken off: {run}; importing the file again goes on")
            raise
    session.show(run.tally(), str(run))
    raise typer.Exit(ExitCode.FOUND if run.refusals.count else ExitCode.OK)


@dataclass
class _Import:
    """The tally of one import, and where refused rows go."""

    author: str
    refusals: Refusals
    read: int = 0
    waiting: int = 0
    outcomes: dict[str, int] = field(default_factory=lambda: dict.fromkeys(OUTCOMES, 0))

    def put(self, service: Service, batch: list[InputRow]) -> int:
        """Import a batch; the bytes that it took in the file."""
        good = [row.data for row in batch if row.problem is None]
        answer: Document = service.labels.add_many(good, author=self.author) if good else {"results": []}
        results = iter(answer["results"])
        for row in batch:
            result = {"problem": row.problem} if row.problem is not None else next(results)
            self.read += 1
            if "label" in result:
                self.outcomes[result["label"]["outcome"]] += 1
                self.waiting += result["label"]["waiting"]
            else:
                self.refusals.add(row.number, result["problem"])
        return sum(row.size for row in batch)

    def tally(self) -> Document:
        """The counts; labels that wait are among the recorded, corrected, unchanged and older ones."""
        return {"read": self.read, **self.outcomes, "refused": self.refusals.count, "waiting": self.waiting}

    def __str__(self) -> str:
        counts = [f"{name} {count:,}" for name, count in (self.outcomes | {"refused": self.refusals.count}).items()]
        waits = f"  ({self.waiting:,} wait for their transaction to be decided)" if self.waiting else ""
        return f"read {self.read:,} = {' + '.join(counts)}{waits}"


def _line(holds: Document) -> str:
    from fraudray.cli.tables import minute
    from fraudray.cli.text import visible

    became = {
        "recorded": "", "corrected": ", corrected", "unchanged": ", as it was said before",
        "older": " still: what was said now is older",
    }[holds["outcome"]]  # fmt: skip
    waits = " It was not decided yet: the label waits for it." if holds["waiting"] else ""
    source = f"{holds['source']}, {minute(holds['labelled_at'])} UTC"
    return visible(f"{holds['transaction_id']}: {holds['label']} ({source}){became}.{waits}")


def _table(labels: list[Document]) -> RenderableType:
    from fraudray.cli.tables import listing, minute

    rows = (
        (
            label["transaction_id"], label["label"], label["source"], label.get("scenario"),
            minute(label["labelled_at"]), minute(label["recorded_at"]), label["author"],
            "yes" if label["waiting"] else "",
        )
        for label in labels
    )  # fmt: skip
    columns = ("Transaction", "Label", "Source", "Scenario", "Known (UTC)", "Recorded (UTC)", "Author", "Waits")
    return listing(columns, rows, empty="No labels.")
