"""What a reader does on the page Try."""

from __future__ import annotations

from playwright.sync_api import Page, expect


def ready(page: Page) -> Page:
    """Wait until the form can be used."""
    page.wait_for_selector("form.fr-try[data-ready]")
    return page


def choose(page: Page, example: str) -> None:
    page.get_by_role("button", name=example, exact=True).click()


def decide(page: Page) -> None:
    page.get_by_role("button", name="Decide", exact=True).click()


def outcome(page: Page, word: str) -> None:
    """Wait for the outcome, and until nothing more is to come."""
    expect(page.locator("#try-outcome")).to_have_text(word)


def field(page: Page, name: str) -> str:
    return page.locator(f"#tx-{name}").input_value()
