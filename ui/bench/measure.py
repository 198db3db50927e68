"""Measuring: some rounds of the same steps, each in a browser that has been there once before."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fraudray.domain.errors import NotInstalled
from fraudray.ui.bench.steps import ROWS, case_steps, first_paint, queue_steps

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

PROGRAMS = ("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome")
WIDE = {"width": 1366, "height": 768}
STEP_MS = 30_000
Document = dict[str, Any]


@contextmanager
def chromium() -> Iterator[BrowserContext]:
    """A browser without a window. Raises NotInstalled naming what is missing."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        raise NotInstalled("this bench drives a browser: pip install playwright") from None
    program = next((path for path in PROGRAMS if Path(path).exists()), None)
    if program is None:
        raise NotInstalled("this bench needs Chromium: sudo apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        context = browser.new_context(viewport=WIDE)  # type: ignore[arg-type]
        context.set_default_timeout(STEP_MS)
        yield context
        browser.close()


def baseline(context: BrowserContext, address: str, rounds: int) -> Document:
    """The same of a Gradio app that shows one line."""
    painted, usable = [], []
    for _ in range(rounds + 1):
        page = context.new_page()
        paint, there = first_paint(page, address, "#there")
        painted.append(paint)
        usable.append(there)
        page.close()
    return {"first_paint": _figures(painted[1:]), "usable": _figures(usable[1:])}


def page_steps(
    context: BrowserContext, url: str, rounds: int, *, far: int, on_round: Callable[[int], None]
) -> Document:
    """Seconds of every step: median and worst of the rounds; the first round only warms up."""
    seen: dict[str, list[float]] = {}
    for number in range(rounds + 1):
        on_round(number)
        page = context.new_page()
        taken: dict[str, float] = {}
        taken["queue: first paint"], taken["queue: cases to be seen"] = first_paint(page, f"{url}/", ROWS)
        for step in queue_steps(far):
            taken[step.name] = step.do(page, url)
        page.goto(f"{url}/queue?p={10 + number}")
        page.wait_for_selector(ROWS)
        href = page.locator(f"{ROWS} a").first.get_attribute("href")
        paint, decided = first_paint(page, f"{url}/{href}", ".fr-waterfall")
        taken["case: first paint"], taken["case: the decision to be seen"] = paint, decided
        page.wait_for_selector("#case-trail h2")
        for step in case_steps():
            taken[step.name] = step.do(page, url)
        page.close()
        for name, seconds in taken.items():
            seen.setdefault(name, []).append(seconds)
    return {name: _figures(seconds[1:]) for name, seconds in seen.items()}


def _figures(seconds: list[float]) -> Document:
    return {"median_s": round(statistics.median(seconds), 3), "worst_s": round(max(seconds), 3)}
