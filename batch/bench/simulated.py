"""Payments of the kind that the Fraud Detection Handbook simulates; the sizes and shares are the book's.

Le Borgne, Siblini, Lebichot, Bontempi: *Reproducible Machine Learning for Credit Card Fraud Detection* (2022),
chapter 3.2.
"""

from __future__ import annotations

import numpy as np

from fraudray.batch.bench.payments import Payments
from fraudray.batch.replay.sorting import Flags, Ints
from fraudray.domain.features import DAY_US

CUSTOMERS, TERMINALS = 5_000, 10_000
START_US = 1_522_540_800_000_000  # 2018-04-01T00:00Z
DAY_S = DAY_US // 1_000_000
DAILY_MAX = 4.0  # a customer pays 0 to so many times a day, on average
ROWS_A_CUSTOMER = 100  # with fewer rows there are fewer customers, so that a small history spans the same 50 days
NEAR = 5.0 * np.sqrt(TERMINALS)  # a customer pays within 5 of a map of 100 by 100 with all terminals
LARGE = 220.0  # scenario 1: any amount beyond
TERMINAL_DAYS, TERMINALS_A_DAY = 28, 2  # scenario 2: terminals fall to thieves
CARD_DAYS, CARDS_A_DAY, CARD_FACTOR = 14, 3, 5.0  # scenario 3: a third of the payments of stolen card data


def simulate(rows: int, *, seed: int = 1) -> Payments:
    """Exactly so many payments from 2018-04-01 on, the same for a seed."""
    draw = np.random.default_rng(seed)
    customers = int(np.clip(rows // ROWS_A_CUSTOMER, 10, CUSTOMERS))
    terminals = customers * TERMINALS // CUSTOMERS
    daily = draw.uniform(0, DAILY_MAX, customers)
    days = int(rows / daily.sum() * 1.1) + 7  # 3 % of the times fall outside their day

    payers, day = _each(draw.poisson(daily[:, None], (customers, days)))
    clock_s = draw.normal(DAY_S / 2, 20_000, len(payers)).astype(np.int64)
    within = (clock_s > 0) & (clock_s < DAY_S)
    payers, day, clock_s = payers[within], day[within], clock_s[within]

    usual = draw.uniform(5, 100, customers)[payers]
    amounts = draw.normal(usual, usual / 2)
    amounts[amounts < 0] = draw.uniform(0, 2 * usual[amounts < 0])
    used = _terminals_of(payers, customers, terminals, draw)

    stolen = _struck(payers, day, customers, days, CARDS_A_DAY, CUSTOMERS, CARD_DAYS, draw)
    stolen &= draw.random(len(payers)) < 1 / 3
    taken = _struck(used, day, terminals, days, TERMINALS_A_DAY, TERMINALS, TERMINAL_DAYS, draw)
    fraud = (amounts > LARGE) | taken | stolen
    amounts[stolen] *= CARD_FACTOR
    at_us = START_US + day * DAY_US + clock_s * 1_000_000
    return Payments.in_order(at_us, payers, used, np.round(amounts, 2), fraud, rows=rows)


def _each(counts: Ints) -> tuple[Ints, Ints]:
    """Row and column of a table of counts, each as often as it says."""
    row, column = np.nonzero(counts)
    times = counts[row, column]
    return np.repeat(row, times), np.repeat(column, times)


def _terminals_of(payers: Ints, customers: int, terminals: int, draw: np.random.Generator) -> Ints:
    """For each payment one of the terminals near its customer, or the nearest where none is. `payers` is sorted."""
    homes, places = draw.uniform(0, 100, (customers, 2)), draw.uniform(0, 100, (terminals, 2))
    used = np.zeros(len(payers), np.int64)
    bounds = np.searchsorted(payers, np.arange(customers + 1))
    for home, start, end in zip(homes, bounds[:-1], bounds[1:], strict=True):
        away = np.hypot(*(places - home).T)
        near = np.flatnonzero(away < NEAR / np.sqrt(terminals))
        used[start:end] = draw.choice(near if len(near) else [away.argmin()], end - start)
    return used


def _struck(
    keys: Ints, day: Ints, known: int, days: int, a_day: int, of: int, lasts_days: int, draw: np.random.Generator
) -> Flags:
    """Which payments fall in the days after their key was struck; a day as many are, in proportion, as in the book."""
    since = np.full((known, days), -lasts_days)
    for today in range(days):
        since[draw.integers(known, size=draw.poisson(a_day * known / of)), today] = today
    since = np.maximum.accumulate(since, axis=1)
    struck: Flags = day - since[keys, day] < lasts_days
    return struck
