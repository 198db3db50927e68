"""How values are written for people: money, numbers, times."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from fraudray.domain.money import UnknownCurrency, minor_units

TEXT_MAX = 400
"""Longest text of somebody else's that is shown in one place."""


def money(amount: Any, currency: str) -> str:
    """The amount with its currency and that currency's minor units: "USD 1,200.00", "JPY 1,200"."""
    try:
        value = Decimal(str(amount))
        places = minor_units(currency)
        return f"{currency} {value:,.{places}f}"
    except (InvalidOperation, UnknownCurrency, ValueError):
        return f"{str(currency)[:3]} {str(amount)[:40]}"


def number(value: Any) -> str:
    """A number as people write it; figures behind the point only where they say something."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return str(value)
    if isinstance(value, int):
        return f"{value:,}"
    text = f"{value:,.2f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def at(moment: Any) -> str:
    """A moment in UTC; the browser shows it in the reader's zone."""
    try:
        when = moment if isinstance(moment, datetime) else datetime.fromisoformat(str(moment))
    except ValueError:
        return str(moment)[:40]
    return when.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def moment_of(text: str) -> datetime:
    """A moment as the API writes it, in UTC."""
    return datetime.fromisoformat(text).astimezone(UTC)


def capitalised(text: str) -> str:
    """The text with its first letter large, and the others as they are."""
    return text[:1].upper() + text[1:]


def short(text: str, limit: int = TEXT_MAX) -> str:
    """The text, cut where it is too long to be shown."""
    return text if len(text) <= limit else text[: limit - 1] + "…"
