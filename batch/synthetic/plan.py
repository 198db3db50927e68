"""What is asked for: how much, when and with which share of fraud; and how many rows each day gets."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np

from fraudray.batch.synthetic.clock import DAY_US, microseconds
from fraudray.batch.synthetic.draws import Ints

ROWS_MIN = 1_000
CUSTOMERS_MIN = 20
CUSTOMERS_MAX = 20_000_000
DAYS_MIN = 7
DAYS_MAX = 3_660
# A day is made at once: about 0.6 GB at this many rows.
ROWS_A_DAY_MAX = 1_000_000
FRAUD_SHARE_MAX = 0.2
LABEL_DELAY_DAYS_MAX = 365.0
END = date(2026, 6, 30)
"""The day after the last, where nobody says when it begins: in the past, since an import refuses what is not yet."""
FIRST_START, LAST_END = date(2000, 1, 1), date(2100, 1, 1)
# People spend more on some weekdays, from Monday; over all kinds of them.
_WEEKDAYS = (0.92, 0.94, 0.96, 1.02, 1.17, 1.18, 0.78)


@dataclass(frozen=True)
class Plan:
    """The parameters of a history. `days` from `start` (UTC); `fraud_share` of the rows; ages in days."""

    rows: int
    seed: int
    customers: int
    days: int
    start: date
    fraud_share: float
    label_delay_days: float

    @classmethod
    def of(
        cls, *, rows: int, seed: int, customers: int | None, days: int, start: date, fraud_share: float,
        label_delay_days: float,
    ) -> Plan:  # fmt: skip
        """A plan that can be carried out; without `customers` as many as pay about once a day.

        Raises ValueError, which names the parameter and what to do.
        """
        if customers is None:
            customers = int(np.clip(round(rows / days), CUSTOMERS_MIN, CUSTOMERS_MAX)) if days > 0 else CUSTOMERS_MIN
        _within("rows", rows, ROWS_MIN, None)
        _within("seed", seed, 0, None)
        _within("days", days, DAYS_MIN, DAYS_MAX)
        _within("customers", customers, CUSTOMERS_MIN, CUSTOMERS_MAX)
        _within("fraud-share", fraud_share, 0, FRAUD_SHARE_MAX)
        _within("label-delay-days", label_delay_days, 0, LABEL_DELAY_DAYS_MAX)
        if start < FIRST_START or start + timedelta(days=days) > LAST_END:
            raise ValueError(f"the days must lie between {FIRST_START} and {LAST_END}; choose another --start")
        if rows / days > ROWS_A_DAY_MAX:
            raise ValueError(
                f"{rows:,} rows in {days:,} days are more than {ROWS_A_DAY_MAX:,} a day, which is made in memory; "
                f"say --days {-(-rows // ROWS_A_DAY_MAX):,} or more"
            )
        return cls(rows, seed, customers, days, start, fraud_share, label_delay_days)

    @property
    def start_us(self) -> int:
        """The first moment, in microseconds since 1970."""
        return microseconds(self.start)

    @property
    def end_us(self) -> int:
        """The moment after the last, in microseconds since 1970."""
        return self.start_us + self.days * DAY_US

    def date_of(self, day: int) -> date:
        """The date of day number `day`, from 0."""
        return self.start + timedelta(days=day)

    def rows_by(self) -> Ints:
        """How many rows there should be by the end of each day: grows with the weekdays' weights, ends at `rows`."""
        weights = np.array([_WEEKDAYS[self.date_of(day).weekday()] for day in range(self.days)])
        running = np.cumsum(weights)
        by_then: Ints = np.round(self.rows * (running / running[-1])).astype(np.int64)
        return by_then

    def document(self) -> dict[str, Any]:
        """The parameters for `history.json`."""
        return {
            "rows": self.rows, "seed": self.seed, "customers": self.customers, "days": self.days,
            "start": self.start.isoformat(), "fraud_share": self.fraud_share,
            "label_delay_days": self.label_delay_days,
        }  # fmt: skip


def _within(name: str, value: float, low: float, high: float | None) -> None:
    if value < low or (high is not None and value > high):
        bounds = f"at least {low:,}" if high is None else f"from {low:,} to {high:,}"
        raise ValueError(f"--{name} is {bounds}, not {value:,}")
