"""What money is spent on: kinds of merchants with their codes, prices and how often they are visited."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from fraudray.batch.synthetic.draws import Ints, cumulative
from fraudray.domain.transaction import Channel

CHANNELS = tuple(Channel)
POS, ECOMMERCE, MOTO, ATM, RECURRING, MOBILE, TRANSFER = (
    CHANNELS.index(channel)
    for channel in (
        Channel.POS, Channel.ECOMMERCE, Channel.MOTO, Channel.ATM, Channel.RECURRING, Channel.MOBILE, Channel.TRANSFER,
    )
)  # fmt: skip


class Kind(NamedTuple):
    """A kind of merchant.

    `median_usd` and `sigma` are of the log-normal price; `home` and `away` the weight among what customers buy at home
    and on a trip; `per_1000` the merchants a thousand customers of a city (online: of all cities) have; `refunded` the
    share of purchases that are given back; `noun` ends the merchants' names.
    """

    category: str
    mcc: str
    channel: Channel
    median_usd: float
    sigma: float
    home: float
    away: float
    per_1000: float
    refunded: float
    noun: str


KINDS = (
    Kind("Groceries", "5411", Channel.POS, 32, 0.7, 24, 8, 8, 0.004, "Market"),
    Kind("Restaurants", "5812", Channel.POS, 30, 0.6, 12, 26, 16, 0.001, "Kitchen"),
    Kind("Fast food", "5814", Channel.POS, 11, 0.4, 14, 12, 10, 0.001, "Diner"),
    Kind("Fuel", "5542", Channel.POS, 42, 0.35, 8, 6, 4, 0.0, "Fuels"),
    Kind("Pharmacies", "5912", Channel.POS, 18, 0.7, 5, 3, 5, 0.006, "Pharmacy"),
    Kind("Clothing", "5651", Channel.POS, 55, 0.8, 4, 5, 7, 0.05, "Outfitters"),
    Kind("Electronics", "5732", Channel.POS, 140, 0.9, 1.5, 0.7, 3, 0.04, "Electronics"),
    Kind("Public transport", "4111", Channel.POS, 4, 0.6, 9, 9, 1, 0.002, "Transit"),
    Kind("Hotels", "7011", Channel.POS, 170, 0.5, 0.2, 12, 3, 0.0, "Hotel"),
    Kind("Car rental", "7512", Channel.POS, 150, 0.5, 0.2, 2, 1, 0.0, "Rentals"),
    Kind("Cash", "6011", Channel.ATM, 80, 0.6, 4, 7, 3, 0.0, "Bank"),
    Kind("Bars", "5813", Channel.POS, 16, 0.6, 5, 7, 8, 0.001, "Bar"),
    Kind("Doctors", "8011", Channel.POS, 90, 0.8, 1, 0.2, 5, 0.002, "Clinic"),
    Kind("Home supplies", "5200", Channel.POS, 60, 0.9, 3, 0.3, 3, 0.04, "Hardware"),
    Kind("Marketplace", "5399", Channel.ECOMMERCE, 38, 0.9, 30, 10, 2, 0.05, "Online"),
    Kind("Digital games", "5816", Channel.ECOMMERCE, 15, 0.8, 8, 6, 1, 0.01, "Games"),
    Kind("Airlines", "4511", Channel.ECOMMERCE, 240, 0.7, 2, 10, 0.5, 0.06, "Air"),
    Kind("Food delivery", "5812", Channel.MOBILE, 26, 0.5, 20, 22, 1, 0.02, "Delivery"),
    Kind("Online clothing", "5691", Channel.ECOMMERCE, 62, 0.7, 10, 3, 2, 0.15, "Fashion"),
    Kind("Online electronics", "5732", Channel.ECOMMERCE, 150, 0.9, 4, 2, 1, 0.06, "Devices"),
    Kind("Cryptocurrency", "6051", Channel.ECOMMERCE, 120, 1.0, 0.7, 0.5, 0.3, 0.0, "Coins"),
    Kind("Betting", "7995", Channel.MOBILE, 25, 0.9, 2, 2, 0.3, 0.0, "Bets"),
    Kind("Utilities", "4900", Channel.MOTO, 85, 0.5, 4, 1, 0.5, 0.003, "Energy"),
    Kind("Charities", "8398", Channel.ECOMMERCE, 20, 0.7, 2, 1, 1, 0.0, "Aid"),
    Kind("Gift cards", "5947", Channel.ECOMMERCE, 45, 0.5, 2, 1, 0.7, 0.01, "Gifts"),
    Kind("Subscriptions", "5815", Channel.RECURRING, 12, 0.5, 0, 0, 1, 0.004, "Streaming"),
    Kind("Money transfer", "4829", Channel.TRANSFER, 110, 1.0, 8, 8, 0, 0.0, ""),
)
NUMBER = {kind.category: number for number, kind in enumerate(KINDS)}
CHANNEL = np.array([CHANNELS.index(kind.channel) for kind in KINDS], np.int64)
LOCAL = np.isin(CHANNEL, (POS, ATM))
MEDIAN_USD = np.array([kind.median_usd for kind in KINDS])
SIGMA = np.array([kind.sigma for kind in KINDS])
REFUNDED = np.array([kind.refunded for kind in KINDS])

AT_HOME, AWAY, ONLINE, ONLINE_AWAY = range(4)
VISITS = cumulative(
    [
        [kind.home if local else 0.0 for kind, local in zip(KINDS, LOCAL, strict=True)],
        [kind.away if local else 0.0 for kind, local in zip(KINDS, LOCAL, strict=True)],
        [0.0 if local else kind.home for kind, local in zip(KINDS, LOCAL, strict=True)],
        [0.0 if local else kind.away for kind, local in zip(KINDS, LOCAL, strict=True)],
    ]
)
"""(situation × kind) running shares of what is bought at home, away, and online in both."""


def numbers(*categories: str) -> Ints:
    """The numbers of kinds by category."""
    return np.array([NUMBER[category] for category in categories], np.int64)
