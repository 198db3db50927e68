"""The queue in a real browser: filters, views, keys, many cases at once, and a refresh that leaves the place alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.ui.between import between
from tests.ui.browser.conftest import PHONE, WIDE, Opened
from tests.ui.browser.test_accessible import findings
from tests.ui.running import serving_api, serving_page

ROWS = 60
FAR = {
    "location": "Lagos, Nigeria", "previous_location": "Austin, TX", "time_since_last_transaction": "30 minutes ago",
    "card_present": False,
}  # fmt: skip


def decide(api: str, rows: list[dict[str, Any]]) -> None:
    answer = httpx.post(f"{api}/v1/decisions/bulk", json=rows, timeout=60).json()
    assert answer["rejected"] == 0, answer


def payment(number: int, **fields: Any) -> dict[str, Any]:
    return {
        "transaction_id": f"Q-{number}", "customer_id": f"C-{number}", "amount": f"{1000 + number}.00",
        "merchant": "Crypto Exchange" if number % 2 else "Juwelier Ringstraße", **FAR,
    } | fields  # fmt: skip


@pytest.fixture
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving_api(tmp_path_factory.mktemp("queue") / "data") as url:
        yield url


@pytest.fixture
def page_url(api: str) -> Iterator[str]:
    with serving_page(api) as url:
        yield url


@pytest.fixture
def queue(api: str, page_url: str, open_page: Opened) -> Callable[..., Page]:
    """Opens the queue with `ROWS` cases in it."""
    decide(api, [payment(number) for number in range(ROWS)])

    def opened(address: str = "", **more: Any) -> Page:
        page = open_page(f"{page_url}/{address}", **more)
        page.wait_for_selector("[data-queue]")
        return page

    return opened


def case_ids(page: Page) -> list[str]:
    return page.locator("[data-queue] tbody tr").evaluate_all("rows => rows.map(row => row.dataset.case)")


def view(page: Page, name: str) -> None:
    page.locator(f"[data-queue-view={name}]").click()
    expect(page.locator(f"[data-queue-view={name}]")).to_have_attribute("aria-current", "page")


def test_the_first_page_shows_the_worst_fifty_and_the_next_the_rest(queue: Callable[..., Page]) -> None:
    page = queue()
    assert len(case_ids(page)) == 50
    expect(page.locator("[data-queue-view=ready] .fr-count")).to_have_text(str(ROWS))
    first = case_ids(page)
    page.locator("[data-queue-page='2']").click()
    expect(page.locator("[data-queue]")).to_have_attribute("data-page", "2")
    assert len(case_ids(page)) == ROWS - 50
    assert not set(first) & set(case_ids(page))
    assert page.url.endswith("?p=2")
    page.reload()
    expect(page.locator("[data-queue]")).to_have_attribute("data-page", "2")


def test_filters_go_into_the_address_and_come_back_from_it(queue: Callable[..., Page]) -> None:
    page = queue()
    page.fill("#queue-q", "juwel")
    expect(page.locator("[data-queue] tbody tr")).to_have_count(ROWS // 2)
    page.fill("#queue-min", "1050")
    expect(page.locator("[data-queue] tbody tr")).to_have_count(5)
    page.select_option("#queue-sort", "amount")
    expect(page.locator("[data-queue] tbody tr").first).to_contain_text("USD 1,058.00")
    again = queue(page.url.rpartition("/")[2])
    expect(again.locator("#queue-q")).to_have_value("juwel")
    expect(again.locator("[data-queue] tbody tr")).to_have_count(5)
    again.fill("#queue-q", "nobody has this")
    expect(again.locator(".fr-state-empty")).to_contain_text("No case is as your filters say")
    again.get_by_role("button", name="Clear").click()
    expect(again.locator("[data-queue] tbody tr")).to_have_count(50)
    again.fill("#queue-min", "much")
    expect(again.locator("#queue-table .fr-state-error")).to_contain_text("amount_min")


def test_a_view_is_saved_in_this_browser_and_forgotten(queue: Callable[..., Page]) -> None:
    page = queue("?q=juwel&sort=amount")
    page.once("dialog", lambda asked: asked.accept("Jewels"))
    page.get_by_role("button", name="Save this view…").click()
    page.goto(page.url.partition("?")[0])
    page.get_by_role("button", name="Jewels", exact=True).click()
    page.wait_for_url(re.compile(r"q=juwel&sort=amount"))
    expect(page.locator("[data-queue] tbody tr")).to_have_count(ROWS // 2)
    page.get_by_role("button", name="Forget the view Jewels").click()
    expect(page.get_by_role("button", name="Jewels", exact=True)).to_have_count(0)


def test_it_is_worked_with_the_keyboard_alone(queue: Callable[..., Page]) -> None:
    page = queue()
    ids = case_ids(page)
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(page.locator("tr[data-at]")).to_have_attribute("data-case", ids[1])
    page.keyboard.press("x")
    page.keyboard.press("k")
    page.keyboard.press("x")
    expect(page.locator("[data-queue-selected]")).to_have_text("2 cases selected")
    page.keyboard.press("/")
    expect(page.locator("#queue-q")).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/case\?id="))
    expect(page.locator("h1")).to_have_text(ids[1])


def test_next_takes_the_worst_case_and_opens_it(queue: Callable[..., Page], api: str) -> None:
    page = queue()
    worst = case_ids(page)[0]
    page.keyboard.press("n")
    page.wait_for_url(re.compile(rf"case\?id={worst}"))
    expect(page.locator(".fr-status-claimed")).to_have_text("Taken · analyst")
    assert httpx.get(f"{api}/v1/cases/{worst}").json()["status"] == "claimed"


def test_many_are_closed_at_once_and_those_that_somebody_holds_are_told(queue: Callable[..., Page], api: str) -> None:
    page = queue()
    ids = case_ids(page)
    httpx.post(f"{api}/v1/cases/{ids[2]}/claim", json={}, headers={"x-actor": "bo"})
    for index in range(4):
        page.locator("[data-queue-row]").nth(index).check()
    page.locator("[data-queue-act=close]").click()
    dialog = page.locator("dialog[data-queue-dialog=close]")
    expect(dialog.get_by_role("heading")).to_have_text("Close 4 cases")
    dialog.get_by_role("button", name="Close them").click()
    expect(dialog).to_be_visible()
    dialog.get_by_label("Legitimate.").check()
    dialog.get_by_label("Reason").fill("A test of the terminals")
    dialog.get_by_role("button", name="Close them").click()
    said = page.locator("#queue-said")
    expect(said).to_contain_text("3 cases closed as legitimate, 1 not")
    expect(said).to_contain_text(ids[2])
    for index in (0, 1, 3):
        closed = httpx.get(f"{api}/v1/cases/{ids[index]}").json()
        assert (closed["status"], closed["disposition"]) == ("closed", "genuine")
    view(page, "closed")
    expect(page.locator("[data-queue] tbody tr")).to_have_count(3)


def test_new_cases_come_in_by_themselves_without_losing_the_place(queue: Callable[..., Page], api: str) -> None:
    page = queue("?sort=newest")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("x")
    at = page.locator("tr[data-at]").get_attribute("data-case")
    decide(api, [payment(900)])
    expect(page.locator("[data-queue-view=ready] .fr-count")).to_have_text(str(ROWS + 1), timeout=30_000)
    expect(page.locator("tr[data-at]")).to_have_attribute("data-case", str(at))
    expect(page.locator("[data-queue-selected]")).to_have_text("1 case selected")


def test_hostile_text_is_text(api: str, page_url: str, open_page: Opened) -> None:
    hostile = "<img src=x onerror=alert(1)> {{7*7}} ${alert(1)}"
    decide(api, [payment(1, merchant=hostile, customer_id="<b>C</b>")])
    page = open_page(page_url)
    row = page.locator("[data-queue] tbody tr").first
    expect(row).to_contain_text(hostile)
    expect(row).to_contain_text("<b>C</b>")
    assert page.locator("[data-queue] img").count() == 0


def test_it_fits_a_phone(queue: Callable[..., Page]) -> None:
    page = queue("", size=PHONE)
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= PHONE["width"]
    expect(page.locator("[data-queue] tbody tr").first).to_contain_text("FRD-")


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_queue_has_no_serious_findings_its_dialogues_included(
    queue: Callable[..., Page], axe: str, theme: str, size: dict[str, int]
) -> None:
    page = queue("", size=size, color_scheme=theme, reduced_motion="reduce")
    page.locator("[data-queue-row]").nth(1).check()
    page.locator("[data-queue-row]").nth(2).check()
    assert findings(page, axe) == []
    page.locator("[data-queue-act=close]").click()
    assert findings(page, axe) == []


def test_a_server_that_is_away_or_overloaded_is_told_and_the_queue_comes_back(api: str, open_page: Opened) -> None:
    decide(api, [payment(number) for number in range(3)])
    with between(api) as state, serving_page(state.url) as url:
        state.mood = "overloaded"
        page = open_page(url)
        expect(page.locator(".fr-state-error").first).to_contain_text("The server could not do this")
        state.mood = "well"
        page.get_by_role("button", name="Load the page again").first.click()
        expect(page.locator("[data-queue] tbody tr")).to_have_count(3)
        state.mood = "cut"
        page.locator("[data-queue-view=active]").click()
        expect(page.locator("#queue-table .fr-state-error")).to_be_visible()
        expect(page.locator("#queue-table [data-queue]")).to_have_count(0)
        state.mood = "well"
        page.fill("#queue-q", "crypto")
        expect(page.locator("[data-queue] tbody tr")).to_have_count(1)
