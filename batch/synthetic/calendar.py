"""On which days fraud of each kind begins, and when each row's label becomes known."""

from __future__ import annotations

import numpy as np

from fraudray.batch.synthetic.clock import DAY_US, MINUTE_US, MS_US
from fraudray.batch.synthetic.draws import Ints, Stream, generator
from fraudray.batch.synthetic.plan import Plan
from fraudray.batch.synthetic.row import SCENARIOS, Rows

SHARES = {
    "account_takeover": 0.18, "card_not_present_burst": 0.22, "card_testing": 0.2, "compromised_terminal": 0.15,
    "mule_chain": 0.07, "friendly_fraud": 0.12, "refund_fraud": 0.06,
}  # fmt: skip
"""Which share of the fraudulent rows each scenario is meant to have."""
ROWS_AN_EPISODE = {
    "account_takeover": 5.5, "card_not_present_burst": 14.5, "card_testing": 27.5, "compromised_terminal": 56.0,
    "mule_chain": 5.0, "friendly_fraud": 1.0, "refund_fraud": 4.5,
}  # fmt: skip
"""How many rows one episode has on average; of a terminal: on all the cards that were copied there."""
# Episodes that take days begin early enough to end within the history.
LATEST = {"compromised_terminal": 0.6, "refund_fraud": 0.75}
LATEST_ELSE = 0.95

# The label's mean delay as a multiple of the plan's. Banks see floods of attempts at once, customers miss money within
# days, chargebacks take weeks, a denied purchase longest. A genuine row is held genuine when no complaint came.
DELAY = {
    "account_takeover": 0.3, "card_not_present_burst": 0.8, "card_testing": 0.15, "compromised_terminal": 0.7,
    "mule_chain": 0.4, "friendly_fraud": 1.7, "refund_fraud": 1.2,
}  # fmt: skip
DELAY_GENUINE = 1.0
DELAY_SPREAD = 0.4  # standard deviation of its logarithm


def episodes(plan: Plan) -> Ints:
    """How many episodes of each scenario begin on each day: (scenarios × days).

    As many as the plan's share of fraud takes, at random moments; with any fraud at all at least one of each.
    """
    counts = np.zeros((len(SCENARIOS), plan.days), np.int64)
    if plan.fraud_share == 0:
        return counts
    for number, name in enumerate(SCENARIOS):
        total = max(1, round(plan.rows * plan.fraud_share * SHARES[name] / ROWS_AN_EPISODE[name]))
        last = max(1, int(plan.days * LATEST.get(name, LATEST_ELSE)))
        days = generator(plan.seed, Stream.CALENDAR, number).integers(0, last, total)
        counts[number] = np.bincount(days, minlength=plan.days)
    return counts


def known_at(plan: Plan, rows: Rows, rng: np.random.Generator) -> Ints:
    """When the label of each row is known, in microseconds since 1970: at least a minute after the row."""
    means = np.array([*(DELAY[name] for name in SCENARIOS), DELAY_GENUINE]) * plan.label_delay_days
    delay_days = means[rows["scenario"]]  # genuine is -1: the last
    # The mean of this log-normal factor is one.
    delay_days = delay_days * np.exp(DELAY_SPREAD * rng.standard_normal(len(rows)) - DELAY_SPREAD**2 / 2)
    known: Ints = rows["at"] + MINUTE_US + (delay_days * DAY_US).astype(np.int64) // MS_US * MS_US
    return known
