"""One part of a history as transactions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from fraudray.batch.history.fields import KINDS, Kind, column_of
from fraudray.domain.money import from_minor
from fraudray.domain.transaction import Channel, Funding, ProcessorOutcome, Transaction, TransactionType
from fraudray.features.state import moment

if TYPE_CHECKING:
    import pyarrow as pa

_WORDS: dict[str, Callable[[str], Any]] = {
    "channel": Channel, "funding": Funding, "transaction_type": TransactionType, "processor_outcome": ProcessorOutcome,
}  # fmt: skip
_OWN = ("amount", "currency", "timestamp")


def transactions(table: pa.Table) -> Iterator[tuple[Transaction, datetime]]:
    """The rows of a part in its order, each with the moment of its arrival (UTC). Values were checked at import."""
    names = [name for name in KINDS if name not in _OWN and column_of(name) in table.column_names]
    columns = [_values(table, name) for name in names]
    amounts = table.column("amount_minor").to_pylist()
    currencies = table.column("currency").to_pylist()
    occurred, received = table.column("occurred_us").to_pylist(), table.column("received_us").to_pylist()
    decimal = lru_cache(maxsize=200_000)(from_minor)
    for place, (at_us, received_us) in enumerate(zip(occurred, received, strict=True)):
        at = moment(at_us)
        minor, currency = amounts[place], currencies[place]
        values = {name: column[place] for name, column in zip(names, columns, strict=True) if column[place] is not None}
        values |= {
            "timestamp": at, "currency": currency, "amount": decimal(minor, currency),
        }  # fmt: skip
        tx = Transaction.of_checked(values)
        tx.__dict__["amount_minor"] = minor  # known already: computing it again costs as much as the rest
        yield tx, at if received_us == at_us else moment(received_us)


def _values(table: pa.Table, name: str) -> list[Any]:
    values: list[Any] = table.column(column_of(name)).to_pylist()
    word = _WORDS.get(name)
    if word is not None:
        known = {text: word(text) for text in set(values) if text is not None}
        return [known.get(text) for text in values]
    if KINDS[name] is Kind.TIME:
        return [None if us is None else moment(us) for us in values]
    return values
