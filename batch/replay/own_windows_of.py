"""The own windows of one part of a history: all of a customer's rows are in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from fraudray.batch.history.stable_hash import stable_hash
from fraudray.batch.replay.attempts import attempts, base_minor
from fraudray.batch.replay.columns_of import columns_needed
from fraudray.batch.replay.own_columns import Column, own_columns
from fraudray.domain.features import OWN_KEYS
from fraudray.domain.money import Rates, minor_units
from fraudray.domain.transaction import Transaction

if TYPE_CHECKING:
    from fraudray.batch.replay.job import Job


def own_windows_of(table: pa.Table, job: Job, rates: Rates) -> dict[str, Column]:
    """The columns of the keys `customer` and `instrument` that the job's policies read, in the table's order."""
    found: dict[str, Column] = {}
    customers = stable_hash(table.column("customer_id"))
    at_us, received_us = table.column("occurred_us").to_numpy(), table.column("received_us").to_numpy()
    row, counted = table.column("row").to_numpy(), attempts(table)
    for needed in columns_needed(job.books, whole=job.investigation is not None):
        if needed.key not in OWN_KEYS:
            continue
        minor = base_minor(table, rates, needed.currency)
        found |= own_columns(
            customers, at_us, received_us, row, counted, minor, needed.features,
            scale=10 ** minor_units(needed.currency),
            instruments=_instruments(table) if needed.key == "instrument" else None,
        )  # fmt: skip
    return found


def _instruments(table: pa.Table) -> npt.NDArray[np.int64]:
    """A number for each instrument key, as `Transaction.instrument_key` tells them apart."""
    names = [name for name in ("instrument_id", "funding") if name in table.column_names]
    if not names:
        return np.zeros(table.num_rows, np.int64)
    pairs = table.select(names).append_column("place", pa.array(np.arange(table.num_rows)))
    grouped = pairs.group_by(names).aggregate([("place", "list")])
    keys: dict[str, int] = {}
    numbers = np.zeros(table.num_rows, np.int64)
    for values in grouped.to_pylist():
        given = {name: values[name] for name in names if values[name] is not None}
        key = Transaction.of_checked(given).instrument_key
        numbers[values["place_list"]] = keys.setdefault(key, len(keys))
    return numbers
