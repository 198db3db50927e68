"""`fraudray decide`: transactions of a file through the engine, in order, with a tally that adds up."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, BinaryIO, cast

import typer

from fraudray.cli.bulk import TOLD_MAX, in_batches, json_line, progress, readable, writable, write_line
from fraudray.cli.exits import ExitCode, InputError, problem_line, say, status_exit_code, tell_problem
from fraudray.cli.session import DataDir, Document, Json, Session, examples, new_app, print_json

if TYPE_CHECKING:
    from fraudray.cli.rows import Input, InputRow
    from fraudray.service import Service

SHOWN_MAX = 50
WAIT_S = 5.0
POLL_S = 0.1

app = new_app()


@app.command(
    epilog=examples(
        "fraudray decide --samples",
        "fraudray decide day.ndjson --out decisions.ndjson --rejects rejected.ndjson",
        "jq -c .payments[] export.json | fraudray decide - --json",
    )
)
def decide(
    ctx: typer.Context,
    file: Annotated[
        Path | None, typer.Argument(help="A JSON object, a JSON array, or one object a line; - reads standard input.")
    ] = None,
    samples: Annotated[bool, typer.Option("--samples", help="Decide the three packaged samples.")] = False,
    out: Annotated[Path | None, typer.Option("--out", help="Write decisions to this file, one a line.")] = None,
    rejects: Annotated[
        Path | None, typer.Option("--rejects", help="Write refused rows to this file: row number and problem.")
    ] = None,
    no_wait: Annotated[
        bool, typer.Option("--no-wait", help="Do not wait (5 s at most) for alerts and reports to leave.")
    ] = False,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Decide transactions and show each decision with its reasons.

    Rows are decided in order. A row that cannot be decided stops no other: the run ends with code 1 and says how many
    there were. A transaction decided before answers with its stored decision and is counted as replayed.
    """
    if samples == (file is not None):
        raise InputError("name one FILE (- for standard input), or use --samples")
    session = Session.of(ctx, as_json=as_json, data_dir=data_dir)
    with ExitStack() as stack:
        stream, name, size = _open(file, stack)
        from fraudray.cli.rows import read_input

        given = read_input(stream, name)
        run = _Run(session, single=given.single)
        run.files(out, rejects, stack)
        service = stack.enter_context(session.service(work=True))
        with progress(size, "deciding") as advance:
            run.decide(service, given, wait=not no_wait, advance=advance)
        run.finish()
    raise typer.Exit(run.code)


@dataclass
class _Run:
    """The tally of one run, and where its rows go."""

    session: Session
    single: bool
    outcomes: Counter[str] = field(default_factory=Counter)
    read: int = 0
    decided: int = 0
    replayed: int = 0
    rejected: int = 0
    code: ExitCode = ExitCode.OK
    kept: list[Document] = field(default_factory=list)
    out: IO[str] | None = None
    rejects: IO[str] | None = None
    deadline: float = 0.0

    def files(self, out: Path | None, rejects: Path | None, stack: ExitStack) -> None:
        """Open the files to write before anything is decided. Raises InputError."""
        self.out = writable(out, stack)
        self.rejects = writable(rejects, stack)

    def decide(self, service: Service, given: Input, *, wait: bool, advance: Callable[[int], None]) -> None:
        """All rows, batch by batch."""
        self.deadline = time.monotonic() + WAIT_S if wait else 0.0
        for batch in in_batches(given.rows):
            results = iter(service.decide_rows([row.data for row in batch if row.problem is None]))
            for row in batch:
                result = {"status": row.problem["status"], "problem": row.problem} if row.problem else next(results)
                self._take(row, result)
            self._settle(service)
            self._emit(batch)
            advance(sum(row.size for row in batch))

    def _take(self, row: InputRow, result: Document) -> None:
        self.read += 1
        result["row"] = row.number
        self.kept.append(result)
        if "decision" in result:
            self.outcomes[result["decision"]["decision"]] += 1
            self.replayed += result["status"] == 200
            self.decided += result["status"] == 201
            return
        self.rejected += 1
        if self.rejects is not None:
            write_line(self.rejects, {"row": row.number, "problem": result["problem"]})
        elif not self.single and self.rejected <= TOLD_MAX:
            say(f"row {row.number}: {problem_line(result['problem'])}")
        elif not self.single and self.rejected == TOLD_MAX + 1:
            say("further refused rows are not listed; --rejects FILE keeps all of them")
        unavailable = status_exit_code(result["status"]) is ExitCode.UNAVAILABLE
        self.code = ExitCode.UNAVAILABLE if unavailable else max(self.code, ExitCode.FOUND)

    def _settle(self, service: Service) -> None:
        """Wait for actions that are still pending, within the run's five seconds, for the rows that are shown."""
        if self.read > SHOWN_MAX:
            return
        for result in self.kept:
            while _acts(result):
                if time.monotonic() >= self.deadline:
                    return
                time.sleep(POLL_S)
                result["decision"] = service.decision(result["decision"]["transaction_id"])

    def _emit(self, batch: list[InputRow]) -> None:
        """Write the batch's results; keep them for the table while they are few."""
        fresh = self.kept[-len(batch) :]
        if self.out is not None:
            for result in fresh:
                if "decision" in result:
                    write_line(self.out, result["decision"])
        if self.session.as_json and not self.single:
            for result in fresh:
                begins = self.read == len(batch) and result is fresh[0]
                sys.stdout.write(("[\n" if begins else ",\n") + json_line(result))
        if self.read > SHOWN_MAX or (self.session.as_json and not self.single):
            self.kept.clear()

    def finish(self) -> None:
        """Print what is shown at the end: the table and the tally, or the rest of the JSON."""
        if self.session.as_json:
            self._finish_json()
            return
        decisions = [result["decision"] for result in self.kept if "decision" in result]
        if self.single and not decisions:
            self._refused_single()
            return
        if decisions:
            from fraudray.cli.tables import decisions_table

            self.session.out.print(decisions_table(decisions))
        self.session.out.print(self._tally())
        if self.read > SHOWN_MAX and self.out is None:
            self.session.out.print("Too many for a table; --out FILE keeps every decision.")

    def _finish_json(self) -> None:
        if not self.single:
            sys.stdout.write("\n]\n")
            say(self._tally())
        elif "decision" in self.kept[0]:
            print_json(self.kept[0]["decision"])
        else:
            self._refused_single()

    def _refused_single(self) -> None:
        problem = self.kept[0]["problem"]
        tell_problem(problem)
        self.code = status_exit_code(problem["status"])

    def _tally(self) -> str:
        outcomes = ", ".join(
            f"{word} {self.outcomes[word]:,}" for word in ("APPROVE", "REVIEW", "BLOCK") if self.outcomes[word]
        )
        counts = f"decided {self.decided:,} + replayed {self.replayed:,} + rejected {self.rejected:,}"
        return f"read {self.read:,} = {counts}" + (f"  ({outcomes})" if outcomes else "")


def _open(file: Path | None, stack: ExitStack) -> tuple[BinaryIO, str, int | None]:
    """The stream to read, its name, and its size in bytes where it is known."""
    if file is None:
        from importlib import resources

        packaged = resources.files("fraudray.data").joinpath("samples.ndjson")
        return cast(BinaryIO, stack.enter_context(packaged.open("rb"))), "samples.ndjson", None
    return readable(file, stack)


def _acts(result: Document) -> bool:
    return any(action["status"] == "pending" for action in result.get("decision", {}).get("actions", []))
