"""The same features by the kernels that a back-test runs."""

from __future__ import annotations

import numpy as np

from fraudray.batch.bench.book import DAYS, DELAY_DAYS
from fraudray.batch.bench.payments import Payments
from fraudray.batch.replay.own_columns import Column, own_columns
from fraudray.batch.replay.shared_columns import shared_columns
from fraudray.domain.features import DAY_US, HOUR_US, WINDOWS

MINOR = 100  # cents
OWN = [WINDOWS[f"customer_{aggregate}_{days}d"] for aggregate in ("count", "mean") for days in DAYS]
SHARED = [WINDOWS[f"terminal_{aggregate}_{days}d"] for aggregate in ("count", "fraud_rate") for days in DAYS]


def columnar_features(payments: Payments) -> dict[str, Column]:
    """The 14 features by name. Every row is an attempt that arrived at once; fraud is known when the delay is over."""
    at_us, row, all_rows = payments.at_us, np.arange(len(payments)), np.ones(len(payments), np.bool_)
    minor = np.rint(payments.amounts * MINOR).astype(np.int64)
    days, clock_us = np.divmod(at_us, DAY_US)
    delay_us = DELAY_DAYS * DAY_US
    return {
        "weekend": ((days + 3) % 7 >= 5).astype(np.int64),  # day 0 was a Thursday
        "night": (clock_us // HOUR_US <= 6).astype(np.int64),
        **own_columns(payments.customers, at_us, at_us, row, all_rows, minor, OWN, scale=MINOR),
        **shared_columns(
            payments.terminals, at_us, at_us, row, all_rows, payments.fraud, at_us + delay_us, SHARED, delay_us=delay_us
        ),
    }
