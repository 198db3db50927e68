"""What an analyst does, step by step, and how long each takes until it can be seen."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

ROWS = "[data-queue] tbody tr"


@dataclass(frozen=True, slots=True)
class Step:
    """One of them. `do` gives the seconds that it took."""

    name: str
    do: Callable[[Page, str], float]


def first_paint(page: Page, address: str, there: str) -> tuple[float, float]:
    """Seconds to the first paint of an address, and until `there` can be seen."""
    begun = time.perf_counter()
    page.goto(address)
    page.wait_for_selector(there)
    usable = time.perf_counter() - begun
    painted = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null")
    return (painted / 1000 if painted is not None else usable), usable


def queue_steps(far: int) -> list[Step]:
    """In the queue, which is open; `far` is a page near its end."""
    return [
        Step("queue: the next page", _next_page),
        Step("queue: a page far down", lambda page, url: _address(page, f"{url}/queue?p={far}")),
        Step("queue: search a word", lambda page, _: _filter(page, "#queue-q", "juwelier")),
        Step("queue: search a transaction", lambda page, _: _filter(page, "#queue-q", "BENCH-0000777")),
        Step("queue: order by amount", lambda page, _: _choose(page, "#queue-sort", "amount")),
        Step("queue: another view", lambda page, _: _view(page, "active")),
        Step("queue: close three at once", _close_three),
    ]


def case_steps() -> list[Step]:
    """On a case, which is open."""
    return [
        Step("case: take it", lambda page, _: _act(page, "claim", "Taken")),
        Step("case: add a note", _note),
        Step("case: close it", lambda page, _: _act(page, "close", "Closed")),
        Step("case: undo", lambda page, _: _act(page, "undo", "Taken")),
        Step("case: take the next", _following),
    ]


def _timed(do: Callable[[], object], seen: Callable[[], object]) -> float:
    begun = time.perf_counter()
    do()
    seen()
    return time.perf_counter() - begun


def _first_case(page: Page) -> str:
    return str(page.locator(ROWS).first.get_attribute("data-case"))


def _changed(page: Page, before: str) -> None:
    page.wait_for_function(
        "before => document.querySelector('[data-queue] tbody tr')?.dataset.case !== before", arg=before
    )


def _next_page(page: Page, _url: str) -> float:
    before = _first_case(page)
    return _timed(lambda: page.locator("[data-queue-page='2']").click(), lambda: _changed(page, before))


def _address(page: Page, address: str) -> float:
    return _timed(lambda: page.goto(address), lambda: page.wait_for_selector(ROWS))


def _filter(page: Page, field: str, text: str) -> float:
    before = _first_case(page)
    try:
        return _timed(lambda: page.fill(field, text), lambda: _changed(page, before))
    finally:
        before = _first_case(page)
        page.fill(field, "")
        _changed(page, before)


def _choose(page: Page, field: str, value: str) -> float:
    before = _first_case(page)
    return _timed(lambda: page.select_option(field, value), lambda: _changed(page, before))


def _view(page: Page, name: str) -> float:
    chosen = f"[data-queue-view={name}][aria-current]"
    return _timed(lambda: page.locator(f"[data-queue-view={name}]").click(), lambda: page.wait_for_selector(chosen))


def _close_three(page: Page, _url: str) -> float:
    for index in range(3):
        page.locator("[data-queue-row]").nth(index).check()
    page.locator("[data-queue-act=close]").click()
    page.locator("[data-queue-form=close] [value=legitimate]").check()
    page.locator("[data-queue-form=close] [name=reason]").fill("A test of the terminals")
    return _timed(
        lambda: page.locator("[data-queue-form=close] [value=go]").click(),
        lambda: page.wait_for_selector("#queue-said h2"),
    )


def _act(page: Page, act: str, status: str) -> float:
    button = page.locator(f"[data-case-act={act}]")
    if not button.is_visible():
        page.locator(".fr-acts-more summary").click()
    form = page.locator(f"[data-case-form={act}]")
    last = button
    if form.count():
        button.click()
        last = form.locator("[value=go]")
        if act == "close":
            form.locator("[value=legitimate]").check()
            form.locator("[name=reason]").fill("The customer confirmed it")
    seen = re.compile(status)
    tag = page.locator(".fr-case-title .fr-tag").first
    return _timed(last.click, lambda: tag.filter(has_text=seen).wait_for())


def _note(page: Page, _url: str) -> float:
    page.fill("#case-note-text", "Called the customer.")
    return _timed(
        lambda: page.locator("#case-write [type=submit]").click(),
        lambda: page.locator("#case-notes .fr-entry-note").first.wait_for(),
    )


def _following(page: Page, _url: str) -> float:
    before = page.url

    def seen() -> None:
        page.wait_for_url(lambda url: url != before)
        page.wait_for_selector(".fr-waterfall")

    return _timed(lambda: page.locator("[data-case-next]").click(), seen)
