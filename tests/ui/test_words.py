"""How values are written."""

from __future__ import annotations

import pytest

from fraudray.ui.words import TEXT_MAX, at, capitalised, money, number, short


@pytest.mark.parametrize(
    ("amount", "currency", "written"),
    [
        ("1200", "USD", "USD 1,200.00"), ("1200.5", "JPY", "JPY 1,200"), ("0.125", "KWD", "KWD 0.125"),
        (4500.0, "EUR", "EUR 4,500.00"), ("10000000.10", "CLF", "CLF 10,000,000.1000"),
    ],
)  # fmt: skip
def test_money_has_its_currency_and_that_currencys_minor_units(amount: object, currency: str, written: str) -> None:
    assert money(amount, currency) == written


@pytest.mark.parametrize(("amount", "currency"), [("12", "QQQ"), ("twelve", "USD"), (None, "USD")])
def test_what_is_no_money_is_shown_as_it_is(amount: object, currency: str) -> None:
    assert money(amount, currency) == f"{currency} {amount}"


@pytest.mark.parametrize(
    ("value", "written"),
    [(1234567, "1,234,567"), (2.5, "2.5"), (2.0, "2"), (0.126, "0.13"), (True, "True"), ("x", "x")],
)
def test_numbers_say_only_what_matters(value: object, written: str) -> None:
    assert number(value) == written


def test_moments_are_written_in_utc() -> None:
    assert at("2026-11-29T09:15:00.123+02:00") == "2026-11-29 07:15:00 UTC"
    assert at("yesterday") == "yesterday"


def test_long_text_is_cut() -> None:
    assert short("a" * TEXT_MAX) == "a" * TEXT_MAX
    assert short("a" * (TEXT_MAX + 1)) == "a" * (TEXT_MAX - 1) + "…"
    assert capitalised("iOS device") == "IOS device"
