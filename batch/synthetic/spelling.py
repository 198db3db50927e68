"""Numbers as ids: fixed-width text made for a whole column at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa  # type: ignore[import-untyped, unused-ignore]
import pyarrow.compute as pc  # type: ignore[import-untyped, unused-ignore]

from fraudray.batch.synthetic.draws import Bools, Ints, mixed

Column = Any
"""An Arrow array; pyarrow has no types."""

CODE_BITS = 40
_MASK = np.uint64((1 << CODE_BITS) - 1)
_DIGITS = np.frombuffer(b"0123456789abcdef", np.uint8)
_BYTE_TEXTS = tuple(str(byte) for byte in range(256))


def scrambled(numbers: Ints, *key: int) -> npt.NDArray[np.uint64]:
    """Each number below 2^40 as another one, no two alike: its size then tells nothing of order or kind.

    Odd factors and shifts to the right can be undone, so that distinct numbers stay distinct.
    """
    first, second, offset = (mixed(*key, round_) for round_ in range(3))
    code = (numbers.astype(np.uint64) * (first | np.uint64(1)) + offset) & _MASK
    code ^= code >> np.uint64(19)
    code = (code * (second | np.uint64(1))) & _MASK
    return code ^ (code >> np.uint64(23))


def spelled(prefix: str, numbers: npt.NDArray[np.uint64] | Ints, width: int, *, base: int = 10) -> Column:
    """`prefix` and so many digits of each number (base 10 or 16), as a string array without nulls."""
    head = np.frombuffer(prefix.encode(), np.uint8)
    text = np.empty((len(numbers), len(head) + width), np.uint8)
    text[:, : len(head)] = head
    rest = numbers.astype(np.uint64)
    for place in range(text.shape[1] - 1, len(head) - 1, -1):
        rest, digit = np.divmod(rest, np.uint64(base))
        text[:, place] = _DIGITS[digit.astype(np.int64)]
    ends = np.arange(len(numbers) + 1, dtype=np.int32) * text.shape[1]
    return pa.Array.from_buffers(pa.string(), len(numbers), [None, pa.py_buffer(ends), pa.py_buffer(text)])


def coded(prefix: str, numbers: Ints, *key: int) -> Column:
    """`prefix` and ten hexadecimal digits that stand for each number, as a string array without nulls."""
    return spelled(prefix, scrambled(numbers, *key), CODE_BITS // 4, base=16)


def dotted(addresses: Ints) -> Column:
    """IPv4 addresses from numbers, as a string array; -1 gives text that the caller takes away."""
    texts = pa.array(_BYTE_TEXTS)
    parts = [texts.take(pa.array((addresses >> shift) & 255)) for shift in (24, 16, 8, 0)]
    return pc.binary_join_element_wise(*parts, ".")


def looked_up(texts: Column, places: npt.NDArray[Any]) -> Column:
    """The text at each place of a string array, null for places below 0."""
    return texts.take(pa.array(places.astype(np.int64), mask=places < 0))


def only(column: Column, given: Bools) -> Column:
    """The column where `given`, else null."""
    return pc.if_else(pa.array(given), column, pa.scalar(None, column.type))
