"""Columns of amounts as whole minor units, exactly.

What is proved here equals what `Transaction` makes of the same amount: a double counts as the decimal of its shortest
spelling, and two decimals of up to 15 digits never share a double, so a count of minor units that gives the very same
double back is that decimal.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fraudray.batch.history.forms import AmountForm
from fraudray.domain.money import currencies, minor_units
from fraudray.domain.transaction import AMOUNT_LIMIT, DEFAULT_CURRENCY

if TYPE_CHECKING:
    from numpy.typing import NDArray

UNKNOWN = -1
_SURE_DIGITS = 10**15
_PLAIN = r"^[0-9]{1,11}(\.[0-9]{1,4})?$"
_WHOLE = r"^[0-9]{1,15}$"
_EXACT = Context(prec=60)


@dataclass(frozen=True, slots=True)
class Amounts:
    """A column of amounts: minor units where `proven`; the column as given for all others."""

    minor: NDArray[np.int64]
    proven: NDArray[np.bool_]
    column: pa.Array
    form: AmountForm

    def value(self, row: int, currency: str | None) -> Any:
        """An unproven row's amount for `Transaction.parse`, in units of its currency; None where there is none."""
        given = self.column[row].as_py()
        try:
            units = minor_units(currency or DEFAULT_CURRENCY)
            if self.form.scale == "minor" and given is not None:
                return Decimal(_spelt(given)).scaleb(-units, _EXACT)
            if self.form.round == "half_even" and given is not None:
                return _rounded(_spelt(given), units)
        except (InvalidOperation, ValueError):
            return given
        return given


def read_amounts(column: pa.Array, form: AmountForm, units: NDArray[np.int64], nulls: frozenset[str]) -> Amounts:
    """Read a column; `units` are the decimal places of each row's currency, UNKNOWN where it is none."""
    column = _plain_column(column, form, nulls)
    scale = np.where(units >= 0, 10 ** np.maximum(units, 0), 1)
    if form.scale == "minor":
        minor, exact = _whole(column), np.ones(len(column), dtype=bool)
    elif pa.types.is_integer(column.type):
        whole = _whole(column)
        minor, exact = whole * scale, whole < int(AMOUNT_LIMIT)
    else:
        minor, exact = _scaled(column, scale)
    proven = exact & (units >= 0) & (minor > 0) & (minor < int(AMOUNT_LIMIT) * scale)
    if form.round == "half_even":
        minor, proven = minor.copy(), proven.copy()
        for row in np.flatnonzero(~proven & (units >= 0) & column.is_valid().to_numpy(zero_copy_only=False)).tolist():
            minor[row], proven[row] = _rounded_minor(column[row].as_py(), int(units[row]))
    return Amounts(np.where(proven, minor, 0), proven, column, form)


def units_of(currency: pa.Array | None, rows: int) -> NDArray[np.int64]:
    """The decimal places of each row's currency (upper-case code; null is the default), UNKNOWN for no currency."""
    if currency is None:
        return np.full(rows, minor_units(DEFAULT_CURRENCY), dtype=np.int64)
    coded = currency.dictionary_encode()
    known = set(currencies())
    table = [minor_units(code) if code in known else UNKNOWN for code in coded.dictionary.to_pylist()]
    table.append(minor_units(DEFAULT_CURRENCY))
    codes = coded.indices.fill_null(len(table) - 1).to_numpy(zero_copy_only=False)
    units: NDArray[np.int64] = np.array(table, dtype=np.int64)[codes]
    return units


def _plain_column(column: pa.Array, form: AmountForm, nulls: frozenset[str]) -> pa.Array:
    """Integers, doubles or texts; texts with a decimal point, and null where they are among `nulls`."""
    kind = column.type
    if pa.types.is_null(kind):
        return column.cast(pa.string())
    if pa.types.is_float64(kind):
        # NaN is how tables of numbers say that there is none, if the mapping agrees
        return pc.if_else(pc.is_nan(column), pa.scalar(None, kind), column) if "NaN" in nulls else column
    if pa.types.is_integer(kind):
        return column.cast(pa.int64(), safe=False) if kind != pa.uint64() else column.cast(pa.string())
    texts = column.cast(pa.string())  # a single-precision float is meant as its shortest spelling too
    if pa.types.is_decimal(kind):
        return pc.replace_substring_regex(pc.replace_substring_regex(texts, r"(\.[0-9]*?)0+$", r"\1"), r"\.$", "")
    texts = pc.if_else(
        pc.is_in(texts, value_set=pa.array(sorted(nulls), pa.string())), pa.scalar(None, pa.string()), texts
    )
    if form.decimal == ",":
        return pc.replace_substring(pc.replace_substring(texts, ".", "?"), ",", ".")  # "1.234,50" is not guessed at
    return texts


def _scaled(column: pa.Array, scale: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Doubles, or texts that doubles hold exactly, in minor units, and where that is exact."""
    plain: NDArray[np.bool_] = np.ones(len(column), dtype=bool)
    if pa.types.is_string(column.type):
        matches = pc.fill_null(pc.match_substring_regex(column, _PLAIN), False)
        plain = matches.to_numpy(zero_copy_only=False)
        column = pc.if_else(matches, column, pa.scalar(None, pa.string())).cast(pa.float64())
    values = column.fill_null(0.0).to_numpy(zero_copy_only=False)
    safe = np.where(np.isfinite(values) & (np.abs(values) < float(AMOUNT_LIMIT)), values, 0.0)
    minor = np.rint(safe * scale)
    exact = plain & (safe == values) & (minor / scale == values) & (np.abs(minor) < _SURE_DIGITS)
    return minor.astype(np.int64), exact


def _whole(column: pa.Array) -> NDArray[np.int64]:
    """Whole numbers below 10^15; 0 for all else, which proves nothing."""
    if pa.types.is_string(column.type):
        matches = pc.fill_null(pc.match_substring_regex(column, _WHOLE), False)
        column = pc.if_else(matches, column, pa.scalar(None, pa.string())).cast(pa.int64())
    values = column.fill_null(0).to_numpy(zero_copy_only=False)
    sure = (values > 0) & (values < _SURE_DIGITS) & (values == np.rint(values))
    return np.where(sure, values, 0).astype(np.int64)


def _spelt(given: Any) -> str:
    return repr(given) if isinstance(given, float) else str(given)


def _rounded(text: str, units: int) -> Decimal:
    return Decimal(text).quantize(Decimal(1).scaleb(-units), ROUND_HALF_EVEN, _EXACT)


def _rounded_minor(given: Any, units: int) -> tuple[int, bool]:
    try:
        rounded = _rounded(_spelt(given), units)
    except (InvalidOperation, ValueError):
        return 0, False
    if not 0 < rounded < AMOUNT_LIMIT:
        return 0, False
    minor = int(rounded.scaleb(units, _EXACT))
    return minor, True
