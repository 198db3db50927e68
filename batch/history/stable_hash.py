"""Hashes that are the same in every process, on every machine and with every version of the data: who is in which part,
and what a history's content is known by.

The text hash is `pandas.util.hash_array` (SipHash-2-4 with pandas' fixed key): deterministic, 64 bits, not secret.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from numpy.typing import NDArray

_NULL = np.uint64(0x9E3779B97F4A7C15)
_STEP = np.uint64(0xFF51AFD7ED558CCD)
_STEP_2 = np.uint64(0xC4CEB9FE1A85EC53)
_SHIFT = np.uint64(33)


def stable_hash(values: pa.Array | pa.ChunkedArray) -> NDArray[np.uint64]:
    """The 64-bit hash of each text; null has one of its own. Texts that repeat are hashed once."""
    from pandas.util import hash_array

    array = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    if not len(array):
        return np.zeros(0, dtype=np.uint64)
    coded = array if pa.types.is_dictionary(array.type) else array.dictionary_encode()
    texts = coded.dictionary.to_numpy(zero_copy_only=False).astype(object)
    known = np.append(np.asarray(hash_array(texts, categorize=False), dtype=np.uint64), _NULL)
    codes = coded.indices.fill_null(len(texts)).to_numpy(zero_copy_only=False)
    hashes: NDArray[np.uint64] = known[codes]
    return hashes


def part_of(hashes: NDArray[np.uint64], parts: int) -> NDArray[np.int32]:
    """The part of each hash: `hash % parts`."""
    return (hashes % np.uint64(parts)).astype(np.int32)


def mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Each 64-bit value stirred well (MurmurHash3's finaliser), so that sums and xors of them tell contents apart."""
    stirred = (values ^ (values >> _SHIFT)) * _STEP
    stirred = (stirred ^ (stirred >> _SHIFT)) * _STEP_2
    return stirred ^ (stirred >> _SHIFT)


def hash_columns(columns: dict[str, pa.Array]) -> NDArray[np.uint64]:
    """One hash a row over named columns (int64, double, bool, text); their order does not matter, their names do."""
    from pandas.util import hash_array

    total: NDArray[np.uint64] | None = None
    for name, array in columns.items():
        salt = hash_array(np.array([name], dtype=object), categorize=False)[0]
        part = mixed(_bits(array) ^ np.uint64(salt))
        total = part if total is None else total + part
    assert total is not None, "no columns"  # noqa: S101
    return mixed(total)


def _bits(array: pa.Array) -> NDArray[np.uint64]:
    """64 bits for each value of a column; null is told apart from every usual value."""
    if pa.types.is_string(array.type):
        return stable_hash(array)
    absent = array.is_null().to_numpy(zero_copy_only=False)
    if pa.types.is_floating(array.type):
        plain = array.fill_null(0.0).to_numpy(zero_copy_only=False).astype(np.float64)
        bits = (plain + 0.0).view(np.uint64)  # -0.0 is 0.0
    elif pa.types.is_boolean(array.type):
        bits = array.fill_null(False).to_numpy(zero_copy_only=False).astype(np.uint64)
    else:
        bits = array.fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64).view(np.uint64)
    return np.where(absent, _NULL, bits)
