"""An API that is slow, overloaded, cut off or not there: the page says so, and what to do."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.ui.between import Between, between
from tests.ui.browser.conftest import Opened
from tests.ui.browser.doing import choose, decide, ready
from tests.ui.running import serving_page

# What Chromium and Gradio write of a server that has gone.
ANY_REFUSAL = re.compile("ERR_CONNECTION|Failed to|Could not|Connection")


@pytest.fixture(scope="module")
def way(api: str) -> Iterator[Between]:
    with between(api) as state:
        yield state


@pytest.fixture(scope="module")
def shaky_url(way: Between) -> Iterator[str]:
    with serving_page(way.url) as url:
        yield url


@pytest.fixture
def page(way: Between, shaky_url: str, open_page: Opened) -> Iterator[Page]:
    """The form with an example, and an API that is well again at the end."""
    page = ready(open_page(shaky_url + "/try"))
    choose(page, "Unknown device")
    yield page
    way.mood, way.only = "well", ""


def no_toast(page: Page) -> None:
    """Nothing of Gradio's own, and nothing of Python's."""
    expect(page.locator(".toast-body")).to_have_count(0)
    expect(page.locator("body")).not_to_contain_text("Traceback")
    expect(page.locator("body")).not_to_contain_text("httpx")


def test_an_overloaded_api_is_told_and_the_form_stays(page: Page, way: Between) -> None:
    way.mood = "overloaded"
    decide(page)
    expect(page.locator("#try-decision")).to_contain_text("The server could not do this")
    no_toast(page)
    way.mood = "well"
    decide(page)
    expect(page.locator("#try-outcome")).to_have_text("Review")


def test_an_answer_that_is_cut_off_is_told(page: Page, way: Between) -> None:
    way.mood = "cut"
    decide(page)
    expect(page.locator("#try-decision")).to_contain_text("The API does not answer")
    no_toast(page)


def test_a_slow_api_is_waited_for_and_then_told(page: Page, way: Between) -> None:
    way.mood = "hangs"
    decide(page)
    expect(page.locator("#try-decision")).to_contain_text("Deciding")
    expect(page.locator("#try-decision .fr-slow")).to_be_visible(timeout=15_000)
    expect(page.locator("#try-decision")).to_contain_text("The API takes too long", timeout=20_000)
    no_toast(page)


def test_what_is_known_stays_when_the_rest_fails(page: Page, way: Between) -> None:
    way.mood, way.only = "overloaded", "/v1/policy"
    decide(page)
    expect(page.locator("#try-outcome")).to_have_text("Review")
    no_toast(page)


def test_a_page_whose_server_has_gone_says_so(api: str, open_page: Opened) -> None:
    with serving_page(api) as url:
        page = ready(open_page(url + "/try", expect=ANY_REFUSAL))
        choose(page, "Unknown device")
    decide(page)
    note = page.get_by_role("alert").filter(has_text="connection to this page’s server was lost")
    expect(note).to_be_visible(timeout=30_000)
    expect(page.locator(".toast-body").first).to_be_hidden()
