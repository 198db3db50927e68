"""`fraudray bench llm`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from fraudray.cli.exits import ExitCode
from fraudray.cli.session import Json, Session

if TYPE_CHECKING:
    from fraudray.deployments.bench.figures import Document
    from fraudray.deployments.bench.measure import Plan, Tell


def llm(
    ctx: typer.Context,
    url: Annotated[
        str | None,
        typer.Option(
            "--llm", help="OpenAI-compatible endpoint (…/v1).", show_default="a tiny model, started on vLLM on the CPU"
        ),
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", help="The model's name there.", show_default="FRAUDRAY_LLM_MODEL")
    ] = None,
    count: Annotated[int, typer.Option("-n", "--count", min=1, max=10_000, help="Investigations one at a time.")] = 24,
    loops: Annotated[int, typer.Option("--loops", min=1, max=1000, help="Runs of the usual loop.")] = 8,
    at_once: Annotated[int, typer.Option("--at-once", min=1, max=1024, help="Investigations at once.")] = 32,
    windows: Annotated[int, typer.Option("--windows", min=1, max=100, help="Stretches of each kind at once.")] = 4,
    window_s: Annotated[float, typer.Option("--seconds", min=0.1, max=600, help="How long each counts.")] = 8.0,
    seed: Annotated[int, typer.Option("--seed", help="The same seed gives the same payments.")] = 1,
    as_json: Json = False,
) -> None:
    """Investigate synthetic payments with a language model, beside baselines of the same run.

    What the agent takes beyond the engine's own time; how much of the engine's throughput is left with many at once,
    beside the same requests with nobody reading the answers; how much of the prompts comes from the prefix cache; how
    much faster a decision is there than by the usual loop, in which the model calls each of the six tools in turn.
    Nothing is sent to anybody: the payments are decided in a temporary folder. With the tiny model (about five
    minutes), run it on a machine that does nothing else. Code 1 when no investigation came to a verdict.
    """
    from fraudray.deployments.bench.measure import Plan
    from fraudray.deployments.bench.view import bench_view

    session = Session.of(ctx, as_json=as_json, data_dir=None)
    plan = Plan(count=count, loops=loops, at_once=at_once, windows=windows, window_s=window_s, seed=seed)
    with _telling() as tell:
        figures = _measured(session, plan, url, model, tell)
    if figures is None:
        raise typer.Exit(ExitCode.UNAVAILABLE)
    session.show(figures, bench_view(figures))
    if figures["without_verdict"] == figures["investigations"]:
        raise typer.Exit(ExitCode.FOUND)


def _measured(session: Session, plan: Plan, url: str | None, model: str | None, tell: Tell) -> Document | None:
    if url is None:
        from fraudray.deployments.bench.tiny import measure_tiny

        return measure_tiny(plan, tell)
    from fraudray.deployments.bench.elsewhere import measure_elsewhere

    return measure_elsewhere(session.settings, plan, url, model, tell)


@contextmanager
def _telling() -> Iterator[Tell]:
    """Says on stderr what is being done, when a terminal watches."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console

    with Console(stderr=True).status("starting") as status:
        yield status.update
