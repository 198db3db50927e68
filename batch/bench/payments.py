"""The payments of a run: as arrays for the columnar kernels, as a data frame for the book's code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from fraudray.batch.replay.sorting import Flags, Ints


@dataclass(frozen=True)
class Payments:
    """Columns of one length, in order of `at_us` (UTC µs). Keys are any integers, amounts units of one currency."""

    at_us: Ints
    customers: Ints
    terminals: Ints
    amounts: npt.NDArray[np.float64]
    fraud: Flags

    def __len__(self) -> int:
        return len(self.at_us)

    @classmethod
    def in_order(
        cls, at_us: Ints, customers: Ints, terminals: Ints, amounts: npt.NDArray[np.float64], fraud: Flags,
        *, rows: int | None = None,
    ) -> Payments:  # fmt: skip
        """Sort by time, ties as they stand; only the first `rows` of them."""
        order = np.argsort(at_us, kind="stable")[:rows]
        return cls(at_us[order], customers[order], terminals[order], amounts[order], fraud[order])

    def frame(self) -> Any:
        """A `pandas.DataFrame` with the handbook's columns. TRANSACTION_ID is the number of the row."""
        from pandas import DataFrame

        return DataFrame(
            {
                "TRANSACTION_ID": np.arange(len(self)),
                "TX_DATETIME": self.at_us.astype("datetime64[us]").astype("datetime64[ns]"),
                "CUSTOMER_ID": self.customers,
                "TERMINAL_ID": self.terminals,
                "TX_AMOUNT": self.amounts,
                "TX_FRAUD": self.fraud.astype(np.int64),
            }
        )
