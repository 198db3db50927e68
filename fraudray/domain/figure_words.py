"""Figures as people read them, in reports and on pages: percents, amounts, differences."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

NONE = "–"
Measured = Mapping[str, Any]


def percent(value: float | None, decimals: int | None = None) -> str:
    """A share as percent: one decimal, two below 1 % and from 99 %."""
    if value is None:
        return NONE
    return f"{_percents(value, _decimals(value) if decimals is None else decimals)} %"


def share(measure: Measured) -> str:
    """A share with its interval: 76.1 % (73.0–79.2)."""
    value, low, high = measure["value"], measure["low"], measure["high"]
    if value is None:
        return NONE
    decimals = _decimals(value)
    interval = "" if low is None else f" ({_percents(low, decimals)}–{_percents(high, decimals)})"
    return percent(value, decimals) + interval


def unit_value(measure: Measured) -> str:
    """A value between 0 and 1 with its interval: 0.885 (0.870–0.901)."""
    value, low, high = measure["value"], measure["low"], measure["high"]
    if value is None:
        return NONE
    return f"{value:.3f}" + ("" if low is None else f" ({low:.3f}–{high:.3f})")


def number(value: float | None) -> str:
    """A count with its thousands apart."""
    return NONE if value is None else signed_minus(f"{value:,.0f}")


def money(value: float | None) -> str:
    """An amount without its currency: to the unit from 100, else with two decimals."""
    if value is None:
        return NONE
    return signed_minus(f"{value:,.0f}" if abs(value) >= 100 or value == 0 else f"{value:,.2f}")


def amount(measure: Measured) -> str:
    """An amount with its interval: 12,345 (11,000 to 13,500)."""
    if measure["value"] is None:
        return NONE
    interval = "" if measure["low"] is None else f" ({money(measure['low'])} to {money(measure['high'])})"
    return money(measure["value"]) + interval


def points(measure: Measured) -> str:
    """A difference of shares in percentage points with its interval: +2.1 (+0.8 to +3.4)."""
    value, low, high = measure["value"], measure["low"], measure["high"]
    if value is None:
        return NONE
    decimals = 1 if abs(value) >= 0.01 else 2
    interval = "" if low is None else f" ({_signed(low, decimals)} to {_signed(high, decimals)})"
    return _signed(value, decimals) + interval


def plus(measure: Measured, decimals: int = 0) -> str:
    """A difference of other values with its interval."""
    value, low, high = measure["value"], measure["low"], measure["high"]
    if value is None:
        return NONE

    def one(number_: float) -> str:
        return signed_minus(f"{number_:+,.{decimals}f}")

    return one(value) + ("" if low is None else f" ({one(low)} to {one(high)})")


def signed_minus(text: str) -> str:
    """With the sign that lines up with digits; no minus before zero."""
    if text.startswith("-") and not any(digit in text for digit in "123456789"):
        text = text[1:]
    return text.replace("-", "−")


def seconds(value: float) -> str:
    """A duration in seconds for people."""
    if value < 60:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min {rest} s"


def _decimals(value: float) -> int:
    if value == 0 or value == 1:
        return 0 if value == 0 else 1
    away = min(abs(value), abs(1 - value)) if value > 0.5 else abs(value)
    return 1 if away >= 0.01 else min(4, max(2, -math.floor(math.log10(away * 100)) + 1))


def _percents(value: float, decimals: int) -> str:
    return signed_minus(f"{100 * value:.{decimals}f}")


def _signed(value: float, decimals: int) -> str:
    return signed_minus(f"{100 * value:+.{decimals}f}")
