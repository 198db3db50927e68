"""The baseline: the features of the Fraud Detection Handbook, in pandas and group by group, as its chapter 3.3 does it.

Le Borgne, Siblini, Lebichot, Bontempi: *Reproducible Machine Learning for Credit Card Fraud Detection – Practical
Handbook* (2022), "Baseline feature transformation". Written anew from what is published there: one call a row for the
flags, one a customer and one a terminal, each with pandas' rolling windows on time. What differs costs no
time: columns have our names, rows of one second keep their order, and a day is `D`, since pandas 3 warns of `d`.
"""

from __future__ import annotations

from typing import Any

DAYS = (1, 7, 30)
DELAY_DAYS = 7


def book_features(payments: Any) -> Any:
    """A copy of the frame with 14 features, in order of TRANSACTION_ID."""
    found = payments.copy()
    found["weekend"] = found.TX_DATETIME.apply(_is_weekend)
    found["night"] = found.TX_DATETIME.apply(_is_night)
    for key, features in (("CUSTOMER_ID", _spending), ("TERMINAL_ID", _risk)):
        found = found.groupby(key).apply(features)
        found = found.reset_index(level=key).sort_values("TRANSACTION_ID").reset_index(drop=True)
    return found


def _is_weekend(moment: Any) -> int:
    return int(moment.weekday() >= 5)


def _is_night(moment: Any) -> int:
    return int(moment.hour <= 6)


def _spending(payments: Any) -> Any:
    """Of one customer: how many payments and their mean amount in each window, this one included."""
    payments = payments.sort_values("TX_DATETIME", kind="stable")
    payments.index = payments.TX_DATETIME
    for days in DAYS:
        window = payments["TX_AMOUNT"].rolling(f"{days}D")
        total, count = window.sum(), window.count()
        payments[f"customer_count_{days}d"] = list(count)
        payments[f"customer_mean_{days}d"] = list(total / count)
    payments.index = range(len(payments))
    return payments


def _risk(payments: Any) -> Any:
    """Of one terminal: how many payments and the share of fraud in each window that ended the delay ago."""
    payments = payments.sort_values("TX_DATETIME", kind="stable")
    payments.index = payments.TX_DATETIME
    unknown = payments["TX_FRAUD"].rolling(f"{DELAY_DAYS}D")
    unknown_frauds, unknown_count = unknown.sum(), unknown.count()
    for days in DAYS:
        window = payments["TX_FRAUD"].rolling(f"{DELAY_DAYS + days}D")
        frauds, count = window.sum() - unknown_frauds, window.count() - unknown_count
        payments[f"terminal_count_{days}d"] = list(count)
        payments[f"terminal_fraud_rate_{days}d"] = list(frauds / count)
    payments.index = range(len(payments))
    return payments.fillna(0)
