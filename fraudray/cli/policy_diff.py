"""`fraudray policy diff`: how two policies differ, in words and in the decisions on a file of transactions."""

from __future__ import annotations

import sys
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any, BinaryIO

import typer

from fraudray.cli.bulk import progress, writable, write_line
from fraudray.cli.exits import ExitCode, InputError, problem_line, say
from fraudray.cli.session import DataDir, Document, Json, Session, examples
from fraudray.domain.errors import FieldProblem

if TYPE_CHECKING:
    from rich.console import RenderableType

    from fraudray.cli.rows import InputRow
    from fraudray.policy.book import PolicyBook
    from fraudray.policy.difference import Difference
    from fraudray.trial.changes import Changes

SHOWN_MAX = 50
KEPT_MAX = 100_000
TOLD_MAX = 20
EXAMPLES = examples(
    "fraudray policy diff default my-policy.yaml",
    "fraudray policy diff current my-policy.yaml --transactions day.ndjson --customers customers.yaml",
    "fraudray policy diff old.yaml new.yaml --transactions day.ndjson --out changed.ndjson --exit-code",
)


def diff(
    ctx: typer.Context,
    a: Annotated[str, typer.Argument(metavar="A", help="A policy or book file, or default, or current.")],
    b: Annotated[str, typer.Argument(metavar="B", help="The same.")],
    transactions: Annotated[
        Path | None,
        typer.Option("--transactions", help="Decide these by both, in order, as `fraudray decide` reads them."),
    ] = None,
    customers: Annotated[
        str | None,
        typer.Option(
            "--customers", help="Who is registered then: a file, or samples.", show_default="nobody"
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Write every decision that changes to this file, one a line.")
    ] = None,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="End with code 1 when anything differs.")] = False,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:  # fmt: skip
    """Say what differs between two policies and, on a file of transactions, which decisions change.

    Both decide on stores of their own in memory, as their own earlier decisions leave them: a block freezes, and a
    blocked payment teaches nothing. Each transaction arrives at its timestamp. Nothing is stored or sent.
    """
    if transactions is None and (customers or out):
        raise InputError("--customers and --out belong to --transactions FILE")
    from fraudray.cli.books import named_book
    from fraudray.policy.difference import differences

    session = Session.of(ctx, as_json=as_json, data_dir=data_dir)
    first, second = named_book(a, session), named_book(b, session)
    found = differences(first, second)
    stream = _Stream() if transactions is not None else None
    if stream is not None and transactions is not None:
        stream.decide(first, second, transactions, customers, out, session)
    document = _document(first, second, found) | ({"transactions": stream.document()} if stream else {})
    session.show(document, _view(found, stream, same_text=document["same_text"]))
    differs = bool(found) or (stream is not None and stream.changes.changed > 0)
    if stream is not None and stream.refused:
        raise typer.Exit(ExitCode.FOUND)
    raise typer.Exit(ExitCode.FOUND if exit_code and differs else ExitCode.OK)


@dataclass
class _Stream:
    """One file of transactions, decided by both policies."""

    read: int = 0
    refused: int = 0
    kept: list[Document] = field(default_factory=list)
    changes: Changes = field(init=False)

    def decide(
        self, a: PolicyBook, b: PolicyBook, file: Path, customers: str | None, out: Path | None, session: Session
    ) -> None:
        """Every row, in order. Raises InputError and SettingsError before the first."""
        from datetime import UTC, datetime

        from fraudray.cli.books import named_customers
        from fraudray.cli.rows import read_input
        from fraudray.reference import load_reference
        from fraudray.trial.changes import Changes
        from fraudray.trial.engine import Trials

        registered, reference = named_customers(customers), load_reference(session.settings)
        with ExitStack() as stack:
            body, size = _open(file, stack)
            rows = read_input(body, str(file)).rows
            if out is not None and out.exists() and file.exists() and out.samefile(file):
                raise InputError(f"--out {out} would overwrite the transactions")
            sink = writable(out, stack)
            one = stack.enter_context(Trials(a, reference, session.settings))
            other = stack.enter_context(Trials(b, reference, session.settings))
            now = datetime.now(UTC)
            self.changes = Changes(
                one.begin(registered, start=now, remember_max=0),
                other.begin(registered, start=now, remember_max=0),
                now,
            )
            kept_max = KEPT_MAX if session.as_json else SHOWN_MAX
            with progress(size, "deciding twice") as advance:
                for row in rows:
                    self._take(row, sink, kept_max)
                    advance(row.size)

    def _take(self, row: InputRow, sink: IO[str] | None, kept_max: int) -> None:
        from fraudray.domain.errors import FraudrayError, InvalidTransaction
        from fraudray.problems import problem_of

        self.read += 1
        problem = row.problem
        if problem is None:
            try:
                if not isinstance(row.data, dict):
                    raise InvalidTransaction([_NO_OBJECT])
                change = self.changes.take(row.data)
            except FraudrayError as error:
                problem = problem_of(error)
            else:
                if change is not None:
                    self._keep({"row": row.number} | change, sink, kept_max)
                return
        self.refused += 1
        if self.refused <= TOLD_MAX:
            say(f"row {row.number}: {problem_line(problem)}")
        elif self.refused == TOLD_MAX + 1:
            say("further refused rows are not listed")

    def _keep(self, change: Document, sink: IO[str] | None, kept_max: int) -> None:
        if sink is not None:
            write_line(sink, change)
        if len(self.kept) < kept_max:
            self.kept.append(change)

    def document(self) -> Document:
        """The counts, and the decisions that change."""
        counts = self.changes.document()
        left_out = self.changes.changed - len(self.kept)
        return {"read": self.read, "refused": self.refused} | counts | {"changes": self.kept, "left_out": left_out}


_NO_OBJECT = FieldProblem("", "object_expected", "a transaction is a JSON object")


def _open(file: Path, stack: ExitStack) -> tuple[BinaryIO, int | None]:
    if str(file) == "-":
        return sys.stdin.buffer, None
    try:
        return stack.enter_context(file.open("rb")), file.stat().st_size if file.is_file() else None
    except OSError as error:
        raise InputError(f"cannot read {file}: {error.strerror}") from None


def _document(a: PolicyBook, b: PolicyBook, found: list[Difference]) -> Document:
    from fraudray.policy.book import describe

    same_text = describe(a)["policies"] == describe(b)["policies"]
    return {
        "a": describe(a), "b": describe(b), "same": not found, "same_text": same_text,
        "differences": [difference.document() for difference in found],
    }  # fmt: skip


def _view(found: list[Difference], stream: _Stream | None, *, same_text: bool) -> RenderableType:
    from rich.console import Group

    from fraudray.cli.tables import plain

    parts: list[RenderableType] = []
    if not found:
        parts.append(plain("Nothing differs." if same_text else "Nothing differs but comments and layout."))
    policy = None
    several = len({difference.policy for difference in found}) > 1
    for difference in found:
        if several and difference.policy != policy:
            policy = difference.policy
            parts.append(plain(policy or "Which policy decides what", "bold"))
        parts.append(plain(f"  {difference.text}" if several else difference.text))
    if stream is not None:
        parts += _stream_view(stream)
    return Group(*parts)


def _stream_view(stream: _Stream) -> list[RenderableType]:
    from fraudray.cli.tables import listing, plain

    changes = stream.changes
    tally = f"read {stream.read:,} = decided {changes.decided:,} + repeated {changes.repeated:,} + refused "
    share = f" ({changes.changed / changes.decided:.2%})" if changes.decided else ""
    says = f"{changes.changed:,} decisions change{share}; {changes.scores_changed:,} scores do"
    parts: list[RenderableType] = [plain(f"\n{tally}{stream.refused:,}"), plain(says, "bold")]
    if changes.decided:
        parts.append(_matrix(changes))
    moved = [row for row in _moved(changes) if row[3]]
    if moved:
        rows = ((code, f"{was:,}", f"{now:,}", f"{by:+,}") for code, was, now, by in moved)
        parts.append(listing(("Reason", "A", "B", "Change"), rows, empty=""))
    if stream.kept:
        parts.append(_changed_table(stream.kept))
        left_out = changes.changed - len(stream.kept)
        if left_out:
            parts.append(plain(f"{left_out:,} more are not shown; --out FILE keeps every one.", "dim"))
    return parts


def _matrix(changes: Changes) -> RenderableType:
    """How many went from each decision of A to each of B."""
    from fraudray.cli.tables import decision_word, listing
    from fraudray.domain.decision import Outcome

    rows = (
        (decision_word(was.value), *(f"{changes.outcomes[was, now]:,}" for now in Outcome), f"{_of(changes, was):,}")
        for was in Outcome
        if _of(changes, was)
    )
    return listing(("A, then B →", *(outcome.value for outcome in Outcome), "All"), rows, empty="")


def _of(changes: Changes, was: Any) -> int:
    return sum(count for (first, _), count in changes.outcomes.items() if first is was)


def _moved(changes: Changes) -> list[tuple[str, int, int, int]]:
    """Reason codes with their counts in A and B and the change, largest first."""
    delta = Counter(changes.reasons_b)
    delta.subtract(changes.reasons_a)
    return sorted(
        ((code, changes.reasons_a[code], changes.reasons_b[code], by) for code, by in delta.items()),
        key=lambda row: (-abs(row[3]), row[0]),
    )


def _changed_table(kept: list[Document]) -> RenderableType:
    from fraudray.cli.tables import decision_word, listing

    def verdict(side: Document) -> Any:
        return decision_word(side["decision"]).append(f" {side['score']}")

    def reasons(change: Document) -> str:
        return ", ".join([*(f"+{code}" for code in change["gained"]), *(f"−{code}" for code in change["lost"])])

    rows = ((change["transaction_id"], verdict(change["a"]), verdict(change["b"]), reasons(change)) for change in kept)
    return listing(("Transaction", "A", "B", "Reasons"), rows, empty="")
