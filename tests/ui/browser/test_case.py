"""A case in a real browser: what is shown of it, what is done with it, and two analysts at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.ui.browser.conftest import PHONE, WIDE, Opened
from tests.ui.browser.test_accessible import findings
from tests.ui.browser.test_queue import payment
from tests.ui.running import serving_api, serving_page


@pytest.fixture
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving_api(tmp_path_factory.mktemp("case") / "data") as url:
        yield url


@pytest.fixture
def page_url(api: str) -> Iterator[str]:
    with serving_page(api) as url:
        yield url


@pytest.fixture
def case_id(api: str) -> str:
    """A blocked payment of a customer with a past, from a device that others have too."""
    rows = [
        payment(n, customer_id="C-12345", amount=f"{20 + n}.00", merchant="Corner Shop", location="Seattle, WA",
                previous_location=None, time_since_last_transaction=None, card_present=True, device_id="dev-abc123")
        for n in range(4)
    ]  # fmt: skip
    rows += [
        payment(50, device_id="dev-shared"),
        payment(51, customer_id="C-12345", device_id="dev-shared", amount="4500.00"),
    ]
    for row in rows:
        sent = {name: value for name, value in row.items() if value is not None}
        decided = httpx.post(f"{api}/v1/decisions", json=sent).json()
    return str(decided["case_id"])


@pytest.fixture
def case(page_url: str, open_page: Opened, case_id: str) -> Callable[..., Page]:
    def opened(**more: Any) -> Page:
        page = open_page(f"{page_url}/case?id={case_id}", **more)
        page.wait_for_selector(".fr-case-head")
        page.wait_for_selector("#case-trail h2")
        return page

    return opened


def do(page: Page, act: str, **fields: str) -> None:
    """Press an act's button, fill its dialogue in and confirm it."""
    button = page.locator(f"[data-case-act={act}]")
    if not button.is_visible():
        page.locator(".fr-acts-more summary").click()
    button.click()
    if page.locator(f"#act-{act}").count() == 0:
        return
    form = page.locator(f"[data-case-form={act}]")
    for name, value in fields.items():
        field = form.locator(f"[name={name}]")
        if field.first.get_attribute("type") == "radio":
            form.locator(f"[name={name}][value='{value}']").check()
        elif field.evaluate("element => element.tagName") == "SELECT":
            field.select_option(value)
        else:
            field.fill(value)
    form.locator("button[value=go]").click()


def said(page: Page, text: str) -> None:
    expect(page.locator("#case-said")).to_contain_text(text)


def test_the_first_screen_says_what_was_decided_and_why(case: Callable[..., Page]) -> None:
    page = case()
    expect(page.locator("#case-outcome")).to_have_text("Block")
    points = [int(text) for text in page.locator(".fr-bar:not(.fr-bar-sum) .fr-bar-points").all_inner_texts()]
    score = int(page.locator(".fr-bar-sum .fr-bar-points").inner_text())
    assert sum(points) == score
    expect(page.locator(".fr-gauge")).to_have_attribute(
        "aria-label", re.compile(rf"Score {score} of 100; review from 40")
    )
    for element in ("#case-outcome", ".fr-waterfall", ".fr-map"):
        box = page.locator(element).bounding_box()
        assert box is not None
        assert box["y"] < 768, element
    land = page.locator(".fr-land").bounding_box()
    assert land is not None
    assert land["height"] > 100
    expect(page.locator(".fr-map-card")).to_contain_text("Speed needed")
    expect(page.locator(".fr-mark-text")).to_have_count(2)


def test_the_past_and_what_is_shared_are_drawn_and_told_in_tables(case: Callable[..., Page]) -> None:
    page = case()
    expect(page.locator(".fr-dot")).to_have_count(5)
    expect(page.locator(".fr-dot-current")).to_have_count(1)
    page.locator("#case-history summary").click()
    expect(page.locator("#case-history tbody tr")).to_have_count(5)
    expect(page.locator("#case-links tbody")).to_contain_text("dev-shared")
    expect(page.locator("#case-links tbody")).to_contain_text("C-50")
    expect(page.locator(".fr-linked")).to_contain_text("same device")


def test_the_line_of_time_is_in_the_readers_zone(case: Callable[..., Page]) -> None:
    def axis(zone: str) -> list[str]:
        return case(timezone_id=zone, locale="en-GB").locator(".fr-timeline [data-moment]").all_text_contents()

    utc, india = axis("UTC"), axis("Asia/Kolkata")
    assert len(utc) == 4
    for here, there in zip(utc, india, strict=True):
        apart = (_minutes(there) - _minutes(here)) % (24 * 60)
        assert apart == 5 * 60 + 30


def _minutes(clock: str) -> int:
    hours, minutes = clock.split(":")
    return int(hours) * 60 + int(minutes)


def test_reasons_are_copied(case: Callable[..., Page]) -> None:
    page = case(permissions=["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy the reasons").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert "IMPOSSIBLE_TRAVEL" in copied
    assert copied.startswith("Q-51: BLOCK")


def test_a_case_is_taken_put_off_escalated_closed_and_undone(case: Callable[..., Page], api: str, case_id: str) -> None:
    page = case()
    do(page, "claim")
    said(page, "The case is yours.")
    expect(page.locator(".fr-status-claimed")).to_have_text("Taken · analyst")
    do(page, "wait", until="2d", reason="Asked the merchant")
    said(page, "put off")
    do(page, "escalate", to="team-two", reason="Looks like a ring")
    expect(page.locator(".fr-status-escalated")).to_have_text("Escalated · team-two")
    do(page, "close", disposition="confirmed fraud", reason="The customer says so")
    said(page, "The case is closed.")
    expect(page.locator("#case-notes")).to_contain_text("The customer says so")
    labels = httpx.get(f"{api}/v1/labels/Q-51").json()["labels"]
    assert [label["label"] for label in labels] == ["fraud"]
    do(page, "undo", reason="Wrong case")
    said(page, "taken back")
    expect(page.locator(".fr-status-escalated")).to_be_visible()
    assert httpx.get(f"{api}/v1/labels/Q-51").json()["labels"][0]["label"] == "unknown"
    entries = [entry["kind"] for entry in httpx.get(f"{api}/v1/cases/{case_id}").json()["entries"]]
    assert entries == ["claimed", "waiting", "escalated", "closed", "undone"]


def test_what_is_missing_is_asked_for_and_what_is_wrong_is_said(case: Callable[..., Page]) -> None:
    page = case()
    do(page, "close", reason="no disposition")
    expect(page.locator("#act-close")).to_be_visible()
    page.locator("[data-case-form=close] button[value=cancel]").click()
    expect(page.locator("#act-close")).to_be_hidden()
    do(page, "wait", until="last week", reason="r")
    said(page, "until: is no date")
    do(page, "merge", into="FRD-1999-0001", reason="r")
    said(page, "There is no case FRD-1999-0001")


def test_of_two_analysts_at_once_the_second_is_told_and_sees_what_the_first_did(
    case: Callable[..., Page], api: str, case_id: str
) -> None:
    first, second = case(), case()
    second.locator("[data-case-act=close]").click()
    do(first, "escalate", reason="needs a second pair of eyes")
    said(first, "escalated")
    form = second.locator("[data-case-form=close]")
    form.locator("[value=legitimate]").check()
    form.locator("[name=reason]").fill("looks fine")
    form.locator("button[value=go]").click()
    said(second, "Somebody was faster")
    expect(second.locator(".fr-status-escalated")).to_be_visible()
    expect(second.locator("#case-notes")).to_contain_text("needs a second pair of eyes")
    assert httpx.get(f"{api}/v1/cases/{case_id}").json()["status"] == "escalated"


def test_what_others_do_shows_by_itself_and_a_case_that_another_holds_can_be_taken_over(
    case: Callable[..., Page], api: str, case_id: str
) -> None:
    page = case()
    httpx.post(f"{api}/v1/cases/{case_id}/claim", json={}, headers={"x-actor": "bo"})
    expect(page.locator(".fr-status-claimed")).to_have_text("Taken · bo", timeout=30_000)
    said(page, "bo took it")
    expect(page.locator("[data-case-act=close]")).to_have_count(0)
    do(page, "take-over")
    expect(page.locator(".fr-status-claimed")).to_have_text("Taken · analyst")


def test_notes_and_files_are_kept_and_given_back(case: Callable[..., Page], tmp_path: Path) -> None:
    page = case(expect=re.compile("422"))  # what the browser says of the refused program
    page.locator("#case-note-text").fill("Called her: not her payment. <b>bold</b>")
    page.get_by_role("button", name="Add the note").click()
    expect(page.locator("#case-notes")).to_contain_text("not her payment. <b>bold</b>")
    expect(page.locator("#case-note-text")).to_have_value("")
    do(page, "escalate", reason="my own note is no reason to say that somebody was faster")
    said(page, "The case is escalated.")
    letter = tmp_path / "Brief März.txt"
    letter.write_text("Dear bank")
    page.set_input_files("[data-case-upload]", letter)
    expect(page.locator(".fr-files")).to_contain_text("Brief März.txt")
    with page.expect_download() as downloading:
        page.get_by_role("link", name="Brief März.txt").click()
    assert Path(downloading.value.path()).read_text() == "Dear bank"
    named_otherwise = tmp_path / "brief.pdf"
    named_otherwise.write_bytes(b"MZ\x90\x00")
    page.set_input_files("[data-case-upload]", named_otherwise)
    expect(page.locator("[data-upload-said]")).to_contain_text("ends in .pdf, but the file is none")
    program = tmp_path / "program.exe"
    program.write_bytes(b"MZ\x90\x00")
    page.set_input_files("[data-case-upload]", program)
    expect(page.locator("[data-upload-said]")).to_contain_text("of a type that is not taken")
    page.once("dialog", lambda asked: asked.accept("wrong case"))
    page.get_by_role("button", name="Destroy Brief März.txt").click()
    said(page, "destroyed")
    expect(page.locator(".fr-files")).to_have_count(0)


def test_freezes_lists_mutes_and_alerts_are_two_clicks_away(case: Callable[..., Page], api: str) -> None:
    page = case()
    do(page, "extend-freeze", until="5d", reason="The inquiry goes on")
    said(page, "The freeze holds longer.")
    do(page, "unfreeze", reason="Confirmed by phone")
    said(page, "The freeze is lifted")
    assert not httpx.get(f"{api}/v1/customers/C-12345/account").json()["frozen"]
    do(page, "list", level="deny", kind="device", value="dev-shared", reason="A thief's phone")
    said(page, "Put device dev-shared on the deny list")
    assert httpx.get(f"{api}/v1/lists", params={"level": "deny"}).json()["entries"][0]["value"] == "dev-shared"
    rule = page.locator("[data-case-form=mute] [name=rule] option").nth(1).get_attribute("value")
    do(page, "mute", rule=str(rule), expires="7d", reason="She travels")
    said(page, f"The rule {rule} is mute")
    do(page, "alert", reason="The first went to spam")
    said(page, "The alert leaves again for fraud-team@example.com")
    expect(page.locator("#case-notes")).to_contain_text("Put device dev-shared on the deny list")
    expect(page.locator("#case-lists")).to_contain_text("dev-shared")
    page.once("dialog", lambda asked: asked.accept("It was hers"))
    page.locator("#case-lists li", has_text="dev-shared").get_by_role("button").click()
    said(page, "dev-shared is off the list.")
    expect(page.locator("#case-lists")).not_to_contain_text("dev-shared")
    assert httpx.get(f"{api}/v1/lists", params={"level": "deny", "state": "active"}).json()["entries"] == []


def test_the_report_opens_as_a_page_and_as_pdf(case: Callable[..., Page], page_url: str, case_id: str) -> None:
    case()
    page = httpx.get(f"{page_url}/page/reports/{case_id}?format=html", timeout=60)
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert case_id in page.text
    pdf = httpx.get(f"{page_url}/page/reports/{case_id}?format=pdf", timeout=60)
    assert pdf.content.startswith(b"%PDF")


def test_a_question_without_a_model_is_honestly_not_answered(case: Callable[..., Page]) -> None:
    page = case()
    page.locator("#case-question").fill("Why is the device suspicious?")
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.locator("#case-answer")).to_contain_text("No answer: no model is set on this server.")


def test_a_case_that_is_not_there_says_so(page_url: str, open_page: Opened) -> None:
    page = open_page(f"{page_url}/case?id=FRD-1999-0001")
    expect(page.locator("#case-head")).to_contain_text("There is no case FRD-1999-0001")
    page.goto(f"{page_url}/case")
    expect(page.locator("#case-head")).to_contain_text("No case is named")
    page.get_by_role("link", name="To the queue").click()
    page.wait_for_selector("[data-queue]")


def test_it_fits_a_phone(case: Callable[..., Page]) -> None:
    page = case(size=PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_case_has_no_serious_findings_its_dialogues_and_menus_included(
    case: Callable[..., Page], axe: str, theme: str, size: dict[str, int]
) -> None:
    page = case(size=size, color_scheme=theme, reduced_motion="reduce")
    page.locator("#case-note-text").fill("a note")
    page.get_by_role("button", name="Add the note").click()
    expect(page.locator("#case-notes")).to_contain_text("a note")
    for more in page.locator("#case-history details, #case-evidence details, #case-trail details").all():
        more.evaluate("element => { element.open = true; }")
    assert findings(page, axe) == []
    page.locator(".fr-acts-more summary").click()
    assert findings(page, axe) == []
    page.locator("[data-case-act=list]").click()
    expect(page.locator("#act-list")).to_be_visible()
    assert findings(page, axe) == []


def test_it_is_worked_with_the_keyboard_alone(case: Callable[..., Page]) -> None:
    page = case()
    page.locator("[data-case-act=close]").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#act-close")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#act-close")).to_be_hidden()
    expect(page.locator("[data-case-act=close]")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.type("seen it all")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    said(page, "The case is closed.")
