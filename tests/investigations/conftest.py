"""Apps with a model, which is a scripted endpoint over real HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fraudray.bootstrap import App
from fraudray.settings import load_settings
from fraudray.testing.endpoint import MODEL

Open = Callable[..., App]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Open]:
    """Opens an App whose investigator asks the endpoint at `url`; None for no model."""
    apps: list[App] = []

    def open_it(url: str | None, **settings: Any) -> App:
        model = {"llm_url": url, "llm_model": MODEL} if url else {}
        app = App(load_settings(data_dir=tmp_path / "data", outbox_dir=tmp_path / "outbox", **model, **settings))
        apps.append(app)
        return app

    yield open_it
    for app in apps:
        app.close()
