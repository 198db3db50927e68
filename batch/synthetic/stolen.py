"""Fraud with what was stolen online: an account, a card's number, a list of many numbers."""

from __future__ import annotations

import numpy as np

from fraudray.batch.synthetic.customers import FIRST_CARD, SECOND_CARD
from fraudray.batch.synthetic.row import Rows, outcomes
from fraudray.batch.synthetic.strangers import (
    REFUSALS,
    Day,
    Episodes,
    purchases,
    refuse,
    strange_addresses,
    strange_devices,
)
from fraudray.batch.synthetic.world import minor
from fraudray.domain.transaction import ProcessorOutcome

_CVC_GUESSES = outcomes(
    ProcessorOutcome.INCORRECT_CVC, ProcessorOutcome.DO_NOT_HONOR, ProcessorOutcome.EXPIRED_CARD,
    ProcessorOutcome.DECLINED,
)  # fmt: skip


def account_takeover(day: Day, count: int) -> Rows:
    """Somebody signs in as the customer, from a device and network never seen with them, and buys in a few hours what
    can be sold again, for several times what the customer usually spends. A part says to be where the thief is."""
    world, rng = day.world, day.rng
    episodes = Episodes.sized(rng.integers(3, 9, count))
    victim, device = day.customers(count), strange_devices(count, rng)
    address, elsewhere = strange_addresses(world, count, rng), rng.random(count) < 0.4
    at = episodes.times(day.moments(count), 25 * 60, rng)
    goods = ("Online electronics", "Cryptocurrency", "Gift cards", "Marketplace", "Online clothing")
    times = rng.uniform(2.5, 8.0, len(at))
    rows = purchases(day, "account_takeover", at, victim[episodes.of], goods, times)
    rows["device"], rows["address"] = device[episodes.of], address[episodes.of]
    city = rng.integers(0, len(world.geography.places), count)[episodes.of]
    said = rows["city"] >= 0
    rows["city"] = np.where(elsewhere[episodes.of] & said, city, rows["city"])
    refuse(rows, 0.15, REFUSALS, rng)
    return rows


def card_not_present_burst(day: Day, count: int) -> Rows:
    """A card's number is used at many online merchants within about an hour, from one or two devices, for raised
    amounts; towards the end more and more is declined."""
    world, rng = day.world, day.rng
    sizes = rng.integers(8, 22, count)
    episodes = Episodes.sized(sizes)
    victim = day.customers(count)
    slot = np.where(world.customers.has_second_card[victim] & (rng.random(count) < 0.4), SECOND_CARD, FIRST_CARD)
    at = episodes.times(day.moments(count), 4 * 60, rng)
    goods = ("Marketplace", "Online clothing", "Online electronics", "Digital games", "Gift cards", "Airlines")
    rows = purchases(day, "card_not_present_burst", at, victim[episodes.of], goods, rng.uniform(0.8, 3.0, len(at)))
    rows["slot"] = slot[episodes.of]
    # The second of two devices takes over somewhere on the way.
    later = (episodes.step > (rng.random(count) * 1.6 * sizes)[episodes.of]).astype(np.int64)
    rows["device"] = strange_devices(2 * count, rng)[episodes.of * 2 + later]
    rows["address"] = strange_addresses(world, 2 * count, rng)[episodes.of * 2 + later]
    refuse(rows, 0.05 + 0.5 * episodes.step / sizes[episodes.of], REFUSALS, rng)
    return rows


def card_testing(day: Day, count: int) -> Rows:
    """Small sums at one online merchant on many people's cards, seconds apart, from one device and a few networks:
    most are declined, and the cards that answer are sold."""
    world, rng = day.world, day.rng
    episodes = Episodes.sized(rng.integers(15, 41, count))
    at = episodes.times(day.moments(count), 30, rng)
    rows = purchases(day, "card_testing", at, day.customers(len(at)), ("Charities", "Digital games"), 1.0)
    rows["merchant"] = rows["merchant"][episodes.step == 0][episodes.of]
    rows["channel"] = rows["channel"][episodes.step == 0][episodes.of]
    rows["amount"] = minor(rng.uniform(0.5, 4.0, len(at)), rows["currency"])
    rows["device"] = strange_devices(count, rng)[episodes.of]
    address = strange_addresses(world, 4 * count, rng)
    rows["address"] = address[episodes.of * 4 + rng.integers(0, 4, len(at))]
    refuse(rows, 0.6, _CVC_GUESSES, rng)
    return rows
