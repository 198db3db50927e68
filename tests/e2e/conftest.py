"""The gateway as an ASGI app in this process: the whole HTTP face without Ray."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from starlette.testclient import TestClient

from fraudray.bootstrap import App
from fraudray.deployments.gateway import build_gateway


@pytest.fixture
def http(app: App) -> Iterator[TestClient]:
    with TestClient(build_gateway(app), base_url="http://127.0.0.1:8000") as client:
        yield client


@pytest.fixture
def worked(app: App) -> Callable[[], int]:
    """Carries out what waits in the outbox."""
    return app.worker.drain
