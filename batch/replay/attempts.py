"""Which rows of a part are attempts, and what they come to in a base currency: by the engine's own functions, asked
once for each value that there is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fraudray.domain.money import Rates
from fraudray.domain.transaction import ProcessorOutcome, Transaction, TransactionType
from fraudray.evidence.transaction_risk import to_base_minor
from fraudray.features.track import is_attempt

if TYPE_CHECKING:
    from fraudray.batch.replay.sorting import Flags, Ints


def attempts(table: pa.Table) -> Flags:
    """Which rows are attempts, as `is_attempt` says of their type and outcome (bool, one a row)."""
    kinds = {kind.value: kind for kind in TransactionType}
    outcomes = {outcome.value: outcome for outcome in ProcessorOutcome}
    found = np.ones(table.num_rows, np.bool_)
    for name, known in (("transaction_type", kinds), ("processor_outcome", outcomes)):
        if name in table.column_names:
            yes = [text for text, value in known.items() if is_attempt(Transaction.of_checked({name: value}))]
            column = table.column(name)
            counts = pc.or_(pc.is_null(column), pc.is_in(column, value_set=pa.array(yes)))
            found &= counts.to_numpy()
    return found


def base_minor(table: pa.Table, rates: Rates, currency: str) -> Ints:
    """Each row's amount in minor units of the base currency (int64); 0 where there is no rate."""
    amounts = table.column("amount_minor").to_numpy()
    found = np.zeros(len(amounts), np.int64)
    currencies = table.column("currency")
    for own in pc.unique(currencies).to_pylist():
        rows = np.flatnonzero(pc.equal(currencies, own).to_numpy())
        values, inverse = np.unique(amounts[rows], return_inverse=True)
        converted = [to_base_minor(rates, int(value), own, currency) or 0 for value in values]
        found[rows] = np.array(converted, np.int64)[inverse]
    return found
