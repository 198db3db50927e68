"""Columns as texts: what a source's value looks like before a mapping's own steps, and those steps."""

from __future__ import annotations

import hmac
import os
import string
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fraudray.batch.history.errors import HistoryError
from fraudray.batch.history.forms import TextForm, Token

if TYPE_CHECKING:
    from numpy.typing import NDArray

_WHOLE_MAX = 1e15
_TOKEN_LETTERS = 20
_LETTERS = str.maketrans("0123456789abcdef", "abcdefghijklmnop")


def textual(column: pa.Array, nulls: frozenset[str] = frozenset()) -> pa.Array:
    """A column as texts. Whole doubles are written without a point (`596.0` is "596"), NaN is null, booleans are `true`
    and `false`; texts among `nulls` are null."""
    kind = column.type
    texts = _floats(column) if pa.types.is_floating(kind) else column.cast(pa.string())
    if not nulls:
        return texts
    given = pc.invert(pc.is_in(texts, value_set=pa.array(sorted(nulls), pa.string())))
    return pc.if_else(given, texts, pa.scalar(None, pa.string()))


def _floats(column: pa.Array) -> pa.Array:
    wide = column.cast(pa.float64())
    values = wide.fill_null(np.nan).to_numpy(zero_copy_only=False)
    whole_ones = np.isfinite(values) & (np.abs(values) < _WHOLE_MAX) & (values == np.rint(values))
    digits = pa.array(np.where(whole_ones, values, 0).astype(np.int64)).cast(pa.string())
    texts = pc.if_else(pa.array(whole_ones), digits, column.cast(pa.string()))
    return pc.if_else(pa.array(~np.isnan(values)), texts, pa.scalar(None, pa.string()))


def read_text(table: pa.Table, form: TextForm, nulls: frozenset[str]) -> tuple[pa.Array, NDArray[np.bool_]]:
    """A field's texts as `form` says, and where `map` has no word for what the source holds."""
    rows = table.num_rows
    unmapped = np.zeros(rows, dtype=bool)
    if form.value is not None:
        return _each_distinct(pa.array([form.value] * rows, pa.string()), form, unmapped)
    if form.template is not None:
        return _each_distinct(_filled(table, form.template, nulls), form, unmapped)
    return _each_distinct(textual(whole(table, str(form.column)), nulls), form, unmapped)


def whole(table: pa.Table, column: str) -> pa.Array:
    """A column in one piece."""
    return cast("pa.Array", table.column(column).combine_chunks())


def words_in(texts: pa.Array, words: tuple[str, ...]) -> NDArray[np.bool_]:
    """Where a text is one of these words."""
    found: NDArray[np.bool_] = pc.is_in(texts, value_set=pa.array(words, pa.string())).to_numpy(zero_copy_only=False)
    found &= texts.is_valid().to_numpy(zero_copy_only=False)
    return found


def _filled(table: pa.Table, template: str, nulls: frozenset[str]) -> pa.Array:
    """A template put together; null where one of its columns is."""
    parts: list[pa.Array | pa.Scalar] = []
    for literal, name, _, _ in string.Formatter().parse(template):
        if literal:
            parts.append(pa.scalar(literal, pa.string()))
        if name:
            parts.append(textual(whole(table, name), nulls))
    return pc.binary_join_element_wise(*parts, pa.scalar("", pa.string()))


def _each_distinct(texts: pa.Array, form: TextForm, unmapped: NDArray[np.bool_]) -> tuple[pa.Array, NDArray[np.bool_]]:
    """The steps prefix, map and token, done once for each distinct text."""
    if form.strip_prefix is None and form.map is None and form.token is None:
        return texts, unmapped
    coded = texts.dictionary_encode()
    words: list[str | None] = coded.dictionary.to_pylist()
    if form.strip_prefix is not None:
        words = [None if word is None else word.removeprefix(form.strip_prefix) for word in words]
    unknown = np.zeros(len(words) + 1, dtype=bool)
    if form.map is not None:
        known: Mapping[str, str] = form.map
        unknown[:-1] = [word not in known and form.default is None for word in words]
        words = [known.get(str(word), form.default) for word in words]
    if form.token is not None:
        token = tokens(form.token)
        words = [None if word is None else token(word) for word in words]
    indices = coded.indices
    codes = indices.fill_null(len(words)).to_numpy(zero_copy_only=False)
    return pa.array(words, pa.string()).take(indices), unknown[codes]


def tokens(form: Token) -> Callable[[str], str]:
    """What makes a token of a text. Only letters follow the prefix, so that no token looks like a card number.

    Raises HistoryError when the environment lacks the key.
    """
    key = b"fraudray"
    if form.key_variable is not None:
        secret = os.environ.get(form.key_variable)
        if not secret:
            raise HistoryError(
                f"the mapping's token needs a secret key in the environment variable {form.key_variable}"
            )
        key = secret.encode()
    return lambda text: form.prefix + _token(key, text)


def _token(key: bytes, text: str) -> str:
    return hmac.digest(key, text.encode(), "sha256").hex()[:_TOKEN_LETTERS].translate(_LETTERS)
