"""The policy in a real browser: read, changed without knowing CEL, tried, kept, promoted, rolled back."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.policies import small, write_book
from tests.ui.browser.conftest import PHONE, WIDE, Opened
from tests.ui.browser.test_accessible import findings
from tests.ui.browser.test_queue import payment
from tests.ui.running import serving_api, serving_page

RUN_MS = 300_000


@pytest.fixture
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving_api(tmp_path_factory.mktemp("policy") / "data") as url:
        yield url


@pytest.fixture
def page_url(api: str) -> Iterator[str]:
    with serving_page(api) as url:
        yield url


@pytest.fixture
def policy(page_url: str, open_page: Opened) -> Callable[..., Page]:
    def opened(part: str = "read", **more: Any) -> Page:
        page = open_page(f"{page_url}/policy?part={part}", **more)
        page.wait_for_selector("[data-policy]")
        return page

    return opened


def copied(page: Page) -> Page:
    """With a copy of what is in force."""
    page.get_by_role("button", name="Make a copy of what is in force").click()
    page.wait_for_selector("[data-policy-copy]")
    return page


def edit(page: Page, rule: str) -> Any:
    page.locator(f"[data-policy-edit='{rule}']").click()
    dialog = page.locator("dialog[data-policy-rule]")
    expect(dialog).to_be_visible()
    return dialog


def put(dialog: Any) -> None:
    dialog.get_by_role("button", name="Put it into the copy").click()
    expect(dialog).to_have_count(0)


def differences(page: Page) -> list[str]:
    return page.locator(".fr-policy-bar .fr-policy-lines li").all_inner_texts()


def save(page: Page, version: str, reason: str) -> None:
    page.get_by_role("button", name="Save as a new version…").click()
    page.fill("#policy-save-version", version)
    page.fill("#policy-save-reason", reason)
    page.get_by_role("button", name="Save", exact=True).click()


def test_it_is_read_in_words_in_the_order_in_which_it_acts_and_searched(policy: Callable[..., Page]) -> None:
    page = policy()
    titles = page.locator(".fr-policy-step h2").all_inner_texts()
    assert len(titles) == 14
    assert titles[0].startswith("1")
    expect(page.locator(".fr-rule-words").first).to_have_text("The account is frozen")
    expect(page.locator("[data-policy-step]", has_text="Deny entries")).to_contain_text("No entry acts now")
    page.fill("#policy-q", "travel card")
    expect(page.locator("[data-policy-found]")).to_have_text("1 rule")
    expect(page.locator(".fr-rule:visible")).to_have_count(1)
    expect(page.locator(".fr-rule:visible")).to_contain_text("the card is not present")
    page.fill("#policy-q", "")
    expect(page.locator(".fr-policy-step:visible")).to_have_count(14)


def test_entries_of_lists_stand_at_the_step_where_they_act(policy: Callable[..., Page], api: str) -> None:
    entry = {"level": "deny", "kind": "device", "value": "dev-<b>9</b>", "reason": "Stolen in Graz"}
    assert httpx.post(f"{api}/v1/lists", json=entry, headers={"x-actor": "bo"}).status_code == 201
    step = policy().locator("[data-policy-step]", has_text="Deny entries")
    step.get_by_text("1 entry acts now").click()
    expect(step.locator("li")).to_have_text(re.compile(r"device dev-<b>9</b> Stolen in Graz · bo"))


def test_a_rule_is_written_without_knowing_cel_and_decides_once_promoted(policy: Callable[..., Page], api: str) -> None:
    page = copied(policy("change"))
    page.get_by_role("button", name="Add a rule").click()
    dialog = page.locator("dialog[data-policy-rule]")
    dialog.get_by_label("Reason code").fill("KIOSK_IN_BULK")
    dialog.get_by_label("Family").select_option("amount")
    dialog.get_by_label("Points (0–100)").fill("15")
    dialog.get_by_label("What it says to people").fill("{amount_base:,.2f} at a kiosk")
    dialog.get_by_label("Fact", exact=True).select_option("amount_base")
    dialog.get_by_label("Comparison", exact=True).select_option("at least")
    dialog.get_by_label("Value", exact=True).fill("5")
    dialog.get_by_role("button", name="Add a group").first.click()
    group = dialog.locator("[data-group='1']")
    group.get_by_label("Fact", exact=True).nth(0).select_option("card_present")
    group.get_by_label("Comparison", exact=True).nth(0).select_option("false")
    group.get_by_label("Fact", exact=True).nth(1).select_option("merchant")
    group.get_by_label("Comparison", exact=True).nth(1).select_option("starts with")
    group.get_by_label("Value", exact=True).fill("Kiosk")
    preview = dialog.locator("[data-policy-preview]")
    expect(preview).to_contain_text('amount_base >= 5.0 && (!card_present || merchant.startsWith("Kiosk"))')
    expect(preview).to_contain_text("The amount is at least 5, and (the card is not present or the merchant begins")
    put(dialog)
    expect(page.locator(".fr-policy-bar")).to_contain_text("Rule kiosk-in-bulk added: weight 15 in amount")
    save(page, "3", "Kiosks are emptied")
    page.get_by_role("link", name="Look at version 2 and promote it").click()
    page.wait_for_selector("#policy-version h2")
    assert httpx.get(f"{api}/v1/policy").json()["version"] == "2"
    page.get_by_role("button", name="Promote…").click()
    put_in_force = page.locator("#policy-put")
    expect(put_in_force).to_contain_text("card-payments 3 decides from the next payment on, in the place of")
    page.fill("#policy-put-reason", "Looked right in November")
    put_in_force.get_by_role("button", name="Promote it").click()
    expect(page.locator("#policy-said")).to_contain_text("card-payments 3 decides from the next payment on")
    expect(page.locator(".fr-policy-now")).to_contain_text("Looked right in November")
    tx = payment(1, amount="50.00", merchant="Kiosk 7", card_present=True, location="Seattle, WA")
    decided = httpx.post(f"{api}/v1/decisions", json=tx).json()
    assert "KIOSK_IN_BULK" in [reason["code"] for reason in decided["reasons"]]
    page.get_by_role("button", name="Roll back to version 1…").click()
    page.fill("#policy-back-reason", "Too many")
    page.locator("#policy-back").get_by_role("button", name="Roll back").click()
    expect(page.locator("#policy-said")).to_contain_text("card-payments 2 decides from the next payment on")
    expect(page.locator("#policy-acts ~ ol li").first).to_contain_text("rolled back to version 1 by analyst")
    assert httpx.get(f"{api}/v1/policy").json()["version"] == "2"


def test_what_is_not_complete_stays_open_and_says_why(policy: Callable[..., Page]) -> None:
    page = copied(policy("change"))
    dialog = edit(page, "high-amount")
    dialog.get_by_label("Value", exact=True).first.fill("much")
    expect(dialog.locator("[data-policy-preview]")).to_contain_text("Comparison 1, value: is a number")
    dialog.get_by_role("button", name="Put it into the copy").click()
    expect(dialog.locator("[data-policy-preview]")).to_contain_text("Comparison 1, value: is a number")
    expect(dialog).to_be_visible()
    dialog.get_by_label("Value", exact=True).first.fill("1,500")
    expect(dialog.locator("[data-policy-preview]")).to_contain_text("amount_base > 1500.0")
    dialog.get_by_label("CEL", exact=True).check()
    expect(dialog.get_by_label("Condition in CEL")).to_have_value("amount_base > 1500.0 && amount_base <= 2000.0")
    dialog.get_by_label("Condition in CEL").fill("amount_bas > 1500.0")
    expect(dialog.locator("[data-policy-preview]")).to_contain_text("did you mean amount_base")
    dialog.get_by_label("Condition in CEL").fill("amount_base > typical_high_base * 1.5")
    expect(dialog.locator("[data-policy-preview] code")).to_have_text("amount_base > typical_high_base * 1.5")
    put(dialog)
    (changed,) = differences(page)
    assert changed.startswith("Rule high-amount: when")
    assert changed.endswith('→ "amount_base > typical_high_base * 1.5"')
    dialog = edit(page, "high-amount")
    expect(dialog).to_contain_text("This condition says more than fields can")
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).not_to_be_visible()


def test_numbers_lists_and_rules_are_changed_and_taken_back(policy: Callable[..., Page]) -> None:
    page = copied(policy("change"))
    page.fill("#policy-n-review", "45")
    page.fill("#policy-cap-place", "35")
    page.get_by_role("button", name="Apply these numbers").click()
    expect(page.locator(".fr-policy-bar li")).to_have_count(2)
    page.fill("#policy-list-high_risk_merchants", "gambling")
    page.get_by_role("button", name="Apply these lists").click()
    expect(page.locator(".fr-policy-bar li")).to_have_count(3)
    page.get_by_role("button", name="Duplicate night-hour").click()
    expect(page.locator("[data-policy-edit='night-hour-2']")).to_be_visible()
    page.get_by_role("button", name="Remove night-hour", exact=True).click()
    expect(page.locator("[data-policy-edit='night-hour']")).to_have_count(0)
    page.fill("#policy-n-review", "90")
    page.get_by_role("button", name="Apply these numbers").click()
    expect(page.locator("#policy-said")).to_contain_text("review must be above 0 and below block")
    assert "Threshold review 40 → 45" in differences(page)


def test_the_copy_is_kept_in_the_tab_as_form_and_as_text_with_its_comments(policy: Callable[..., Page]) -> None:
    page = copied(policy("change"))
    page.get_by_role("button", name="Text", exact=True).click()
    area = page.locator("#policy-text")
    text = area.input_value()
    assert "# The default policy" in text
    area.fill(text.replace("ceiling: 95", "ceiling: 94  # a note of mine"))
    page.reload()
    expect(page.locator("#policy-text")).to_have_value(re.compile("ceiling: 94  # a note of mine"))
    assert differences(page) == ["Ceiling 95 → 94"]
    page.get_by_role("button", name="Form", exact=True).click()
    expect(page.locator("#policy-n-ceiling")).to_have_value("94")
    page.get_by_role("button", name="Text", exact=True).click()
    expect(page.locator("#policy-text")).to_have_value(re.compile("a note of mine"))
    page.once("dialog", lambda asked: asked.accept())
    page.get_by_role("button", name="Discard").click()
    expect(page.get_by_role("button", name="Make a copy of what is in force")).to_be_visible()


def test_a_text_that_cannot_be_used_says_where_and_goes_there(policy: Callable[..., Page]) -> None:
    page = copied(policy("change"))
    page.get_by_role("button", name="Text", exact=True).click()
    area = page.locator("#policy-text")
    area.fill(area.input_value().replace("when: account_frozen", "when: account_frozn"))
    page.get_by_role("button", name="Check", exact=True).click()
    said = page.locator("#policy-said")
    expect(said).to_contain_text("did you mean account_frozen")
    expect(said).to_contain_text("line 67, column 11")
    page.get_by_role("button", name="Show it in the text").click()
    chosen = area.evaluate("area => area.value.slice(area.selectionStart, area.selectionEnd)")
    assert chosen.strip() == "when: account_frozn"
    page.get_by_role("button", name="Form", exact=True).click()
    expect(said).to_contain_text("did you mean account_frozen")
    expect(area).to_be_visible()
    area.fill(area.input_value().replace("account_frozn", "account_frozen"))
    page.get_by_role("button", name="Check", exact=True).click()
    expect(said).to_contain_text("It can be used")


def test_it_is_tried_on_what_was_decided(policy: Callable[..., Page], api: str) -> None:
    rows = [payment(number, amount=f"{100 + number}.00") for number in range(6)]
    assert httpx.post(f"{api}/v1/decisions/bulk", json=rows).json()["rejected"] == 0
    page = copied(policy("change"))
    page.fill("#policy-n-block", "99")
    page.get_by_role("button", name="Apply these numbers").click()
    expect(page.locator(".fr-policy-bar li")).to_have_count(1)
    page.get_by_role("button", name="Try on recent decisions").click()
    tried = page.locator("#policy-tried")
    expect(tried).to_contain_text("On the newest 6 decisions")
    expect(tried).to_contain_text("6 come out differently")
    expect(tried.locator("tbody").last.locator("tr")).to_have_count(6)
    expect(tried).to_contain_text("Q-5")
    page.get_by_role("button", name="Try on recent decisions").click()
    expect(tried).not_to_have_attribute("aria-busy", "true")
    page.get_by_role("button", name="Try on history…").click()
    expect(page.locator("#policy-history")).to_contain_text("fraudray history generate")


@pytest.mark.timeout(900)
def test_it_is_tried_on_a_stored_history_while_one_goes_on(tmp_path: Path, open_page: Opened) -> None:
    from fraudray.batch.history.importing import import_history
    from fraudray.batch.synthetic.generate import generate_history
    from fraudray.batch.synthetic.plan import Plan

    plan = Plan.of(
        rows=2_000, seed=5, customers=80, days=20, start=date(2026, 1, 1), fraud_share=0.05, label_delay_days=3
    )
    generate_history(plan, tmp_path / "made")
    import_history([tmp_path / "made" / "*.parquet"], "fraudray", tmp_path / "data" / "histories" / "payments")
    with serving_api(tmp_path / "data") as api, serving_page(api) as url:
        page = open_page(f"{url}/policy?part=change")
        copied(page)
        page.fill("#policy-n-review", "20")
        page.get_by_role("button", name="Apply these numbers").click()
        expect(page.locator(".fr-policy-bar li")).to_have_count(1)
        page.get_by_role("button", name="Try on history…").click()
        expect(page.locator("#policy-history-name")).to_contain_text("payments · 2,000 payments")
        page.get_by_role("button", name="Start the back-test").click()
        run = page.locator("#policy-run")
        expect(run.locator("[data-moving]")).to_be_visible()
        expect(run.locator("progress")).to_be_visible(timeout=RUN_MS)
        page.reload()  # the copy and the back-test are both still there
        expect(page.locator("#policy-n-review")).to_have_value("20")
        expect(run).to_contain_text("The copy against what is in force", timeout=RUN_MS)
        for figure in ("Detected", "False positives", "Alerts a day", "Net benefit"):
            expect(run.locator("tbody th", has_text=figure).first).to_be_visible()
        assert httpx.get(f"{api}/v1/backtests").json()["backtests"][0]["challenger"]["asked"] == "text"
        run.get_by_role("link", name="Everything that it found").click()
        page.wait_for_url(re.compile(r"/backtests\?id=btj_"))
        page.close()  # before its server ends


def test_two_who_promote_at_once_are_told(policy: Callable[..., Page], api: str) -> None:
    text = httpx.get(f"{api}/v1/policy").json()["source"]
    for version in ("a", "b"):
        body = {"text": text, "reason": "r", "version": version}
        assert httpx.post(f"{api}/v1/policy/versions", json=body).status_code == 201
    page = policy("versions&number=2")
    page.get_by_role("button", name="Promote…").click()
    faster = httpx.post(f"{api}/v1/policy/versions/3/promote", json={"reason": "r"}, headers={"x-actor": "bo"})
    assert faster.status_code == 200
    page.fill("#policy-put-reason", "mine")
    page.get_by_role("button", name="Promote it").click()
    expect(page.locator("#policy-said")).to_contain_text("Somebody was faster")
    expect(page.locator(".fr-policy-now")).to_contain_text("card-payments b")


def test_a_version_is_changed_further(policy: Callable[..., Page], api: str) -> None:
    text = httpx.get(f"{api}/v1/policy").json()["source"].replace("review: 40", "review: 33")
    httpx.post(f"{api}/v1/policy/versions", json={"text": text, "reason": "r", "version": "low"})
    page = policy("versions&number=2")
    expect(page.locator("#policy-version")).to_contain_text("Threshold review 40 → 33")
    page.get_by_role("button", name="Change a copy of it").click()
    expect(page.locator("#policy-n-review")).to_have_value("33")
    expect(page.locator(".fr-policy-bar h2")).to_contain_text("of version 2")


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nobody_is_kept_out(policy: Callable[..., Page], api: str, axe: str, theme: str, size: dict[str, int]) -> None:
    httpx.post(f"{api}/v1/decisions", json=payment(1))
    text = httpx.get(f"{api}/v1/policy").json()["source"].replace("review: 40", "review: 33")
    httpx.post(f"{api}/v1/policy/versions", json={"text": text, "reason": "r", "version": "low"})
    httpx.post(f"{api}/v1/policy/versions/2/promote", json={"reason": "r"})
    page = policy(size=size, color_scheme=theme, reduced_motion="reduce")
    page.wait_for_selector(".fr-policy-step")
    assert findings(page, axe) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    page = copied(policy("change", size=size, color_scheme=theme, reduced_motion="reduce"))
    page.fill("#policy-n-block", "99")
    page.get_by_role("button", name="Apply these numbers").click()
    expect(page.locator(".fr-policy-bar li")).to_have_count(1)
    page.get_by_role("button", name="Try on recent decisions").click()
    page.wait_for_selector("#policy-tried table")
    page.get_by_role("button", name="Try on history…").click()
    page.wait_for_selector("#policy-history h2")
    assert findings(page, axe) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    dialog = edit(page, "high-risk-merchant")
    dialog.get_by_role("button", name="Add a group").click()
    assert findings(page, axe) == []
    dialog.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Text", exact=True).click()
    page.wait_for_selector("#policy-text")
    assert findings(page, axe) == []
    page = policy("versions&number=1", size=size, color_scheme=theme, reduced_motion="reduce")
    page.wait_for_selector("#policy-version h2")
    assert findings(page, axe) == []
    page.get_by_role("button", name="Promote…").click()
    assert findings(page, axe) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]


def test_several_policies_are_looked_at_one_by_one(tmp_path: Path, open_page: Opened) -> None:
    with serving_api(tmp_path / "data", policy_file=write_book(tmp_path)) as api, serving_page(api) as url:
        page = open_page(f"{url}/policy")
        page.get_by_role("link", name="wallets").click()
        page.wait_for_url(re.compile("name=wallets"))
        expect(page.locator(".fr-policy-now")).to_contain_text("wallets 1")
        expect(page.locator(".fr-policy-now")).to_contain_text("from the policy file")
        page.get_by_role("link", name="Change a copy").click()
        copied(page)
        hostile = "<img src=x onerror=alert(1)>"
        page.get_by_role("button", name="Text", exact=True).click()
        page.locator("#policy-text").fill(small("wallets", version=hostile, weight=50, code="WALLET", word="stand"))
        page.get_by_role("button", name="Form", exact=True).click()
        expect(page.locator("#policy-n-version")).to_have_value(hostile)
        expect(page.locator(".fr-policy-bar")).to_contain_text(hostile)
        assert page.locator(".fr-place img").count() == 0
        page.close()  # before its server ends
