"""`fraudray policy test`: transactions with the outcomes that they should have."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fraudray.cli.exits import ExitCode, InputError
from fraudray.cli.session import DataDir, Json, Session, examples

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from fraudray.domain.decision import Adjustment, Reason
    from fraudray.policy.book import PolicyBook
    from fraudray.trial.cases import Case, CaseFile
    from fraudray.trial.run_cases import CaseResult, CaseRun

EXAMPLES = examples(
    "fraudray policy test",
    "fraudray policy test my-cases.yaml --policy my-policy.yaml",
    "fraudray policy test --policy my-policy.yaml -k travel",
    "fraudray policy test --policy my-policy.yaml --history run",
)


def run(
    ctx: typer.Context,
    cases: Annotated[
        Path | None, typer.Argument(help="The file of cases (YAML); the default policy's own otherwise.")
    ] = None,
    policy: Annotated[
        str | None,
        typer.Option(
            "--policy",
            help="A policy or book, or default, or current.",
            show_default="with CASES what the settings name, else default",
        ),
    ] = None,
    history: Annotated[
        Path | None,
        typer.Option("--history", help="Instead of cases: a back-test's folder, whose stored facts are judged anew."),
    ] = None,
    keyword: Annotated[str | None, typer.Option("-k", help="Only cases whose name contains this.")] = None,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Decide cases by a policy, in memory, and compare with what each expects. Code 1 when one differs.

    Every case starts on an empty store, and nothing is stored or sent. fraudray/policy/README.md shows the format.
    With --history, say what a changed policy would have done with the transactions of a back-test, in seconds.
    """
    from fraudray.reference import load_reference
    from fraudray.trial.engine import Trials
    from fraudray.trial.run_cases import run_cases

    session = Session.of(ctx, as_json=as_json, data_dir=data_dir)
    if history is not None:
        if cases is not None or keyword is not None:
            raise InputError("--history takes no cases")
        _on_history()(history, _book(policy, None, session), session)
        return
    file = _case_file(cases)
    wanted = _selected(file.cases, keyword)
    book = _book(policy, cases, session)
    from fraudray.cli.books import named_customers
    from fraudray.trial.cases import SAMPLES

    customers = [*(named_customers(SAMPLES) if file.samples else ()), *file.customers]
    began = time.perf_counter()
    with Trials(book, load_reference(session.settings), session.settings) as trials:
        done = run_cases(trials, wanted, customers, start=file.start)
    took_s = time.perf_counter() - began
    session.show(_document(done, took_s, whole=keyword is None), _view(done, took_s, whole=keyword is None))
    raise typer.Exit(ExitCode.FOUND if done.failed else ExitCode.OK)


def _on_history() -> Callable[[Path, PolicyBook, Session], None]:
    """Who judges histories: another package, found by entry point. Raises InputError without it."""
    from importlib.metadata import entry_points

    for point in entry_points(group="fraudray.policy_tests", name="history"):
        try:
            judge: Callable[[Path, PolicyBook, Session], None] = point.load()
        except ModuleNotFoundError as error:
            raise InputError(f"--history needs {error.name}: pip install 'fraudray[batch]'") from None
        return judge
    raise InputError("--history is not part of this installation: pip install 'fraudray[batch]'")


def _case_file(path: Path | None) -> CaseFile:
    from importlib import resources

    from fraudray.domain.errors import PolicyError
    from fraudray.trial.cases import load_cases, parse_cases

    if path is not None:
        try:
            return load_cases(path)
        except PolicyError as error:
            raise InputError(str(error)) from None
    packaged = resources.files("fraudray.policy").joinpath("default_cases.yaml")
    return parse_cases(packaged.read_text(encoding="utf-8"), file="default_cases.yaml")


def _book(policy: str | None, cases: Path | None, session: Session) -> PolicyBook:
    from fraudray.cli.books import DEFAULT, named_book
    from fraudray.policy.book import PolicyBook

    if policy is None and cases is not None:
        return PolicyBook.load(session.settings.policy_file)
    return named_book(policy or DEFAULT, session)


def _selected(cases: tuple[Case, ...], keyword: str | None) -> list[Case]:
    wanted = [case for case in cases if keyword is None or keyword.casefold() in case.name.casefold()]
    if not wanted:
        raise InputError(f"none of {len(cases)} cases has {keyword!r} in its name")
    return wanted


def _document(run: CaseRun, took_s: float, *, whole: bool) -> dict[str, Any]:
    from fraudray.policy.book import describe

    document = {
        "book": describe(run.book), "cases": len(run.results), "passed": len(run.results) - run.failed,
        "failed": run.failed, "took_s": round(took_s, 3), "results": [result.document() for result in run.results],
    }  # fmt: skip
    if whole:
        document["never_held"] = [{"policy": policy, "rule": rule} for policy, rule in run.unreached]
    return document


def _view(run: CaseRun, took_s: float, *, whole: bool) -> RenderableType:
    from rich.console import Group
    from rich.text import Text

    failed = f"{run.failed} failed" if run.failed else "none failed"
    total = len(run.results)
    names = ", ".join(f"{policy.ref.name} {policy.ref.version}" for policy in run.book)
    parts: list[RenderableType] = [
        _table(run.results),
        Text(
            f"{total} cases by {names}: {total - run.failed} passed, {failed}, in {took_s:.1f} s",
            style="bold red" if run.failed else "bold green",
        ),
    ]
    if whole and run.unreached:
        for policy in run.book:
            name = policy.document.name
            if rules := ", ".join(rule for of, rule in run.unreached if of == name):
                where = f" of {name}" if len(run.book.policies) > 1 else ""
                parts.append(Text(f"In no case held{where}: {rules}", style="dim"))
    return Group(*parts)


def _table(results: list[CaseResult]) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from fraudray.cli.tables import decision_word, plain

    table = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False)
    table.add_column("", no_wrap=True)
    table.add_column("Case", overflow="fold")
    table.add_column("Decision", no_wrap=True)
    table.add_column("Score", justify="right", no_wrap=True)
    table.add_column("Line", justify="right", no_wrap=True, style="dim")
    for result in results:
        word = Text("FAILED", style="bold red") if result.failures else Text("passed", style="green")
        name = plain(result.case.name)
        if result.failures:
            name.append_text(_failure(result))
        got = result.decision
        table.add_row(
            word, name, decision_word(got.decision.value if got else ""), str(got.score) if got else "",
            str(result.case.line),
        )  # fmt: skip
    return table


def _failure(result: CaseResult) -> Any:
    """What was expected and what came instead, and the reasons for it."""
    from fraudray.cli.tables import plain

    text = plain("")
    for failure in result.failures:
        text.append_text(plain(f"\n  {failure}", "red"))
    if result.decision is not None:
        moved: list[Reason | Adjustment] = [*result.decision.reasons, *result.decision.adjustments]
        for entry in moved:
            text.append_text(plain(f"\n  {entry.points:+d} {entry.code}: {entry.text}", "dim"))
    return text
