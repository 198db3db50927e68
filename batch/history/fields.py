"""Transaction's fields as a history knows them: what kind of value each holds, and its column in a store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

from fraudray.domain.transaction import Transaction

if TYPE_CHECKING:
    import pyarrow as pa


class Kind(StrEnum):
    """What a field holds, which decides how its column is read and proved."""

    IDENTIFIER = "identifier"
    TEXT = "text"
    MEMO = "memo"
    EMAIL = "email"
    ADDRESS = "address"
    MCC = "mcc"
    WORD = "word"
    DURATION = "duration"
    CURRENCY = "currency"
    AMOUNT = "amount"
    FLAG = "flag"
    DEGREES = "degrees"
    TIME = "time"


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "transaction_id": Kind.IDENTIFIER,
        "customer_id": Kind.IDENTIFIER,
        "currency": Kind.CURRENCY,
        "amount": Kind.AMOUNT,
        "merchant": Kind.TEXT,
        "merchant_category": Kind.TEXT,
        "mcc": Kind.MCC,
        "terminal_id": Kind.IDENTIFIER,
        "channel": Kind.WORD,
        "card_present": Kind.FLAG,
        "location": Kind.TEXT,
        "latitude": Kind.DEGREES,
        "longitude": Kind.DEGREES,
        "timestamp": Kind.TIME,
        "previous_location": Kind.TEXT,
        "previous_latitude": Kind.DEGREES,
        "previous_longitude": Kind.DEGREES,
        "previous_timestamp": Kind.TIME,
        "time_since_last_transaction": Kind.DURATION,
        "device_id": Kind.IDENTIFIER,
        "device_fingerprint": Kind.IDENTIFIER,
        "ip_address": Kind.ADDRESS,
        "email": Kind.EMAIL,
        "instrument_id": Kind.IDENTIFIER,
        "funding": Kind.WORD,
        "transaction_type": Kind.WORD,
        "original_transaction_id": Kind.IDENTIFIER,
        "processor_outcome": Kind.WORD,
        "memo": Kind.MEMO,
    }
)
"""Every field that a store can hold, in Transaction's order. A biometric sample is never stored."""

REQUIRED = ("transaction_id", "customer_id", "amount", "merchant", "timestamp")
"""What a row of a history needs; a live transaction may leave its time out, since it arrives now."""

_OWN_COLUMNS = {"timestamp": "occurred_us", "previous_timestamp": "previous_us", "amount": "amount_minor"}
_FIRST = ("transaction_id", "customer_id", "amount", "currency", "merchant")


def column_of(field: str) -> str:
    """The store's column of a field: its own name, but for times (µs since 1970, UTC) and the amount (minor units)."""
    return _OWN_COLUMNS.get(field, field)


def not_recorded(recorded: Iterable[str]) -> tuple[str, ...]:
    """The fields of Transaction that have no column when only these are recorded."""
    known = set(recorded)
    return tuple(name for name in Transaction.model_fields if name not in known)


def store_schema(recorded: Iterable[str]) -> pa.Schema:
    """The columns of a part, in order, for these recorded fields.

    `row` is the place in the import, counted over all files; `received_us` and `occurred_us` are µs since 1970 in UTC;
    the labels come last: `fraud`, `scenario`, and `label_us`, when the label became known.
    """
    import pyarrow as pa

    types = {
        Kind.AMOUNT: pa.int64(), Kind.FLAG: pa.bool_(), Kind.DEGREES: pa.float64(), Kind.TIME: pa.int64(),
    }  # fmt: skip
    fields = [*_FIRST, *(name for name in KINDS if name in set(recorded) and name not in (*_FIRST, "timestamp"))]
    columns = [("row", pa.int64()), ("received_us", pa.int64()), ("occurred_us", pa.int64())]
    columns += [(column_of(name), types.get(KINDS[name], pa.string())) for name in fields]
    return pa.schema([*columns, ("fraud", pa.bool_()), ("scenario", pa.string()), ("label_us", pa.int64())])
