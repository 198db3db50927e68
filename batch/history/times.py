"""Columns of times, however they are written, as µs since 1970 in UTC."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fraudray.batch.history.fixed_times import read_fixed
from fraudray.batch.history.forms import EPOCHS, ISO, TimeForm
from fraudray.batch.history.zones import EPOCH, MISSING, TWICE, US_MAX, US_MIN, to_utc

if TYPE_CHECKING:
    from numpy.typing import NDArray

ABSENT, KNOWN, UNREADABLE, NO_SUCH_TIME, SKIPPED, AMBIGUOUS = range(6)
REASONS = {
    UNREADABLE: ("time_format", "is not a time in the mapping's format"),
    NO_SUCH_TIME: ("time_value", "is not a date and time that exists"),
    SKIPPED: ("time_skipped", "did not exist in the mapping's zone: the clocks went forward over it"),
    AMBIGUOUS: (
        "time_twice",
        "came twice in the mapping's zone, and the mapping does not say `ambiguous: earlier` or `later`",
    ),
}
"""Code and sentence for each state that is neither ABSENT nor KNOWN."""
_AWARE_EPOCH = EPOCH.replace(tzinfo=UTC)
_US = timedelta(microseconds=1)
_WHOLE = r"^-?[0-9]{1,17}$"


@dataclass(frozen=True, slots=True)
class Times:
    """A column of moments: µs since 1970 in UTC (0 where unknown), and the state of each."""

    us: NDArray[np.int64]
    states: NDArray[np.int8]

    @property
    def known(self) -> NDArray[np.bool_]:
        """Where there is a moment."""
        known: NDArray[np.bool_] = self.states == KNOWN
        return known


def read_times(column: pa.Array, form: TimeForm, nulls: frozenset[str]) -> Times:
    """Read a column as `form` says. Texts among `nulls`, nulls and NaN are ABSENT."""
    kind = column.type
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return _from_timestamps(column, form)
    if pa.types.is_decimal(kind):
        column = column.cast(pa.string())
    if pa.types.is_string(column.type):
        return _from_texts(column, form, nulls)
    return _from_numbers(column, EPOCHS.get(form.format or "", 0))


def _from_timestamps(column: pa.Array, form: TimeForm) -> Times:
    given = column.is_valid().to_numpy(zero_copy_only=False)
    zoned = pa.types.is_timestamp(column.type) and column.type.tz is not None
    target = pa.timestamp("us", column.type.tz if zoned else None)
    us = column.cast(target, safe=False).cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)
    states = np.where(given, KNOWN, ABSENT).astype(np.int8)
    return _bounded(us, states) if zoned else _placed(us, states, form)


def _from_numbers(column: pa.Array, factor: int) -> Times:
    if pa.types.is_null(column.type):
        return Times(np.zeros(len(column), dtype=np.int64), np.zeros(len(column), dtype=np.int8))
    given = column.is_valid().to_numpy(zero_copy_only=False)
    if pa.types.is_floating(column.type):
        seconds = column.cast(pa.float64()).fill_null(0).to_numpy(zero_copy_only=False) * factor
        given = given & ~np.isnan(seconds)
        inside = given & (seconds >= US_MIN) & (seconds <= US_MAX)
        us = np.rint(np.where(inside, seconds, 0)).astype(np.int64)
    else:
        units = column.cast(pa.int64(), safe=False).fill_null(0).to_numpy(zero_copy_only=False)
        inside = given & (units >= US_MIN // factor) & (units <= US_MAX // factor)
        us = np.where(inside, units, 0) * factor
    states = np.where(inside, KNOWN, np.where(given, NO_SUCH_TIME, ABSENT)).astype(np.int8)
    return _bounded(us, states)


def _from_texts(column: pa.Array, form: TimeForm, nulls: frozenset[str]) -> Times:
    given = column.is_valid().to_numpy(zero_copy_only=False)
    if nulls:
        among = pc.is_in(column, value_set=pa.array(sorted(nulls), pa.string())).to_numpy(zero_copy_only=False)
        given = given & ~among
    if form.format in EPOCHS:
        return _epoch_texts(column, given, EPOCHS[form.format])
    us, read, offsets = read_fixed(column, form.format or ISO)
    states = np.where(given, UNREADABLE, ABSENT).astype(np.int8)
    states[read & given] = KNOWN
    placed = _placed(us, np.where(offsets, ABSENT, states).astype(np.int8), form)
    us = np.where(offsets, us, placed.us)
    states = np.where(offsets, states, placed.states).astype(np.int8)
    one = datetime.fromisoformat if form.format in (ISO, None) else partial(_strptime, form=str(form.format))
    for index in np.flatnonzero(states == UNREADABLE).tolist():
        us[index], states[index] = _one_text(column[index].as_py(), one, form)
    return _bounded(us, states)


def _epoch_texts(column: pa.Array, given: NDArray[np.bool_], factor: int) -> Times:
    whole = pc.fill_null(pc.match_substring_regex(column, _WHOLE), False).to_numpy(zero_copy_only=False) & given
    units = pc.if_else(pa.array(whole), column, pa.scalar(None, pa.string())).cast(pa.int64())
    times = _from_numbers(units, factor)
    us, states = times.us.copy(), times.states.copy()
    for index in np.flatnonzero(given & ~whole).tolist():
        us[index], states[index] = _one_number(column[index].as_py(), factor)
    return _bounded(us, states)


def _one_number(text: str, factor: int) -> tuple[int, int]:
    try:
        us = Decimal(text) * factor
        return (round(us), KNOWN) if US_MIN <= us <= US_MAX else (0, NO_SUCH_TIME)
    except (InvalidOperation, ValueError):  # InvalidOperation too for a comparison with NaN
        return 0, UNREADABLE


def _one_text(text: str, read: Callable[[str], datetime], form: TimeForm) -> tuple[int, int]:
    """What Python's own readers make of a text. Whatever the fast way cannot prove comes here."""
    try:
        moment = read(text)
        if moment.tzinfo is not None:
            return (moment.astimezone(UTC) - _AWARE_EPOCH) // _US, KNOWN
    except (ValueError, OverflowError):
        return 0, UNREADABLE
    local = np.array([(moment - EPOCH) // _US], dtype=np.int64)
    placed = _placed(local, np.array([KNOWN], dtype=np.int8), form)
    return int(placed.us[0]), int(placed.states[0])


def _strptime(text: str, form: str) -> datetime:
    return datetime.strptime(text, form)  # noqa: DTZ007 - the mapping's zone is put in afterwards


def _placed(local_us: NDArray[np.int64], states: NDArray[np.int8], form: TimeForm) -> Times:
    """Local times put into the mapping's zone."""
    known = states == KNOWN
    utc, kinds = to_utc(local_us[known], form.zone, form.ambiguous)
    us, out = np.where(known, 0, local_us), states.copy()
    us[known] = utc
    out[known] = np.select([kinds == MISSING, kinds == TWICE], [SKIPPED, AMBIGUOUS], KNOWN).astype(np.int8)
    return _bounded(us, out)


def _bounded(us: NDArray[np.int64], states: NDArray[np.int8]) -> Times:
    """Only what Python's datetime can hold is known; µs are 0 where nothing is."""
    inside = (us >= US_MIN) & (us <= US_MAX)
    states = np.where((states == KNOWN) & ~inside, NO_SUCH_TIME, states).astype(np.int8)
    return Times(np.where(states == KNOWN, us, 0), states)
