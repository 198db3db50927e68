"""The journeys of Try, in a real browser on a real API."""

from __future__ import annotations

import json

from playwright.sync_api import expect

from tests.ui.browser.conftest import PHONE, Opened
from tests.ui.browser.doing import choose, decide, field, outcome, ready


def test_an_impossible_journey_is_blocked_before_the_readers_eyes(page_url: str, open_page: Opened) -> None:
    page = ready(open_page(page_url + "/try"))
    choose(page, "Impossible journey")
    decide(page)
    outcome(page, "Block")
    expect(page.locator(".fr-waterfall")).to_contain_text("would need")
    expect(page.locator("#try-reasoning")).to_contain_text("the policy decides alone")
    expect(page.locator("#try-actions .fr-action-done")).not_to_have_count(0)
    expect(page.locator("#try-actions .fr-action-pending")).to_have_count(0)
    link = page.locator(".fr-case-link")
    assert (link.get_attribute("href") or "").startswith("case?id=FRD-")


def test_each_decision_gets_a_new_transaction_id(page_url: str, open_page: Opened) -> None:
    page = ready(open_page(page_url + "/try"))
    choose(page, "Unknown device")
    first = field(page, "transaction_id")
    decide(page)
    outcome(page, "Review")
    expect(page.locator("#tx-transaction_id")).not_to_have_value(first)
    assert page.locator("[data-decided]").get_attribute("data-decided") == first


def test_an_id_of_the_readers_own_is_kept_and_shows_what_is_stored(page_url: str, open_page: Opened) -> None:
    page = ready(open_page(page_url + "/try"))
    choose(page, "Unknown device")
    page.locator("#tx-transaction_id").fill("MY-OWN-1")
    decide(page)
    outcome(page, "Review")
    assert field(page, "transaction_id") == "MY-OWN-1"
    decide(page)
    expect(page.locator("#try-decision")).to_contain_text("was decided before")


def test_fields_and_json_are_two_views_of_one_payment(page_url: str, open_page: Opened) -> None:
    page = ready(open_page(page_url + "/try"))
    choose(page, "Foreign currency")
    page.locator("#tx-merchant").fill("Ginza Watches")
    page.get_by_role("tab", name="JSON").click()
    text = page.locator("#tx-json").input_value()
    values = json.loads(text)
    assert (values["merchant"], values["currency"], values["card_present"]) == ("Ginza Watches", "JPY", True)
    page.locator("#tx-json").fill(text.replace('"Ginza Watches"', '"Ueno Watches",\n   "memo":   "as typed"'))
    typed = page.locator("#tx-json").input_value()
    page.get_by_role("tab", name="Fields").click()
    assert (field(page, "merchant"), field(page, "memo")) == ("Ueno Watches", "as typed")
    page.get_by_role("tab", name="JSON").click()
    assert page.locator("#tx-json").input_value() == typed
    decide(page)
    expect(page.locator("#try-outcome")).to_be_visible()


def test_json_that_is_not_finished_is_not_lost(page_url: str, open_page: Opened) -> None:
    page = ready(open_page(page_url + "/try"))
    page.get_by_role("tab", name="JSON").click()
    page.locator("#tx-json").fill('{"amount": ')
    page.get_by_role("tab", name="Fields").click()
    expect(page.locator("#problem-json")).to_contain_text("no JSON yet")
    assert page.locator("#tx-json").input_value() == '{"amount": '
    decide(page)
    expect(page.locator("#try-problems")).to_contain_text("line 1")


def test_problems_stand_at_their_fields_and_lead_there(page_url: str, open_page: Opened) -> None:
    page = ready(open_page(page_url + "/try"))
    choose(page, "Everyday purchase")
    page.locator("#tx-amount").fill("12.345")
    page.locator("#tx-ip_address").fill("not an address")
    decide(page)
    expect(page.locator("#problem-amount")).to_contain_text("2 decimal places")
    expect(page.locator("#tx-amount")).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#problem-ip_address")).to_contain_text("IPv4 or IPv6")
    page.get_by_role("button", name="IP address").click()
    expect(page.locator("#tx-ip_address")).to_be_focused()
    page.locator("#tx-amount").fill("12.34")
    page.locator("#tx-ip_address").fill("10.0.0.50")
    decide(page)
    expect(page.locator("#try-outcome")).to_be_visible()
    expect(page.locator("#problem-amount")).to_be_empty()
    expect(page.locator("#try-problems")).to_be_hidden()


def test_a_frozen_customer_is_blocked_for_certain(page_url: str, open_page: Opened) -> None:
    page = ready(open_page(page_url + "/try"))
    choose(page, "Frozen customer")
    expect(page.get_by_label("Decide the payment before it first")).to_be_checked()
    decide(page)
    outcome(page, "Block")
    expect(page.locator(".fr-waterfall")).to_contain_text("frozen until")
    expect(page.locator("#try-decision")).to_contain_text("Before it, 1 payment of the same customer was decided")


def test_a_burst_is_seen_as_one(page_url: str, open_page: Opened) -> None:
    page = ready(open_page(page_url + "/try"))
    choose(page, "Burst of payments")
    decide(page)
    expect(page.locator(".fr-waterfall")).to_contain_text("velocity")


def test_hostile_text_is_shown_and_never_runs(page_url: str, open_page: Opened) -> None:
    page = ready(open_page(page_url + "/try"))
    page.on("dialog", lambda dialog: dialog.dismiss())
    choose(page, "Hostile text")
    decide(page)
    expect(page.locator("#try-outcome")).to_be_visible()
    for more in page.locator("#try-decision details").all():
        more.evaluate("element => { element.open = true; }")
    expect(page.locator("#try-decision")).to_contain_text("<img src=x onerror=alert(1)>")
    assert page.locator("#try-decision img").count() == 0
    assert page.locator("gradio-app script").count() == 0


def test_clearing_begins_anew(page_url: str, open_page: Opened) -> None:
    page = ready(open_page(page_url + "/try"))
    choose(page, "Burst of payments")
    page.get_by_role("button", name="Clear").click()
    expect(page.locator("#tx-merchant")).to_have_value("")
    expect(page.locator("#tx-transaction_id")).not_to_have_value("")
    expect(page.locator("[data-before-shown]")).to_be_hidden()


def test_everything_can_be_done_with_the_keyboard(page_url: str, open_page: Opened) -> None:
    page = ready(open_page(page_url + "/try"))
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#tx-customer_id")).to_have_value("C-12345")
    page.get_by_role("tab", name="Fields").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="JSON")).to_be_focused()
    expect(page.locator("#tx-json")).to_be_visible()
    page.keyboard.press("ArrowLeft")
    page.locator("#tx-customer_id").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#try-outcome")).to_be_visible()


def test_on_a_phone_nothing_is_wider_than_the_screen(page_url: str, open_page: Opened) -> None:
    page = ready(open_page(page_url + "/try", size=PHONE))
    choose(page, "Impossible journey")
    decide(page)
    outcome(page, "Block")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    expect(page.locator("#try-outcome")).to_be_in_viewport()


def test_times_are_shown_in_the_readers_zone(page_url: str, open_page: Opened) -> None:
    page = ready(open_page(page_url + "/try", timezone_id="Asia/Tokyo", locale="en-GB"))
    choose(page, "Everyday purchase")
    decide(page)
    moment = page.locator("#try-decision time")
    expect(moment).to_contain_text("GMT+9")
    assert (moment.get_attribute("title") or "").endswith("UTC")
