"""Proofs over whole columns that a text is one that `Transaction` takes, and what it keeps of it.

A cheap pattern proves plain ASCII texts, which are kept as they are. What the pattern leaves, each distinct text once,
is put to the very type that `Transaction` declares for the field. What that refuses is left unproven: the row is parsed
as a whole, and its problem told.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import TypeAdapter, ValidationError

from fraudray.batch.history.fields import Kind
from fraudray.domain.duration import parse_duration
from fraudray.domain.money import currencies
from fraudray.domain.text import Email, FreeText, Identifier, Memo
from fraudray.domain.transaction import Channel, Funding, IpAddress, ProcessorOutcome, TransactionType

if TYPE_CHECKING:
    from numpy.typing import NDArray

WORDS: dict[str, tuple[str, ...]] = {
    "channel": tuple(Channel), "funding": tuple(Funding), "transaction_type": tuple(TransactionType),
    "processor_outcome": tuple(ProcessorOutcome),
}  # fmt: skip
_BYTE = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_FEW_DIGITS = r"^[^0-9]*([0-9][^0-9]*){0,11}$"  # fewer than any card number has
_PLAIN: dict[Kind, tuple[str, ...]] = {
    # without 13 digits in a row it is no card number, and with anything but dots it is neither "." nor ".."
    Kind.IDENTIFIER: (r"^([!-~][ -~]{1,126}[!-~]|[!-~]{1,2})$", r"^([^0-9]|[0-9]{1,12}([^0-9]|$))*$", r"[^.]"),
    Kind.TEXT: (r"^[ -~]{1,200}$", _FEW_DIGITS),
    Kind.MEMO: (r"^[ -~]{0,1000}$", _FEW_DIGITS),
    Kind.ADDRESS: (rf"^{_BYTE}(\.{_BYTE}){{3}}$",),
    Kind.MCC: (r"^[0-9]{4}$",),
}
_DURATION_CHARS_MAX = 64


def prove_texts(column: pa.Array, name: str, kind: Kind) -> tuple[pa.Array, NDArray[np.bool_]]:
    """A field's texts as `Transaction` keeps them, and where that is proven. Null is proven: the field is not given."""
    if _mostly_distinct(column):
        proven = _plain(column, kind)
        if proven is not None and proven.all():
            return column, proven
    coded = column.dictionary_encode()
    kept, sure = _distinct(coded.dictionary, name, kind)
    known = np.append(sure, True)
    codes = coded.indices.fill_null(len(sure)).to_numpy(zero_copy_only=False)
    return kept.take(coded.indices), known[codes]


def _mostly_distinct(column: pa.Array) -> bool:
    """By its first thousand; then a dictionary would only cost."""
    head = column.slice(0, 1000)
    return bool(pc.count_distinct(head).as_py() * 2 > len(head))


def _distinct(texts: pa.Array, name: str, kind: Kind) -> tuple[pa.Array, NDArray[np.bool_]]:
    if kind is Kind.WORD:
        return texts, _among(texts, WORDS[name])
    if kind is Kind.CURRENCY:
        return texts, _among(texts, currencies())
    proven = _plain(texts, kind)
    if proven is None:
        proven = np.zeros(len(texts), dtype=bool)
    if proven.all() or kind is Kind.MCC:
        return texts, proven
    kept = texts.to_pylist()
    for index in np.flatnonzero(~proven).tolist():
        kept[index], proven[index] = _by_type(kept[index], kind)
    return pa.array(kept, pa.string()), proven


def _plain(texts: pa.Array, kind: Kind) -> NDArray[np.bool_] | None:
    """Where every pattern of the kind matches, or there is no text; None for kinds that have no patterns."""
    patterns = _PLAIN.get(kind)
    if patterns is None:
        return None
    proven = np.ones(len(texts), dtype=bool)
    for pattern in patterns:
        proven &= pc.fill_null(pc.match_substring_regex(texts, pattern), True).to_numpy(zero_copy_only=False)
    return proven


def _among(texts: pa.Array, words: tuple[str, ...]) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = pc.is_in(texts, value_set=pa.array(list(map(str, words)), pa.string())).to_numpy(
        zero_copy_only=False
    )
    return found


def _by_type(text: str, kind: Kind) -> tuple[str, bool]:
    """What the field's own type makes of a text; the text as it is and False where it refuses."""
    try:
        if kind is Kind.DURATION:
            parse_duration(text)
            return text, len(text) <= _DURATION_CHARS_MAX
        return str(_types()[kind].validate_python(text)), True
    except (ValidationError, ValueError):
        return text, False


@cache
def _types() -> dict[Kind, TypeAdapter[Any]]:
    return {
        Kind.IDENTIFIER: TypeAdapter(Identifier), Kind.TEXT: TypeAdapter(FreeText), Kind.MEMO: TypeAdapter(Memo),
        Kind.EMAIL: TypeAdapter(Email), Kind.ADDRESS: TypeAdapter(IpAddress),
    }  # fmt: skip
