"""Receivers, and Apps that may send to them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from fraudray.bootstrap import App
from fraudray.service import LocalService
from fraudray.testing.clock import FixedClock

from .receiver import Receiver, receiving

INSIDE = {"webhook_hosts": "127.0.0.1:*,localhost:*", "webhook_private": True, "webhook_timeout_s": 5}
Add = Callable[..., dict[str, Any]]


@pytest.fixture
def clock() -> FixedClock:
    """Stands at the present: verifying takes no signature that is older than five minutes."""
    return FixedClock(datetime.now(UTC))


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


@pytest.fixture
def app(make_app: Callable[..., App]) -> App:
    return make_app(**INSIDE)


@pytest.fixture
def service(app: App) -> LocalService:
    return LocalService(app)


@pytest.fixture
def add(service: LocalService, receiver: Receiver) -> Add:
    """Adds an endpoint at the receiver, for all events unless told."""

    def adding(*events: str, url: str | None = None, **more: Any) -> dict[str, Any]:
        names = events or ("decision.created", "case.opened", "case.updated", "case.closed")
        return service.webhooks.add({"url": url or receiver.url, "events": list(names)} | more, author="ana")

    return adding
