"""Reports of a period: what is counted, when, and in which words it is refused."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import insert, select

from fraudray.adapters.sql import schema as t
from fraudray.bootstrap import App
from fraudray.domain.errors import FraudrayError, InvalidTransaction
from fraudray.domain.period import parse_period
from fraudray.reports.formats import page_of, rendered
from fraudray.reports.page import Figure, Table
from fraudray.reports.period_page import buckets
from fraudray.service import LocalService
from fraudray.testing.clock import FixedClock

from .reading import bare, html_text, missing_glyphs, pdf_text

Make = Callable[..., dict[str, Any]]
NOW = datetime(2026, 3, 2, 15, 30, tzinfo=UTC)


@pytest.fixture
def service(app: App) -> LocalService:
    return LocalService(app)


def put(app: App, **columns: Any) -> None:
    """A stored decision's row with other plain columns; what is sealed in it stays another's."""
    with app.store.engine.begin() as connection:
        row = connection.execute(select(t.decisions).limit(1)).mappings().one()
        count = connection.execute(select(t.decisions.c.transaction_id)).all()
        connection.execute(insert(t.decisions), [dict(row) | {"transaction_id": f"P-{len(count)}"} | columns])


def at(text: str) -> int:
    return t.to_us(datetime.fromisoformat(text))


def test_a_period_counts_outcomes_reasons_amounts_and_days(
    app: App, service: LocalService, samples: list[dict[str, Any]], clock: FixedClock
) -> None:
    app.engine.decide_many(samples[:2])
    clock.advance(days=1)
    app.engine.decide(samples[2] | {"mcc": "5411", "channel": "pos"})

    report = service.reports.period(start="2026-03-02", end="2026-03-03")

    totals = report["totals"]
    assert totals["outcomes"] == {"APPROVE": 1, "REVIEW": 1, "BLOCK": 1}
    assert totals["rates_pct"]["BLOCK"] == 33.33
    assert totals["amounts"]["BLOCK"] == "4500.00"
    assert [day["decisions"] for day in report["by_day"]] == [2, 1]
    assert sum(Decimal(day["amount"]) for day in report["by_day"]) == Decimal(totals["amount"])
    reasons = {row["code"]: row for row in report["reasons"]}
    assert reasons["IMPOSSIBLE_TRAVEL"]["outcomes"]["BLOCK"] == 1
    assert reasons["IMPOSSIBLE_TRAVEL"]["share_pct"] == 33.33
    assert sum(row["decisions"] for row in report["scores"]) == 3
    assert {row["mcc"]: row["decisions"] for row in report["merchant_categories"]} == {None: 2, "5411": 1}
    assert {row["channel"]: row["decisions"] for row in report["channels"]} == {None: 2, "pos": 1}
    assert [row["name"] for row in report["policies"]] == ["card-payments"]
    assert report["rates_date"] == app.reference.rates.date.isoformat()


def test_the_last_moment_is_exclusive_and_a_date_goes_through_its_day(app: App, service: LocalService) -> None:
    app.engine.decide({"transaction_id": "T", "customer_id": "C", "amount": 1, "merchant": "m"})  # 15:30 UTC

    def count(start: str, end: str, timezone: str = "UTC") -> int:
        return int(service.reports.period(start=start, end=end, timezone=timezone)["totals"]["decisions"])

    assert count("2026-03-02", "2026-03-02") == 1
    assert count("2026-03-01", "2026-03-01") == 0
    assert count("2026-03-02T00:00:00Z", "2026-03-02T15:30:00Z") == 0
    assert count("2026-03-02T10:00:00Z", "2026-03-02T16:30:00.5+01:00") == 1
    app.clock.advance(days=2)  # type: ignore[attr-defined]
    assert count("2026-03-02", "2026-03-02", "Asia/Tokyo") == 0
    assert count("2026-03-03", "2026-03-03", "Asia/Tokyo") == 1


def test_days_follow_the_clock_changes_of_the_zone() -> None:
    period = parse_period("2026-03-28", "2026-03-30", "Europe/Vienna", now=NOW + timedelta(days=60))

    assert [(day.end - day.start) / timedelta(hours=1) for day in period.days()] == [24, 23, 24]
    part = parse_period("2026-03-01T12:00:00Z", "2026-03-02T12:00:00Z", "UTC", now=NOW)
    assert [(day.date.day, (day.end - day.start) / timedelta(hours=1)) for day in part.days()] == [(1, 12), (2, 12)]


def test_only_the_current_revision_counts(app: App, service: LocalService, plain: Make) -> None:
    app.engine.decide(plain())
    put(app, transaction_id="R", revision=1, decision="REVIEW", score=50)
    put(app, transaction_id="R", revision=2, decision="BLOCK", score=90)

    outcomes = service.reports.period(start="2026-03-02", end="2026-03-02")["totals"]["outcomes"]

    assert outcomes == {"APPROVE": 1, "REVIEW": 0, "BLOCK": 1}


def test_currencies_are_converted_or_told_apart_and_no_sum_is_too_large(
    app: App, service: LocalService, plain: Make
) -> None:
    app.engine.decide(plain(amount=10))
    put(app, currency="EUR", amount_minor=10_000)
    put(app, currency="KPW", amount_minor=777)
    for _ in range(30):  # past 64 bits together
        put(app, currency="USD", amount_minor=10**18 - 1)

    report = service.reports.period(start="2026-03-02", end="2026-03-02")

    currencies = {row["currency"]: row for row in report["currencies"]}
    euros = app.reference.rates.to_base(Decimal(100), "EUR", "USD")
    assert euros is not None
    assert currencies["EUR"]["amount"] == "100.00"
    unrated = app.reference.rates.to_base(Decimal("7.77"), "KPW", "USD")
    assert currencies["KPW"]["rated"] is (unrated is not None)
    assert currencies["USD"]["amount"] == str(Decimal(30 * (10**18 - 1) + 1000).scaleb(-2))
    large = Decimal(30 * (10**18 - 1)).scaleb(-2)
    assert Decimal(report["totals"]["amount"]) == Decimal(10) + euros + large + (unrated or 0)
    assert pdf_text(rendered(report, "pdf"))


def test_a_currency_without_a_rate_is_counted_but_not_summed(make_app: Callable[..., App], tmp_path: Any) -> None:
    rates = tmp_path / "rates.csv"
    rates.write_text("# date: 2026-03-01\ncurrency,units_per_usd\nEUR,0.9\n")
    app = make_app(rates_file=rates)
    app.engine.decide({"transaction_id": "T", "customer_id": "C", "amount": 5, "currency": "JPY", "merchant": "m"})

    report = LocalService(app).reports.period(start="2026-03-02", end="2026-03-02")

    assert report["totals"]["amount"] == "0.00"
    assert report["currencies"] == [{"currency": "JPY", "decisions": 1, "amount": "5", "rated": False}]
    assert "no: no rate to USD" in html_text(rendered(report, "html").decode())


def test_captures_and_refunds_are_not_asked_for_again(app: App, service: LocalService, plain: Make) -> None:
    app.engine.decide(plain(amount=10))
    put(app, transaction_type="capture", amount_minor=1000)
    put(app, transaction_type="refund", amount_minor=300)
    put(app, transaction_type=None, mcc=None, channel=None, policy_name=None, amount_minor=500)  # an older row

    report = service.reports.period(start="2026-03-02", end="2026-03-02")

    assert report["totals"]["amount"] == "15.00"
    assert {row["type"]: row["amount"] for row in report["transaction_types"]} == {
        "authorization": "10.00", "capture": "10.00", "refund": "3.00", None: "5.00",
    }  # fmt: skip


def test_cases_and_actions_are_counted(
    app: App, service: LocalService, samples: list[dict[str, Any]], clock: FixedClock
) -> None:
    blocked = app.engine.decide(samples[1])
    app.engine.decide(samples[2])
    app.worker.drain()
    clock.advance(hours=6)
    app.case_desk.close(str(blocked.case_id), disposition=" Fraud", reason="confirmed", author="Ana")

    report = service.reports.period(start="2026-03-02", end="2026-03-02")

    cases = report["cases"]
    assert (cases["opened"], cases["closed"], cases["open_now"]) == (2, 1, 1)
    assert cases["dispositions"] == [{"disposition": "fraud", "cases": 1}]
    assert cases["time_to_close_h"] == {"median": 6.0, "mean": 6.0, "longest": 6.0}
    alerts = next(row for row in report["actions"] if row["kind"] == "email_alert")
    assert alerts["done"] >= 1
    assert alerts["failed"] == 0


def test_erased_customers_still_count(app: App, service: LocalService, samples: list[dict[str, Any]]) -> None:
    blocked = app.engine.decide(samples[1])
    app.case_desk.close(str(blocked.case_id), disposition="fraud", reason="x", author="Ana")
    before = service.reports.period(start="2026-03-02", end="2026-03-02")
    service.erase(blocked.customer_id, reason="request", author="Ana")

    after = service.reports.period(start="2026-03-02", end="2026-03-02")

    assert after["totals"] == before["totals"]
    assert after["reasons"] == before["reasons"]
    assert after["cases"]["dispositions"] == [{"disposition": "(erased)", "cases": 1}]


def test_an_empty_period_is_a_report_that_says_so(service: LocalService) -> None:
    report = service.reports.period(start="2026-01-01", end="2026-01-31")

    assert report["totals"]["decisions"] == 0
    assert report["totals"]["rates_pct"]["BLOCK"] == 0
    for text in (html_text(rendered(report, "html").decode()), pdf_text(rendered(report, "pdf"))):
        assert "No decision was made in this period." in text


@pytest.mark.parametrize(
    ("start", "end", "timezone", "fields"),
    [
        ("2026-03-02", "2026-03-01", "UTC", ["from"]),
        ("2026-03-01T00:00:00Z", "2026-03-01T00:00:00Z", "UTC", ["from"]),
        ("2026-03-03", "2026-03-03", "UTC", ["from"]),
        ("2026-03-01", "2026-03-03", "UTC", ["to"]),
        ("2026-03-01", "9999-12-31", "UTC", ["to"]),
        ("9999-12-31", "9999-12-31", "UTC", ["from"]),
        ("2026-02-30", "2026-3-1", "UTC", ["from", "to"]),
        ("0001-01-01", "2026-03-01", "Asia/Tokyo", ["from"]),
        ("2000-01-01", "2026-03-01", "UTC", ["from"]),
        ("2026-03-01T00:00:00", "yesterday", "UTC", ["from", "to"]),
        ("2026-03-01T25:00:00Z", "2026-03-01", "UTC", ["from"]),
        ("2026-03-01", "2026-03-01", "Mars/Olympus", ["timezone"]),
        ("2026-03-01", "2026-03-01", "../../etc/passwd", ["timezone"]),
        ("2026-03-01", "2026-03-01", "America", ["timezone"]),
        ("x", "y", "z\0", ["timezone", "from", "to"]),
    ],
)
def test_a_period_that_cannot_be_is_refused_by_field(
    service: LocalService, start: str, end: str, timezone: str, fields: list[str]
) -> None:
    with pytest.raises(InvalidTransaction) as refused:
        service.reports.period(start=start, end=end, timezone=timezone)

    assert [problem.field for problem in refused.value.problems] == fields


def test_page_and_pdf_show_the_documents_figures_and_labelled_plots(
    app: App, service: LocalService, samples: list[dict[str, Any]]
) -> None:
    app.engine.decide_many(samples)
    put(app, reason_codes=json.dumps(["$\\frac{", "<script>"]), mcc="0000")

    report = service.reports.period(start="2026-03-01", end="2026-03-02", timezone="Europe/Vienna")

    page, body = rendered(report, "html").decode(), rendered(report, "pdf")
    assert missing_glyphs(body) == 0
    figures = [block for block in page_of(report).blocks if isinstance(block, Figure)]
    assert page.count("<svg") == len(figures) == 6
    assert all(f'aria-label="{figure.text}"' in page for figure in figures)
    assert not re.search(r"<script|<img|<link|url\((?!#)|href=\"(?!#)|javascript|@import|<\?xml", page)
    shown, printed = bare(html_text(page)), bare(pdf_text(body))
    for row in report["reasons"]:
        assert bare(row["code"]) in shown
        assert bare(row["code"]) in printed
    for day in report["by_day"]:
        assert day["day"] in shown
        assert day["day"] in printed
    for text in ("Merchantcategories", "Europe/Vienna", "Amount,USD", "4,500.00", "card-payments", "Openednow"[:6]):
        assert text in shown
        assert text in printed


def test_a_day_without_decisions_has_no_rate_and_counts_are_whole_numbers(
    app: App, service: LocalService, samples: list[dict[str, Any]]
) -> None:
    app.engine.decide(samples[1])
    page = page_of(service.reports.period(start="2026-03-01", end="2026-03-02"))
    table = next(block for block in page.blocks if isinstance(block, Table) and block.columns[0].title == "Day")
    assert [row[5] for row in table.rows] == ["–", "100.00"]
    counted = next(block for block in page.blocks if isinstance(block, Figure))
    assert re.findall(r"<!-- ([^-]+) -->", counted.svg)[1:4] == ["0", "1", "Decisions a day"]


def test_a_long_period_is_told_by_month() -> None:
    day = {
        "outcomes": {"APPROVE": 2, "REVIEW": 1, "BLOCK": 1}, "amount": "3.50",
        "amounts": {"APPROVE": "1", "REVIEW": "1", "BLOCK": "1.50"},
    }  # fmt: skip
    days = [day | {"day": (datetime(2026, 1, 1) + timedelta(days=n)).date().isoformat()} for n in range(100)]  # noqa: DTZ001

    unit, rows = buckets(days)

    assert (unit, [row["label"] for row in rows]) == ("month", ["2026-01", "2026-02", "2026-03", "2026-04"])
    assert (rows[0]["decisions"], rows[0]["blocked"], rows[0]["rates_pct"]["BLOCK"]) == (124, Decimal("46.50"), 25.0)
    assert buckets(days[:92])[0] == "day"


def test_without_the_extra_the_page_says_that_plots_need_it(
    app: App, service: LocalService, samples: list[dict[str, Any]]
) -> None:
    app.engine.decide_many(samples)
    report = service.reports.period(start="2026-03-02", end="2026-03-02")
    code = (
        "import json, sys\nsys.modules['matplotlib'] = None\n"
        "from fraudray.reports.formats import rendered\n"
        "print(rendered(json.load(sys.stdin), 'html').decode())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], input=json.dumps(report), capture_output=True, text=True, timeout=60
    )

    assert done.returncode == 0, done.stderr
    assert "pip install &#39;fraudray[reports]&#39;" in done.stdout
    assert "<svg" not in done.stdout
    assert "IMPOSSIBLE_TRAVEL" in done.stdout


def test_a_case_without_a_report_gets_one_and_an_erased_one_does_not(
    app: App, service: LocalService, samples: list[dict[str, Any]]
) -> None:
    case_id = str(app.engine.decide(samples[1]).case_id)
    with pytest.raises(FraudrayError, match="no report"):
        service.report(case_id)

    made = service.reports.make(case_id, author="Ana")

    assert made == service.report(case_id)
    noted = app.store.audit_entries(subject=case_id)[0]
    assert (noted.kind, noted.actor) == ("report_made", "Ana")
    service.erase("C-12345", reason="request", author="Ana")
    for case, said in ((case_id, f"{case_id} were erased with their customer's data"), ("FRD-1999-0001", "no case")):
        with pytest.raises(FraudrayError, match=said):
            service.reports.make(case, author="Ana")
