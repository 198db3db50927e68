"""An API and a page on it, for the tests of a module."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from fraudray.ui.main import quiet_gradio
from tests.ui.running import serving_api, serving_page

quiet_gradio()


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real gateway without a model and without keys."""
    with serving_api(tmp_path_factory.mktemp("api") / "data") as url:
        yield url


@pytest.fixture(scope="module")
def page_url(api: str) -> Iterator[str]:
    """The page on it."""
    with serving_page(api) as url:
        yield url


@pytest.fixture
def web(page_url: str) -> Iterator[httpx.Client]:
    """A client of the page that says where it comes from, as a browser does."""
    with httpx.Client(base_url=page_url, headers={"origin": page_url}, timeout=30) as client:
        yield client
