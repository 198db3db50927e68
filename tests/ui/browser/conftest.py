"""A real Chromium, one for all tests. A test fails when the browser asks any host but the page's, or a script fails."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect, sync_playwright

from tests.engines.npm import installed

HERE = Path(__file__).parent
CHROMIUM = ("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome")
MISSING = "Chromium is not installed: sudo apt-get install chromium"
WIDE, PHONE = {"width": 1366, "height": 768}, {"width": 390, "height": 844}
STEP_MS = 20_000
Opened = Callable[..., Page]
expect.set_options(timeout=STEP_MS)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browsers are slow."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    program = next((path for path in CHROMIUM if Path(path).exists()), None)
    if program is None:
        pytest.skip(MISSING)
    browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def axe() -> str:
    """The script that looks for what keeps people out."""
    return (installed(HERE, "page-tests") / "node_modules/axe-core/axe.min.js").read_text(encoding="utf-8")


@pytest.fixture
def open_page(browser: Browser, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opened]:
    """Opens an address in a browser of its own: `open_page(url, size=PHONE, color_scheme="dark")`."""
    contexts: list[BrowserContext] = []
    pages: list[Page] = []
    foreign: list[str] = []
    failed: list[str] = []

    def open_one(
        url: str, *, size: dict[str, int] | None = None, expect: re.Pattern[str] | None = None,
        own: str | None = None, **more: object,
    ) -> Page:  # fmt: skip
        context = browser.new_context(viewport=size or WIDE, **more)  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        pages.append(page)
        page.set_default_timeout(STEP_MS)
        host = re.match(r"https?://[^/]+", own or url)
        assert host is not None
        page.on("request", lambda asked: None if _is_own(asked.url, host[0]) else foreign.append(asked.url))
        page.on("pageerror", lambda error: failed.append(str(error)))
        page.on("console", lambda said: failed.append(said.text) if _is_bad(said.type, said.text, expect) else None)
        page.goto(url)
        return page

    yield open_one
    if request.node.stash.get(FAILED, False):
        for number, page in enumerate(pages):
            page.screenshot(path=tmp_path / f"failed-{number}.png", full_page=True)
            print(f"screenshot: {tmp_path / f'failed-{number}.png'}")
    for context in contexts:
        context.close()
    assert foreign == [], "the browser asked another host"
    assert failed == [], "a script failed"


FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Note for the fixtures whether the test itself failed."""
    report = yield
    if report.when == "call":  # type: ignore[attr-defined]
        item.stash[FAILED] = report.failed  # type: ignore[attr-defined]
    return report


def _is_own(url: str, own: str) -> bool:
    return url.startswith((own + "/", "data:", "blob:" + own))


def _is_bad(kind: str, text: str, expected: re.Pattern[str] | None) -> bool:
    return kind == "error" and not (expected is not None and expected.search(text))
