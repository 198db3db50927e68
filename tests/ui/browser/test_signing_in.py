"""A server that wants keys, in a browser: signing in, out, and what stays out of sight."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import expect

from tests.ui.browser.conftest import Opened
from tests.ui.browser.doing import choose, decide, ready
from tests.ui.running import serving_api, serving_page


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """A page on an API with keys, and a key."""
    with serving_api(tmp_path_factory.mktemp("locked") / "data") as api:
        key = httpx.post(api + "/v1/keys", json={"name": "ada", "scopes": ["read", "decide", "act"]}).json()["key"]
        with serving_page(api) as url:
            yield url, key


def test_signing_in_opens_the_page_and_signing_out_closes_it(locked: tuple[str, str], open_page: Opened) -> None:
    url, key = locked
    page = ready(open_page(url + "/try"))
    choose(page, "Everyday purchase")
    decide(page)
    page.locator("#fr-key").fill("frk_0123456789ab_wrong")
    page.get_by_role("button", name="Sign in", exact=True).last.click()
    ready(page)
    choose(page, "Everyday purchase")
    decide(page)
    expect(page.locator("#try-decision")).to_contain_text("the key is not valid")
    page.locator("#fr-key").fill(key)
    page.locator("#fr-key").press("Enter")
    ready(page)
    assert page.url == url + "/try"
    choose(page, "Everyday purchase")
    decide(page)
    expect(page.locator("#try-outcome")).to_be_visible()
    assert key not in page.content()
    assert key not in str(
        page.evaluate("document.cookie + JSON.stringify(localStorage) + JSON.stringify(sessionStorage)")
    )
    cookie = next(one for one in page.context.cookies() if one["name"] == "fraudray_key")
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
    page.locator(".fr-menu summary").click()
    page.get_by_role("button", name="Sign out").click()
    ready(page)
    choose(page, "Everyday purchase")
    decide(page)
    expect(page.locator("#try-decision")).to_contain_text("This server wants an API key")


def test_the_name_of_the_local_analyst_goes_with_what_is_done(page_url: str, open_page: Opened) -> None:
    page = ready(open_page(page_url + "/try"))
    page.locator(".fr-menu summary").click()
    page.get_by_label("Your name").fill("Ada Lovelace")
    page.get_by_role("button", name="Save").click()
    ready(page)
    expect(page.locator(".fr-menu summary")).to_have_text("Ada Lovelace")
