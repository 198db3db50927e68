"""A transaction before it has words: numbers into the world's tables, one record a row."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fraudray.batch.synthetic.draws import Ints
from fraudray.domain.transaction import ProcessorOutcome, TransactionType

Rows = npt.NDArray[np.void]
"""Records of `ROW`."""

NOTHING = -1
"""In any field: not given."""
INVENTED = -2
"""As `original`, before numbers are given: a purchase that never was."""

ROW = np.dtype(
    [
        ("at", np.int64),  # microseconds since 1970, UTC
        ("number", np.int64),  # what the id is made from
        ("original", np.int64),  # the number of the purchase that it continues
        ("customer", np.int64),
        ("merchant", np.int64),  # or payee: see `Merchants`
        ("terminal", np.int64),
        ("amount", np.int64),  # minor units of its currency
        ("currency", np.int8),
        ("city", np.int16),
        ("channel", np.int8),
        ("present", np.int8),
        ("device", np.int64),
        ("address", np.int64),  # IPv4
        ("slot", np.int8),  # which of the customer's instruments
        ("kind", np.int8),  # place in TYPES
        ("outcome", np.int8),  # place in OUTCOMES
        ("scenario", np.int8),  # place in SCENARIOS; NOTHING for genuine
        ("known_at", np.int64),  # when the label is known; as `at`
    ]
)

TYPES = tuple(TransactionType)
AUTHORIZATION, INCREMENT, CAPTURE, REVERSAL, REFUND = (
    TYPES.index(kind)
    for kind in (
        TransactionType.AUTHORIZATION, TransactionType.INCREMENTAL_AUTHORIZATION, TransactionType.CAPTURE,
        TransactionType.REVERSAL, TransactionType.REFUND,
    )
)  # fmt: skip
OUTCOMES = tuple(ProcessorOutcome)
APPROVED = OUTCOMES.index(ProcessorOutcome.APPROVED)

SCENARIOS = (
    "account_takeover", "card_not_present_burst", "card_testing", "compromised_terminal", "mule_chain",
    "friendly_fraud", "refund_fraud",
)  # fmt: skip


def blank(count: int) -> Rows:
    """`count` approved authorizations of nobody, with nothing else given."""
    rows = np.zeros(count, ROW)
    for field in ("original", "terminal", "city", "present", "device", "address", "scenario"):
        rows[field] = NOTHING
    return rows


def outcomes(*names: ProcessorOutcome) -> Ints:
    """Places in `OUTCOMES`."""
    return np.array([OUTCOMES.index(name) for name in names], np.int64)


class Numbers:
    """Hands out a number for every transaction of a history, once."""

    def __init__(self) -> None:
        """Begin at 0."""
        self._next = 0

    def take(self, count: int) -> Ints:
        """The next `count` numbers."""
        taken = np.arange(self._next, self._next + count, dtype=np.int64)
        self._next += count
        return taken

    def give(self, rows: Rows) -> Rows:
        """The rows with their numbers; an `original` that was a place in `rows` becomes that row's number."""
        rows["number"] = self.take(len(rows))
        original = rows["original"]
        follows = original >= 0
        rows["original"][follows] = rows["number"][original[follows]]
        invented = np.flatnonzero(rows["original"] == INVENTED)
        rows["original"][invented] = self.take(len(invented))
        return rows
