"""`fraudray bench page`."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from fraudray.cli.session import Json, Session

LIMIT_S = 1.0
QUEUE_ROWS = 50
Document = dict[str, Any]


def page(
    ctx: typer.Context,
    cases: Annotated[int, typer.Option("--cases", min=100, max=1_000_000, help="Cases in the queue.")] = 50_000,
    rounds: Annotated[int, typer.Option("--rounds", min=1, max=100, help="How often each step is measured.")] = 5,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the payments.")] = 1,
    folder: Annotated[
        Path | None, typer.Option("--folder", help="Where to keep the filled store, to measure again.", file_okay=False)
    ] = None,
    as_json: Json = False,
) -> None:
    """Measure how long an analyst waits: first paint, and each action, in a real Chromium on many cases.

    Beside it stands a Gradio app that shows one line of text, measured in the same run.
    """
    session = Session.of(ctx, as_json=as_json, data_dir=None)
    with tempfile.TemporaryDirectory() as temporary:
        where = folder or Path(temporary)
        where.mkdir(parents=True, exist_ok=True)
        answer = _measure(where, cases, rounds, seed)
    session.show(answer, _view(answer))


def _measure(folder: Path, cases: int, rounds: int, seed: int) -> Document:
    from rich.console import Console
    from rich.progress import Progress

    from fraudray.client import Client
    from fraudray.ui.bench.filling import fill
    from fraudray.ui.bench.measure import baseline, chromium, page_steps
    from fraudray.ui.bench.servers import empty_gradio, serving

    with Progress(console=Console(stderr=True), transient=True) as progress, chromium() as context:
        with empty_gradio(folder) as address:
            beside = baseline(context, address, rounds)
        with serving(folder) as (api, url), Client(api) as client:
            filling = progress.add_task("filling the queue", total=cases)
            fill(client, cases, seed, lambda done: progress.update(filling, completed=done))
            working = progress.add_task("working", total=rounds + 1)
            steps = page_steps(
                context, url, rounds, far=max(1, cases * 9 // 10 // QUEUE_ROWS),
                on_round=lambda done: progress.update(working, completed=done),
            )  # fmt: skip
            active = client.casework.counts(author="bench")["active"]
    late = [name for name, figures in steps.items() if figures["median_s"] > LIMIT_S]
    return {"cases": active, "rounds": rounds, "limit_s": LIMIT_S, "late": late, "steps": steps, "baseline": beside}


def _view(answer: Document) -> Any:
    from rich.console import Group

    from fraudray.cli.tables import listing

    rows = [(name, f"{one['median_s']:.3f}", f"{one['worst_s']:.3f}") for name, one in answer["steps"].items()]
    beside = answer["baseline"]
    rows += [
        (f"a Gradio app with one line: {name.replace('_', ' ')}", f"{one['median_s']:.3f}", f"{one['worst_s']:.3f}")
        for name, one in beside.items()
    ]
    columns = ("Step", "Median s", "Worst s")
    late = f"over {answer['limit_s']:g} s: {', '.join(answer['late'])}" if answer["late"] else "every median under 1 s"
    told = f"{answer['cases']:,} active cases, {answer['rounds']} rounds; {late}"
    return Group(listing(columns, rows, empty=""), told)
