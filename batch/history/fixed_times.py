"""Texts of times in which every part has its fixed place, read as arrays of digits.

What is read here is read as `datetime.strptime` and `datetime.fromisoformat` would (a test proves it); all else is left
to them: other widths, names of months, zones by name, dates that do not exist.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from fraudray.batch.history.forms import ISO

if TYPE_CHECKING:
    from numpy.typing import NDArray

_WIDTHS = {"Y": 4, "m": 2, "d": 2, "H": 2, "M": 2, "S": 2}
_ZONED = "z"  # ±hh:mm, only in the ISO shapes below
_FRACTION_MAX = 6
_Tokens = tuple[tuple[str, str], ...]  # ("Y", "") is a part, ("", ":") a character, ("", "T ") one of two


def _iso(ending: str) -> _Tokens:
    tokens: list[tuple[str, str]] = [("Y", ""), ("", "-"), ("m", ""), ("", "-"), ("d", "")]
    if ending != "day":
        tokens += [("", "T "), ("H", ""), ("", ":"), ("M", ""), ("", ":"), ("S", "")]
        tokens += [("", ".")] if "f" in ending else []
        tokens += [(char, "") if char in ("f", _ZONED) else ("", char) for char in ending]
    return tuple(tokens)


# By length: (tokens, digits of the fraction). Of 25 characters it is the offset; a fraction of five digits is rare.
_ISO_SHAPES: dict[int, tuple[_Tokens, int]] = {
    10: (_iso("day"), 0), 19: (_iso(""), 0), 20: (_iso("Z"), 0), 23: (_iso("f"), 3), 24: (_iso("fZ"), 3),
    25: (_iso(_ZONED), 0), 26: (_iso("f"), 6), 27: (_iso("fZ"), 6),
}  # fmt: skip


def read_fixed(texts: pa.Array, form: str) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_]]:
    """For each text: µs since 1970, whether it was read, and whether it named its own zone (then the µs are UTC)."""
    count = len(texts)
    us, read, zoned = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=bool), np.zeros(count, dtype=bool)
    tokens = None if form == ISO else _tokens(form)
    if form != ISO and tokens is None:
        return us, read, zoned
    offsets, data = _buffers(texts)
    lengths = np.diff(offsets)
    lengths[texts.is_null().to_numpy(zero_copy_only=False)] = 0
    for length in np.unique(lengths).tolist():
        shape = _ISO_SHAPES.get(length) if tokens is None else _shaped(tokens, length)
        if shape is None:
            continue
        rows = np.flatnonzero(lengths == length)
        letters = data[offsets[rows][:, None] + np.arange(length)]
        values, fine = _parse(letters, *shape)
        us[rows[fine]] = values[fine]
        read[rows[fine]] = True
        if any(part == _ZONED or chars == "Z" for part, chars in shape[0]) and tokens is None:
            zoned[rows[fine]] = True
    return us, read, zoned


def _buffers(texts: pa.Array) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    _, offsets, data = texts.buffers()
    where = np.frombuffer(offsets, dtype=np.int32)[texts.offset : texts.offset + len(texts) + 1].astype(np.int64)
    letters = np.frombuffer(data, dtype=np.uint8) if data is not None else np.zeros(0, dtype=np.uint8)
    return where, letters


def _tokens(form: str) -> _Tokens | None:
    """A strptime format as parts and characters; None when a part has no fixed width or comes twice."""
    found: list[tuple[str, str]] = []
    at = 0
    while at < len(form):
        if form[at] != "%":
            if form[at] != " " and (form[at].isspace() or not form[at].isascii()):
                return None
            found.append(("", form[at]))
            at += 1
            continue
        part = form[at + 1 : at + 2]
        if part not in _WIDTHS and part != "f":
            return None
        found.append((part, ""))
        at += 2
    parts = [part for part, _ in found if part]
    return tuple(found) if len(parts) == len(set(parts)) and {"Y", "m", "d"} <= set(parts) else None


def _shaped(tokens: _Tokens, length: int) -> tuple[_Tokens, int] | None:
    """The tokens for texts of this length: what the other parts leave is the fraction."""
    rest = length - sum(_WIDTHS.get(part, 0) if part else 1 for part, _ in tokens)
    has_fraction = any(part == "f" for part, _ in tokens)
    if (has_fraction and 1 <= rest <= _FRACTION_MAX) or (not has_fraction and rest == 0):
        return tokens, rest
    return None


def _parse(letters: NDArray[np.uint8], tokens: _Tokens, fraction: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    count = len(letters)
    fine: NDArray[np.bool_] = np.ones(count, dtype=bool)
    parts: dict[str, NDArray[np.int64]] = {}
    offset_us = np.zeros(count, dtype=np.int64)
    at = 0
    for part, chars in tokens:
        if not part:
            fine &= np.isin(letters[:, at], np.frombuffer(chars.encode(), dtype=np.uint8))
            at += 1
        elif part == _ZONED:
            hours, ok = _number(letters[:, at + 1 : at + 3])
            minutes, ok_too = _number(letters[:, at + 4 : at + 6])
            sign = letters[:, at]
            fine &= ok & ok_too & np.isin(sign, (43, 45)) & (letters[:, at + 3] == 58) & (hours < 24) & (minutes < 60)
            offset_us = np.where(sign == 45, -1, 1) * (hours * 60 + minutes) * 60_000_000
            at += 6
        else:
            width = fraction if part == "f" else _WIDTHS[part]
            value, ok = _number(letters[:, at : at + width])
            fine &= ok
            parts[part] = value * 10 ** (_FRACTION_MAX - fraction) if part == "f" else value
            at += width
    return _moment(parts, fine, count) - offset_us, fine


def _number(digits: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    values = digits - np.uint8(48)  # anything below a digit wraps around to above nine
    powers = 10 ** np.arange(digits.shape[1] - 1, -1, -1, dtype=np.int64)
    fine: NDArray[np.bool_] = np.logical_and.reduce(values <= 9, axis=1)
    return values.astype(np.int64) @ powers, fine


def _moment(parts: dict[str, NDArray[np.int64]], fine: NDArray[np.bool_], count: int) -> NDArray[np.int64]:
    """µs since 1970 of the parts; takes out of `fine` what no calendar or clock shows."""
    none = np.zeros(count, dtype=np.int64)
    year, month, day = parts["Y"], parts["m"], parts["d"]
    hour, minute, second = (parts.get(part, none) for part in "HMS")
    fine &= (year >= 1) & (month >= 1) & (month <= 12) & (day >= 1) & (hour < 24) & (minute < 60) & (second < 60)
    months = np.where(fine, (year - 1970) * 12 + month - 1, 0).astype("datetime64[M]")
    first, next_first = months.astype("datetime64[D]"), (months + 1).astype("datetime64[D]")
    fine &= day <= (next_first - first).astype(np.int64)
    days = first.astype(np.int64) + day - 1
    return ((days * 24 + hour) * 60 + minute) * 60_000_000 + second * 1_000_000 + parts.get("f", none)
