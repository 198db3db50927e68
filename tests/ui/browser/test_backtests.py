"""Back-tests in a real browser, on a generated history and the real command: started, followed, looked at, compared."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from playwright.sync_api import Page, expect

from fraudray.adapters.jobs import NoJobs
from fraudray.bootstrap import App
from fraudray.deployments.gateway import build_gateway
from fraudray.policy.policy import Policy
from fraudray.settings import load_settings
from tests.batch.job_bench import eventually
from tests.ui.browser.conftest import PHONE, WIDE, Opened
from tests.ui.browser.test_accessible import findings
from tests.ui.running import serving, serving_api, serving_page
from tests.ui.test_states import HOSTILE

pytestmark = pytest.mark.timeout(900)
RUN_MS = 300_000
OTHER = Policy.load().source.text.replace("review: 40, block: 75", "review: 25, block: 60")
Show = Callable[..., Page]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a generated history of 30 days in it."""
    from fraudray.batch.history.importing import import_history
    from fraudray.batch.synthetic.generate import generate_history
    from fraudray.batch.synthetic.plan import Plan

    folder = tmp_path_factory.mktemp("backtests")
    plan = Plan.of(
        rows=3_000, seed=5, customers=100, days=30, start=date(2026, 1, 1), fraud_share=0.05, label_delay_days=3
    )
    generate_history(plan, folder / "made")
    import_history([folder / "made" / "*.parquet"], "fraudray", folder / "data" / "histories" / "payments")
    return folder / "data"


@pytest.fixture(scope="module")
def api(data: Path) -> Iterator[str]:
    with serving_api(data) as url:
        yield url


@pytest.fixture(scope="module")
def page_url(api: str) -> Iterator[str]:
    with serving_page(api) as url:
        yield url


@pytest.fixture(scope="module")
def runs(api: str) -> list[str]:
    """Two that are done: the default policy, and one with other thresholds and the default as challenger."""
    first = begin(api, history="payments", policy="default")
    second = begin(api, history="payments", policy_text=OTHER, challenger="default")
    for backtest_id in (first, second):
        assert reached(api, backtest_id)["state"] == "done"
    return [first, second]


@pytest.fixture
def show(page_url: str, open_page: Opened) -> Show:
    """Opens the page of back-tests, at a query."""

    def opened(query: str = "", **more: Any) -> Page:
        page = open_page(f"{page_url}/backtests{query}", **more)
        expect(page.locator("gradio-app .fr-state-loading")).to_have_count(0)
        return page

    return opened


def begin(api: str, author: str = "Ana", **body: str) -> str:
    answer = httpx.post(f"{api}/v1/backtests", json=body, headers={"x-actor": author}).raise_for_status()
    return str(answer.json()["backtest_id"])


def reached(api: str, backtest_id: str) -> dict[str, Any]:
    """The back-test once it has ended."""

    def now() -> dict[str, Any]:
        found: dict[str, Any] = httpx.get(f"{api}/v1/backtests/{backtest_id}").json()
        return found

    eventually(lambda: now()["state"] not in ("queued", "running"), "the back-test does not end")
    return now()


def row(page: Page, backtest_id: str) -> Any:
    return page.locator(f"[data-run='{backtest_id}']")


def fill_in(page: Page, **fields: str) -> None:
    """Open the form, choose and enter."""
    expect(page.locator("form[data-backtest-form][data-ready]")).to_have_count(1)
    if not page.locator("#bt-history").is_visible():
        page.locator(".fr-start > summary").click()
    for name, value in fields.items():
        field = page.locator(f"#bt-{name.rstrip('_')}")
        if field.evaluate("element => element.tagName") == "SELECT":
            field.select_option(value)
        else:
            field.fill(value)


def test_without_a_history_the_page_says_how_to_get_one(tmp_path: Path, open_page: Opened) -> None:
    with serving_api(tmp_path / "bare") as api, serving_page(api) as page_url:
        page = open_page(page_url + "/backtests")
        expect(page.locator("#bt-form")).to_contain_text("fraudray history generate made --rows 20_000 --days 60")
        expect(page.locator("#bt-form")).to_contain_text("fraudray history import 'made/*.parquet'")
        expect(page.locator("#bt-shown")).to_contain_text("No back-test yet")
        expect(page.locator("form[data-backtest-form]")).to_have_count(0)
        page.close()  # before its server ends


def test_a_server_without_the_extra_says_so(tmp_path: Path, open_page: Opened) -> None:
    app = App(load_settings(data_dir=tmp_path / "bare"), jobs=NoJobs("pip install 'fraudray[batch]'"))
    with serving(build_gateway(app)) as api, serving_page(api) as page_url:
        page = open_page(page_url + "/backtests")
        expect(page.locator("#bt-shown")).to_contain_text("Not installed on the server")
        expect(page.locator("#bt-shown")).to_contain_text("fraudray[batch]")


def test_one_is_started_followed_and_the_same_one_is_not_run_twice(show: Show, api: str) -> None:
    page = show()
    fill_in(page, policy="text", policy_text="name: [", from_="2026-01-20", to="2026-01-10")
    start = page.get_by_role("button", name="Start", exact=True)
    start.click()
    expect(page.locator("#bt-said")).to_contain_text("One field is not accepted")
    expect(page.locator("#bt-problem-from")).to_have_text("from must lie before to")
    fill_in(page, from_="")
    start.click()
    expect(page.locator("#bt-problem-policy_text")).to_contain_text("policy_text:2:1")
    expect(page.locator("#bt-problem-from")).to_be_empty()
    page.locator("#bt-said button").click()
    expect(page.locator("#bt-policy_text")).to_be_focused()
    fill_in(page, policy="current")
    expect(page.locator("#bt-policy_text")).to_be_hidden()
    start.click()
    expect(page.locator("#bt-said")).to_contain_text("The back-test is asked for")
    (job,) = (one for one in httpx.get(f"{api}/v1/backtests").json()["backtests"] if "to" in one)
    line = row(page, job["backtest_id"])
    expect(line).to_contain_text(re.compile("Waiting|Running"))
    expect(line.locator("progress")).to_be_visible(timeout=RUN_MS)
    expect(line).to_contain_text(re.compile(r"deciding: [\d,]+ of [\d,]+"), timeout=RUN_MS)
    expect(page.locator("#bt-said")).to_contain_text("A back-test is done", timeout=RUN_MS)
    expect(line).to_contain_text("Done")
    expect(line).to_contain_text(job["policy"]["ref"]["name"])
    expect(line.get_by_role("link", name="Report")).to_be_visible()
    start.click()
    expect(page.locator("#bt-said")).to_contain_text("This very back-test is done")
    expect(page.locator(f"[data-run='{job['backtest_id']}']")).to_have_count(1)


def test_one_is_stopped_and_goes_on(show: Show, api: str) -> None:
    backtest_id = begin(api, history="payments", policy="handbook", to="2026-01-15")
    page = show(f"?id={backtest_id}")
    page.get_by_role("button", name=re.compile("^Stop")).click()
    expect(page.locator("#bt-said")).to_contain_text("The back-test is stopped", timeout=60_000)
    expect(page.locator(".fr-run-head")).to_contain_text("It goes on where it stopped when you resume it.")
    page.get_by_role("button", name=re.compile("^Resume")).click()
    expect(page.locator("#bt-said")).to_contain_text("The back-test is asked for")
    expect(page.locator("#bt-figures")).to_be_visible(timeout=RUN_MS)
    assert httpx.get(f"{api}/v1/backtests/{backtest_id}").json()["state"] == "done"


def test_a_run_shows_its_figures_what_they_mean_and_its_drawings(show: Show, api: str, runs: list[str]) -> None:
    figures = httpx.get(f"{api}/v1/backtests/{runs[1]}/figures").json()
    page = show(f"?id={runs[1]}")
    recall = figures["sides"]["champion"]["decided"]["measures"]["recall"]["value"]
    line = page.locator("#bt-shown tr", has_text="Of all frauds, the share that is held for review or blocked.")
    expect(line).to_contain_text(f"{100 * recall:.1f} %")
    expect(page.locator("#bt-shown")).to_contain_text("threshold review 25 → 40")
    expect(page.locator("#bt-differences")).to_have_text("Challenger against champion")
    drawings = page.locator(".fr-plot > svg")
    assert drawings.count() >= 9
    for label in drawings.evaluate_all("all => all.map(one => one.getAttribute('aria-label'))"):
        assert len(label) > 40
    tables = page.locator(".fr-plot details")
    assert tables.count() == drawings.count()
    tables.first.locator("summary").click()
    expect(tables.first.locator("table")).to_be_visible()


def test_sliders_answer_at_once_to_keys_and_say_it(show: Show, api: str, runs: list[str]) -> None:
    figures = httpx.get(f"{api}/v1/backtests/{runs[0]}/figures").json()
    at = {point["threshold"]: point for point in figures["sweep"]["champion"]["by_score"]}
    page = show(f"?id={runs[0]}")
    expect(page.locator("form[data-thresholds][data-ready]")).to_have_count(1)
    slider = page.locator("#bt-review")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    slider.focus()
    for _ in range(15):
        page.keyboard.press("ArrowLeft")

    def yours(name: str) -> Any:
        return page.locator(f"[data-figure={name}] [data-yours]")

    expect(page.locator("[data-threshold-shown=review]")).to_have_text("25")
    expect(yours("recall")).to_have_text(f"{100 * at[25]['recall']:.2f} %")
    expect(yours("fpr")).to_have_text(f"{100 * at[25]['fpr']:.2f} %")
    expect(yours("alerts_per_day")).to_have_text(f"{at[25]['alerts_per_day']:,.1f}")
    expect(yours("money_caught")).to_have_text(f"USD {at[25]['money_caught']:,.0f}")
    net = at[25]["net_benefit_review"] - at[75]["net_benefit_review"] + at[75]["net_benefit_block"]
    expect(yours("net_benefit")).to_have_text(f"USD {net:,.0f}".replace("-", "−"))
    change = page.locator("[data-figure=recall] [data-change]")
    expect(change).to_have_text(f"+{100 * (at[25]['recall'] - at[40]['recall']):.2f} points")
    assert str(slider.get_attribute("aria-valuetext")).startswith("25: ")
    said = page.locator("[data-threshold-said]")
    expect(said).to_contain_text(f"Review from 25, block from 75: {100 * at[25]['recall']:.2f} % of frauds detected")
    expect(said).to_have_attribute("role", "status")
    page.locator("#bt-block").focus()
    page.keyboard.press("Home")
    expect(page.locator("[data-threshold-shown=review]")).to_have_text("0")
    expect(yours("recall_block")).to_have_text("100.00 %")
    page.get_by_role("button", name="Back to the policy’s").click()
    expect(yours("recall")).to_have_text(f"{100 * at[40]['recall']:.2f} %")
    expect(change).to_have_text("–")
    assert [url for url in asked if "predict" in url or "join" in url] == []


def test_two_runs_are_compared_in_words(show: Show, runs: list[str]) -> None:
    page = show(f"?id={runs[0]}")
    page.locator("#bt-with").select_option(runs[1])
    page.get_by_role("button", name="Compare", exact=True).click()
    page.wait_for_url(re.compile(f"id={runs[0]}&with={runs[1]}"))
    expect(page.locator("#bt-compared")).to_be_visible()
    table = page.locator("section", has=page.locator("#bt-differences"))
    expect(table.locator("tr", has_text="Detected by blocking")).to_be_visible()
    assert table.locator(".fr-verdict", has_text=re.compile("better|worse|the same|work")).count() > 5
    expect(page.locator("#bt-shown")).to_contain_text("threshold review 40 → 25")
    expect(page.locator(".fr-plot-line.fr-look-b").first).to_be_attached()
    page.goto(page.url.replace(runs[1], runs[0]))
    expect(page.locator("#bt-shown")).to_contain_text("These are one back-test")


def test_the_report_opens_as_the_api_gives_it(page_url: str, api: str, runs: list[str]) -> None:
    report = httpx.get(f"{page_url}/page/backtests/{runs[0]}/report")
    assert report.headers["content-security-policy"].startswith("default-src 'none'")
    assert report.text == httpx.get(f"{api}/v1/backtests/{runs[0]}/report").text
    assert httpx.get(f"{page_url}/page/backtests/btj_none/report").status_code == 404


def test_figures_that_are_gone_are_worked_out_again(show: Show, api: str, data: Path, runs: list[str]) -> None:
    (data / "backtests" / runs[0] / "run" / "figures.json").unlink()
    page = show(f"?id={runs[0]}")
    expect(page.locator("#bt-shown")).to_contain_text("Its figures are not there")
    page.get_by_role("button", name="Work them out again").click()
    expect(page.locator("#bt-figures")).to_be_visible(timeout=RUN_MS)
    assert reached(api, runs[0])["state"] == "done"


def test_what_is_not_there_says_so_and_leads_on(show: Show) -> None:
    page = show("?id=btj_none")
    expect(page.locator("#bt-shown")).to_contain_text("There is no back-test btj_none")


def test_names_of_others_are_text(show: Show, api: str, runs: list[str]) -> None:
    name = HOSTILE[:60]
    backtest_id = begin(api, quote(name), history="payments", to="2026-01-02", policy="handbook")
    reached(api, backtest_id)
    page = show()
    expect(row(page, backtest_id)).to_contain_text("<img src=x onerror=alert(1)>")
    assert page.locator("#bt-shown img").count() == 0


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_keeps_nobody_out(show: Show, axe: str, runs: list[str], theme: str, size: dict[str, int]) -> None:
    page = show(size=size, color_scheme=theme, reduced_motion="reduce")
    fill_in(page, challenger="text")
    assert findings(page, axe) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    for query in (f"?id={runs[1]}", f"?id={runs[0]}&with={runs[1]}"):
        page = show(query, size=size, color_scheme=theme, reduced_motion="reduce")
        expect(page.locator(".fr-plot").first).to_be_visible()
        for more in page.locator("gradio-app details").all():
            more.evaluate("element => { element.open = true; }")
        assert findings(page, axe) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
