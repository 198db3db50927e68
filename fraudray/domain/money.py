"""Money: what amounts a currency can have, minor units, and dated rates to a base currency. Never a float.

Minor units are those of ISO 4217 (`fraudray/data/currencies.csv`): JPY 0, USD 2, KWD 3, CLF 4. Codes without a minor
unit in the standard (gold, SDR, the test code XTS, "no currency" XXX) have no amounts here and are unknown.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_EVEN, Context, Decimal
from functools import cache
from importlib import resources
from pathlib import Path
from types import MappingProxyType

# More digits than any payment has, and few enough that a count of minor units fits 64 bits.
AMOUNT_DIGITS_MAX = 18
_Day = date  # a name that the fields of `Rates` do not hide
_EXACT = Context(prec=60, rounding=ROUND_HALF_EVEN)


class UnknownCurrency(ValueError):
    """Not the code of a currency that amounts can have."""


class RatesError(ValueError):
    """A rate file cannot be read."""


def _rows(path: Path) -> tuple[dict[str, str], list[list[str]]]:
    """The "# name: value" lines at the top of a CSV file and its rows after the header."""
    notes: dict[str, str] = {}
    rows: list[list[str]] = []
    with path.open(encoding="utf-8", newline="") as lines:
        for row in csv.reader(lines):
            if row and row[0].startswith("#"):
                name, _, value = ",".join(row).lstrip("# ").partition(":")
                notes.setdefault(name.strip().lower(), value.strip())
            elif row:
                rows.append(row)
    return notes, rows[1:]


def _data_file(name: str) -> Path:
    return Path(str(resources.files("fraudray.data") / name))


@cache
def _currencies() -> Mapping[str, int]:
    _, rows = _rows(_data_file("currencies.csv"))
    return MappingProxyType({row[0]: int(row[1]) for row in rows})


def currencies() -> tuple[str, ...]:
    """All currency codes, sorted."""
    return tuple(_currencies())


def minor_units(currency: str) -> int:
    """The number of decimal places of a currency (upper-case ISO 4217 code). Raises UnknownCurrency."""
    try:
        return _currencies()[currency]
    except KeyError:
        raise UnknownCurrency(f"{currency[:12]!r} is not an ISO 4217 currency") from None


def decimal_places(amount: Decimal) -> int:
    """Decimal places that matter: 10.50 has one, 10.00 none. Raises ValueError for infinity and NaN."""
    _, digits, exponent = amount.as_tuple()
    if not isinstance(exponent, int):
        raise ValueError(f"{amount} is not an amount")
    if exponent >= 0 or not any(digits):
        return 0
    zeros = 0
    for digit in reversed(digits):
        if digit:
            break
        zeros += 1
    return max(0, -exponent - zeros)


def check_amount(amount: Decimal, currency: str) -> None:
    """Refuse an amount that the currency cannot have; trailing zeros are spelling and either sign is allowed.

    Raises UnknownCurrency, or ValueError with a sentence to show: "JPY has no minor unit: 10.5 has 1 decimal place".
    """
    units = minor_units(currency)
    places = decimal_places(amount)
    if places > units:
        has = f"has {units} decimal place{'s' if units != 1 else ''}" if units else "has no minor unit"
        shown = str(amount) if len(str(amount)) <= 40 else "the amount"
        raise ValueError(f"{currency} {has}: {shown} has {places} decimal place{'s' if places != 1 else ''}")
    if amount and amount.adjusted() + 1 + units > AMOUNT_DIGITS_MAX:
        raise ValueError(f"the amount has more than {AMOUNT_DIGITS_MAX - units} digits before the decimal point")


def to_minor(amount: Decimal, currency: str) -> int:
    """The amount in minor units: 10.50 USD → 1050, 10 JPY → 10. Raises as `check_amount`."""
    check_amount(amount, currency)
    if not amount:
        return 0
    return int(amount.scaleb(minor_units(currency), _EXACT).to_integral_exact(context=_EXACT))


def from_minor(minor: int, currency: str) -> Decimal:
    """The amount of so many minor units, with the currency's decimal places: 1050 USD → 10.50.

    Raises UnknownCurrency; ValueError above `AMOUNT_DIGITS_MAX` digits.
    """
    units = minor_units(currency)
    if abs(minor) >= 10**AMOUNT_DIGITS_MAX:
        raise ValueError(f"the amount has more than {AMOUNT_DIGITS_MAX} digits")
    return Decimal(minor).scaleb(-units, _EXACT)


@dataclass(frozen=True)
class Rates:
    """Exchange rates of one day: `per_base` says how many units of a currency one unit of `base` buys.

    `older` has the dates of those rates that are of an earlier day.
    """

    date: date
    per_base: Mapping[str, Decimal]
    base: str = "USD"
    source: str = ""
    older: Mapping[str, _Day] = field(default_factory=dict)
    _factors: dict[tuple[str, str], Decimal] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def load(cls, path: Path | None = None) -> Rates:
        """Read the packaged rates or another file: "# date: …", then `currency,units_per_usd` and, where a file has
        rates of earlier days, a third column `as_of`; codes that are no currency are skipped.

        Raises RatesError.
        """
        file = path or _data_file("rates.csv")
        try:
            notes, rows = _rows(file)
            rates = {row[0]: Decimal(row[1]) for row in rows if row[0] in _currencies()}
            if not rates or not all(rate.is_finite() and rate > 0 for rate in rates.values()):
                raise RatesError(f"{file.name}: rates must be numbers above zero")
            on = date.fromisoformat(notes.get("date", ""))
            older = {row[0]: date.fromisoformat(row[2]) for row in rows if len(row) > 2 and row[2]}
        except RatesError:
            raise
        except (OSError, ValueError, ArithmeticError, IndexError) as error:
            raise RatesError(f"{file.name} is not a rate file: {error}") from error
        rates["USD"] = Decimal(1)
        return cls(on, MappingProxyType(rates), source=notes.get("source", ""), older=MappingProxyType(older))

    def date_of(self, currency: str) -> _Day:
        """The day of a currency's rate."""
        return self.older.get(currency, self.date)

    def to_base(self, amount: Decimal, currency: str, base: str) -> Decimal | None:
        """The amount in another currency, rounded half to even to its minor unit; None where there is no rate.

        An amount in `base` already is given back as it is. Raises ValueError for infinity and NaN.
        """
        if not amount.is_finite():
            raise ValueError(f"{amount} is not an amount")
        if currency == base:
            return amount if currency in self.per_base else None
        factor = self._factor(currency, base)
        if factor is None:
            return None
        if amount and amount.adjusted() > AMOUNT_DIGITS_MAX:
            raise ValueError(f"the amount has more than {AMOUNT_DIGITS_MAX} digits")
        unit = Decimal(1).scaleb(-minor_units(base))
        return _EXACT.multiply(amount, factor).quantize(unit, context=_EXACT)

    def _factor(self, currency: str, base: str) -> Decimal | None:
        """Units of `base` for one unit of `currency`, computed once a pair (at most as many as pairs of currencies)."""
        known = self._factors.get((currency, base))
        if known is None and currency in self.per_base and base in self.per_base:
            known = _EXACT.divide(self.per_base[base], self.per_base[currency])
            self._factors[currency, base] = known
        return known
