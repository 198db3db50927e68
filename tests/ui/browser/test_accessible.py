"""Nobody is kept out: axe's findings, contrast in both themes, and the theme that the reader chose."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from fraudray.ui.pages import PAGES
from tests.ui.browser.conftest import PHONE, WIDE, Opened
from tests.ui.browser.doing import choose, decide, ready

BAD = ("serious", "critical")
SIZES = pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
THEMES = pytest.mark.parametrize("theme", ["light", "dark"])


def findings(page: Page, axe: str) -> list[str]:
    """What axe finds serious or critical, with the elements that it means."""
    page.evaluate(axe + "; undefined")
    found: dict[str, Any] = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{one['id']}: {[node['html'][:160] for node in one['nodes'][:4]]}"
        for one in found["violations"]
        if one["impact"] in BAD
    ]


@SIZES
@THEMES
@pytest.mark.parametrize("path", [page.path for page in PAGES])
def test_no_page_has_serious_findings_when_it_opens(
    page_url: str, open_page: Opened, axe: str, path: str, theme: str, size: dict[str, int]
) -> None:
    page = open_page(f"{page_url}/{path}", size=size, color_scheme=theme, reduced_motion="reduce")
    expect(page.locator("gradio-app .fr-place").locator("h1, h2").first).to_be_visible()
    expect(page.locator("gradio-app .fr-state-loading")).to_have_count(0)
    assert findings(page, axe) == []
    page.locator(".fr-menu summary").click()
    assert findings(page, axe) == []


@SIZES
@THEMES
def test_a_decision_and_its_problems_have_no_serious_findings(
    page_url: str, open_page: Opened, axe: str, theme: str, size: dict[str, int]
) -> None:
    page = ready(open_page(page_url + "/try", size=size, color_scheme=theme, reduced_motion="reduce"))
    choose(page, "Impossible journey")
    decide(page)
    expect(page.locator("#try-actions .fr-action-done")).not_to_have_count(0)
    for more in page.locator("gradio-app details").all():
        more.evaluate("element => { element.open = true; }")
    assert findings(page, axe) == []
    page.locator("#tx-amount").fill("-1")
    decide(page)
    expect(page.locator("#problem-amount")).not_to_be_empty()
    assert findings(page, axe) == []
    page.get_by_role("tab", name="JSON").click()
    assert findings(page, axe) == []


def test_the_theme_follows_the_system_until_the_reader_chooses(page_url: str, open_page: Opened) -> None:
    page = ready(open_page(page_url + "/try", color_scheme="light"))
    root = page.locator("html")
    expect(root).to_have_attribute("data-theme", "light")
    page.emulate_media(color_scheme="dark")
    expect(root).to_have_attribute("data-theme", "dark")
    expect(page.locator("body.dark")).to_have_count(1)
    toggle = page.get_by_role("button", name="Dark colours")
    expect(toggle).to_have_attribute("aria-pressed", "true")
    toggle.click()
    expect(root).to_have_attribute("data-theme", "light")
    page.reload()
    expect(root).to_have_attribute("data-theme", "light")
    expect(page.locator("body.dark")).to_have_count(0)
