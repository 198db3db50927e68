"""A library with its outbox at work, and a client in the same process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fraudray.bootstrap import App
from fraudray.domain.decision import Decision
from fraudray.settings import load_settings
from fraudray.testing.clock import FixedClock
from fraudray.tools.provider import MountedProvider
from tests.tools.asking import Answer, ask

Ask = Callable[..., Answer]


@pytest.fixture
def app(tmp_path: Path, clock: FixedClock) -> Iterator[App]:
    """Sends what is in its outbox, unlike the one of the other tests."""
    with App(load_settings(data_dir=tmp_path / "data"), clock=clock) as app:
        yield app


@pytest.fixture
def call(app: App) -> Ask:
    """Calls a tool of a mounted server: `call("fraud-logger", "get_fraud_case", case_id=…)`."""

    def call(server: str, name: str, **arguments: Any) -> Answer:
        return ask(server, MountedProvider(app), name, arguments)

    return call


@pytest.fixture
def blocked(app: App, samples: list[dict[str, Any]]) -> Decision:
    """A decided transaction that was blocked and has a case."""
    decision = app.engine.decide(samples[1])
    assert decision.case_id is not None
    return decision
