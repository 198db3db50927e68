"""A block of a source, checked: rows as a store keeps them, and the rows that are refused.

`Transaction.parse` decides, and what it normalises is kept. Whole columns prove the easy rows first; every row that
they do not prove is parsed by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from fraudray.batch.history.evaluate import Given, evaluate, moment
from fraudray.batch.history.fields import KINDS, Kind, column_of, store_schema
from fraudray.batch.history.mapping import Mapping
from fraudray.batch.history.prove import prove_texts
from fraudray.batch.history.times import KNOWN
from fraudray.domain.errors import FieldProblem, InvalidTransaction
from fraudray.domain.transaction import CLOCK_SKEW, DEFAULT_CURRENCY, OLDEST, Transaction, TransactionType

if TYPE_CHECKING:
    from numpy.typing import NDArray

_EPOCH = moment(0)
_SKEW_US = CLOCK_SKEW // (moment(1) - _EPOCH)
_OLDEST_US = (OLDEST - _EPOCH) // (moment(1) - _EPOCH)
_PAST = FieldProblem("received_at", "timestamp_past", "lies before the year 2000")
_FUTURE = FieldProblem("received_at", "timestamp_future", "lies more than five minutes in the future")


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that is not taken: its index in the block, and every problem of it."""

    index: int
    problems: tuple[FieldProblem, ...]


@dataclass(frozen=True, slots=True)
class Checked:
    """A block's rows that are kept, with the store's columns, and those that are not. `parsed` counts the rows that
    went through `Transaction.parse` one by one."""

    kept: pa.Table
    refused: list[Refused]
    parsed: int


def check(
    table: pa.Table, orders: NDArray[np.int64], mapping: Mapping, recorded: Sequence[str], now: datetime
) -> Checked:
    """Check a block with the columns that `mapping` reads and `BROKEN`; `orders` numbers its rows.

    A row's `now` is its arrival where the mapping has `received_at`, else `now`, the moment of the import.
    """
    given = evaluate(table, mapping, tuple(recorded))
    received, limit = _arrival(given, us_of(now))
    texts, proven = _proven(given, limit)
    scenario, tellable = prove_texts(given.scenario, "scenario", Kind.TEXT)
    _refuse(given, ~tellable, FieldProblem("labels.scenario", "text", "is no line of 1 to 200 characters"))
    refused = [Refused(index, (problem,)) for index, problem in given.problems.items()]
    proven[list(given.problems)] = False
    open_rows = ~proven
    open_rows[list(given.problems)] = False
    parsed: list[tuple[int, Transaction]] = []
    unproven = np.flatnonzero(open_rows).tolist()
    for index in unproven:
        try:
            parsed.append((index, Transaction.parse(given.row(index), now=moment(int(limit[index])))))
        except InvalidTransaction as error:
            refused.append(Refused(index, tuple(error.problems)))
    schema = store_schema(recorded)
    sure = pa.array(np.flatnonzero(proven))
    columns = _proven_columns(given, texts, schema)
    columns |= {"row": pa.array(orders), "received_us": pa.array(received)}
    columns |= {"fraud": given.fraud, "scenario": scenario, "label_us": _label_us(given)}
    kept = pa.table([columns[name] for name in schema.names], schema=schema).take(sure)
    if parsed:
        rows = pa.array([index for index, _ in parsed])
        others = {name: columns[name].take(rows) for name in ("row", "received_us", "fraud", "scenario", "label_us")}
        own = columns_of([transaction for _, transaction in parsed], schema)
        kept = pa.concat_tables([kept, pa.table([(others | own)[name] for name in schema.names], schema=schema)])
    refused.sort(key=lambda one: one.index)
    return Checked(kept, refused, len(unproven))


def columns_of(transactions: Sequence[Transaction], schema: pa.Schema) -> dict[str, pa.Array]:
    """The store's columns of transactions; all but those of their arrival, their place and their labels."""
    columns: dict[str, list[Any]] = {}
    for name in KINDS:
        column = column_of(name)
        if column not in schema.names:
            continue
        if name == "amount":
            columns[column] = [transaction.amount_minor for transaction in transactions]
        elif KINDS[name] is Kind.TIME:
            moments = [getattr(transaction, name) for transaction in transactions]
            columns[column] = [None if at is None else us_of(at) for at in moments]
        else:
            columns[column] = [getattr(transaction, name) for transaction in transactions]
    return {column: pa.array(values, schema.field(column).type) for column, values in columns.items()}


def us_of(at: datetime) -> int:
    """A moment as µs since 1970."""
    return (at - _EPOCH) // (moment(1) - _EPOCH)


def _arrival(given: Given, now_us: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """When each row arrived (its own time where it does not say), and the `now` that it is checked against."""
    occurred = given.times["timestamp"].us
    if given.received is None:
        return occurred, np.full(given.rows, now_us, dtype=np.int64)
    said = given.received.states == KNOWN
    _refuse(given, said & (given.received.us < _OLDEST_US), _PAST)
    _refuse(given, said & (given.received.us > now_us + _SKEW_US), _FUTURE)
    return np.where(said, given.received.us, occurred), np.where(said, given.received.us, now_us)


def _proven(given: Given, limit: NDArray[np.int64]) -> tuple[dict[str, pa.Array], NDArray[np.bool_]]:
    """The texts as a transaction keeps them, and the rows of which every field is proven."""
    proven = given.amounts.proven.copy()
    texts: dict[str, pa.Array] = {}
    for name, column in given.texts.items():
        texts[name], sure = prove_texts(column, name, KINDS[name])
        proven &= sure
    for name in ("transaction_id", "customer_id", "merchant"):
        proven &= _has(texts[name])
    occurred = given.times["timestamp"]
    for times in given.times.values():
        known = times.states == KNOWN
        proven &= ~known | ((times.us >= _OLDEST_US) & (times.us <= limit + _SKEW_US))
    proven &= occurred.states == KNOWN
    previous = given.times.get("previous_timestamp")
    if previous is not None:
        proven &= (previous.states != KNOWN) | (previous.us <= occurred.us)
        if "time_since_last_transaction" in texts:
            proven &= (previous.states != KNOWN) | ~_has(texts["time_since_last_transaction"])
    for before in ("", "previous_"):
        if f"{before}latitude" in given.loose:
            proven &= _sure_place(given.loose[f"{before}latitude"].values, given.loose[f"{before}longitude"].values)
    for loose in given.loose.values():
        proven[list(loose.odd)] = False
    return texts, proven & _sure_original(texts, given.rows)


def _sure_place(latitude: pa.Array, longitude: pa.Array) -> NDArray[np.bool_]:
    sure: NDArray[np.bool_] = _has(latitude) == _has(longitude)
    for column, most in ((latitude, 90.0), (longitude, 180.0)):
        values = column.fill_null(0.0).to_numpy(zero_copy_only=False)
        sure &= np.abs(values) <= most  # not so for infinity and NaN
    return sure


def _sure_original(texts: dict[str, pa.Array], rows: int) -> NDArray[np.bool_]:
    """Where what continues a purchase names another transaction, and what begins one names none."""
    kinds, originals = texts.get("transaction_type"), texts.get("original_transaction_id")
    follows = np.zeros(rows, dtype=bool)
    if kinds is not None:
        follows = _has(kinds) & (
            kinds.fill_null("").to_numpy(zero_copy_only=False) != TransactionType.AUTHORIZATION.value
        )
    if originals is None:
        return ~follows
    own = texts["transaction_id"].to_numpy(zero_copy_only=False)
    sure: NDArray[np.bool_] = (follows == _has(originals)) & (originals.to_numpy(zero_copy_only=False) != own)
    return sure


def _proven_columns(given: Given, texts: dict[str, pa.Array], schema: pa.Schema) -> dict[str, pa.Array]:
    """The store's columns of fields; right where a row is proven."""
    columns: dict[str, pa.Array] = dict(texts)
    if "currency" not in columns:
        columns["currency"] = pa.array([DEFAULT_CURRENCY] * given.rows, pa.string())
    columns["currency"] = columns["currency"].fill_null(DEFAULT_CURRENCY)
    if "transaction_type" in columns:
        columns["transaction_type"] = columns["transaction_type"].fill_null(TransactionType.AUTHORIZATION.value)
    columns["amount_minor"] = pa.array(given.amounts.minor)
    for name, times in given.times.items():
        columns[column_of(name)] = pa.array(times.us, mask=times.states != KNOWN)
    columns |= {name: loose.values for name, loose in given.loose.items()}
    return {name: column for name, column in columns.items() if name in schema.names}


def _label_us(given: Given) -> pa.Array:
    if given.label_known is None:
        return pa.nulls(given.rows, pa.int64())
    return pa.array(given.label_known.us, mask=given.label_known.states != KNOWN)


def _refuse(given: Given, where: NDArray[np.bool_], problem: FieldProblem) -> None:
    for index in np.flatnonzero(where).tolist():
        given.problems.setdefault(index, problem)


def _has(column: pa.Array) -> NDArray[np.bool_]:
    valid: NDArray[np.bool_] = column.is_valid().to_numpy(zero_copy_only=False)
    return valid
