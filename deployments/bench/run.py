"""The library that the bench decides and investigates with: its own data folder, and nothing leaves it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fraudray.bootstrap import App
from fraudray.deployments.bench.figures import Document
from fraudray.deployments.bench.measure import Endpoint, Measuring, Plan, Tell
from fraudray.deployments.bench.payments import decided_cases
from fraudray.settings import Settings


async def measure(endpoint: Endpoint, plan: Plan, data_dir: Path, tell: Tell) -> Document:
    """All measurements over `endpoint`, with payments decided in `data_dir`, a new folder.

    Raises openai.APIError where the endpoint does not answer.
    """
    with _library(data_dir) as app:
        tell("deciding the payments")
        cases = decided_cases(app, plan.cases, plan.seed)
        return await Measuring(endpoint, app, tell).run(cases, plan) | {"seed": plan.seed}


@contextmanager
def _library(data_dir: Path) -> Iterator[App]:
    """The packaged policy on SQLite, whatever the environment says. Nobody works on its outbox: no alert, mail or
    webhook is sent."""
    app = App(Settings.model_construct(data_dir=data_dir, sample_customers=False), work=False)
    try:
        yield app
    finally:
        app.close()
