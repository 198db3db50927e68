"""The page below a sub-path of another server, whose proxy keeps the prefix or strips it, and has a Host of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.ui.between import between
from tests.ui.browser.conftest import Opened
from tests.ui.browser.doing import choose, decide, outcome, ready
from tests.ui.running import serving_page


@pytest.fixture(scope="module", params=["keeps", "strips"])
def below(request: pytest.FixtureRequest, api: str) -> Iterator[str]:
    """Where the page is reached."""
    with (
        serving_page(api, root_path="/fraud") as page,
        between(page, prefix="/fraud", strips=request.param == "strips") as way,
    ):
        yield way.url + "/fraud"


def test_it_is_used_as_anywhere_and_never_leaves_its_path(below: str, open_page: Opened) -> None:
    page = open_page("about:blank", own=below)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(below + "/")
    page.get_by_role("link", name="Try", exact=True).click()
    ready(page)
    assert page.url == below + "/try"
    choose(page, "Unknown device")
    decide(page)
    outcome(page, "Review")
    page.locator(".fr-menu summary").click()
    page.get_by_label("Your name").fill("Ada")
    page.get_by_role("button", name="Save").click()
    ready(page)
    expect(page.locator(".fr-menu summary")).to_have_text("Ada")
    assert page.url == below + "/try"
    assert [url for url in asked if not url.startswith((below + "/", "data:"))] == []
