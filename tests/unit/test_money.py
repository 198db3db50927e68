"""Amounts, minor units and dated rates."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fraudray.domain.money import (
    AMOUNT_DIGITS_MAX,
    Rates,
    RatesError,
    UnknownCurrency,
    check_amount,
    currencies,
    from_minor,
    minor_units,
    to_minor,
)


@pytest.mark.parametrize(
    ("currency", "units"),
    [("USD", 2), ("EUR", 2), ("JPY", 0), ("ISK", 0), ("KRW", 0), ("KWD", 3), ("BHD", 3), ("CLF", 4), ("CLP", 0)],
)
def test_minor_units_are_those_of_the_standard(currency: str, units: int) -> None:
    assert minor_units(currency) == units


@pytest.mark.parametrize("currency", ["XXX", "XTS", "XAU", "XDR", "usd", "US", "", "ABC", "USD "])
def test_codes_without_amounts_are_unknown(currency: str) -> None:
    with pytest.raises(UnknownCurrency, match="not an ISO 4217 currency"):
        minor_units(currency)


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("10.50", "USD", 1050),
        ("10", "JPY", 10),
        ("10.00", "JPY", 10),
        ("1E+2", "ISK", 100),
        ("1.234", "KWD", 1234),
        ("0.0001", "CLF", 1),
        ("-3.10", "EUR", -310),
        ("0", "USD", 0),
        ("-0.000000", "USD", 0),
        ("5." + "0" * 90, "USD", 500),
        ("9999999999999999.99", "USD", 10**18 - 1),
    ],
)
def test_amounts_in_minor_units(amount: str, currency: str, minor: int) -> None:
    assert to_minor(Decimal(amount), currency) == minor
    assert from_minor(minor, currency) == Decimal(amount)


@pytest.mark.parametrize(
    ("amount", "currency", "sentence"),
    [
        ("10.5", "JPY", "JPY has no minor unit: 10.5 has 1 decimal place$"),
        ("1.005", "USD", "USD has 2 decimal places: 1.005 has 3 decimal places$"),
        ("1e-500000", "USD", "500000 decimal places$"),
        ("1e30", "USD", "more than 16 digits"),
        ("1e500000", "KWD", "more than 15 digits"),
        ("NaN", "USD", "not an amount"),
        ("sNaN", "USD", "not an amount"),
        ("-Infinity", "USD", "not an amount"),
    ],
)
def test_an_impossible_amount_is_refused_in_a_sentence(amount: str, currency: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        check_amount(Decimal(amount), currency)
    with pytest.raises(ValueError, match=sentence):
        to_minor(Decimal(amount), currency)


@settings(deadline=None, derandomize=True, database=None)
@given(st.integers(-(10**18) + 1, 10**18 - 1), st.sampled_from(currencies()))
def test_minor_units_survive_the_round_trip(minor: int, currency: str) -> None:
    assert to_minor(from_minor(minor, currency), currency) == minor


def test_minor_units_are_bounded() -> None:
    with pytest.raises(ValueError, match="digits"):
        from_minor(10**AMOUNT_DIGITS_MAX, "USD")


def rate_file(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(["# date: 2026-11-02", "currency,units_per_usd", *lines, ""]), encoding="utf-8")
    return path


def test_rates_convert_and_round_to_the_target(tmp_path: Path) -> None:
    rates = Rates.load(rate_file(tmp_path / "rates.csv", "EUR,0.8", "JPY,150", "KWD,0.3", "QQQ,1"))
    assert (rates.date, rates.base) == (date(2026, 11, 2), "USD")
    assert str(rates.to_base(Decimal(100), "EUR", "USD")) == "125.00"
    assert str(rates.to_base(Decimal(100), "USD", "JPY")) == "15000"
    assert str(rates.to_base(Decimal(1000), "JPY", "KWD")) == "2.000"
    assert str(rates.to_base(Decimal("0.01"), "JPY", "USD")) == "0.00"
    assert str(rates.to_base(Decimal(-1), "EUR", "USD")) == "-1.25"


def test_an_amount_in_the_base_is_given_back_as_it_is() -> None:
    amount = Decimal("12.3")
    assert Rates.load().to_base(amount, "USD", "USD") is amount


@pytest.mark.parametrize(("currency", "base"), [("XXX", "USD"), ("USD", "CLF"), ("QQQ", "QQQ"), ("usd", "EUR")])
def test_no_rate_is_none(currency: str, base: str) -> None:
    assert Rates.load().to_base(Decimal(1), currency, base) is None


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "1e400"])
def test_only_amounts_are_converted(amount: str) -> None:
    with pytest.raises(ValueError, match="amount"):
        Rates.load().to_base(Decimal(amount), "EUR", "USD")


@pytest.mark.parametrize("line", ["EUR,0", "EUR,-1", "EUR,NaN", "EUR,much", "EUR"])
def test_a_wrong_rate_file_is_refused(tmp_path: Path, line: str) -> None:
    with pytest.raises(RatesError):
        Rates.load(rate_file(tmp_path / "rates.csv", line))


def test_a_rate_file_needs_a_date_and_rates(tmp_path: Path) -> None:
    undated = tmp_path / "undated.csv"
    undated.write_text("currency,units_per_usd\nEUR,0.8\n", encoding="utf-8")
    with pytest.raises(RatesError):
        Rates.load(undated)
    with pytest.raises(RatesError):
        Rates.load(tmp_path / "missing.csv")
