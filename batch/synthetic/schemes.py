"""Fraud with accomplices: stolen money passed on through several accounts, refunds of what was never bought."""

from __future__ import annotations

import numpy as np

from fraudray.batch.synthetic import kinds
from fraudray.batch.synthetic.clock import DAY_US, HOUR_US, SECOND_US
from fraudray.batch.synthetic.customers import ACCOUNT, FIRST_CARD
from fraudray.batch.synthetic.draws import Bools, mixed
from fraudray.batch.synthetic.merchants import ONLINE_CITY
from fraudray.batch.synthetic.row import INVENTED, NOTHING, REFUND, SCENARIOS, Rows
from fraudray.batch.synthetic.strangers import Day, Episodes, strange_addresses, strange_devices
from fraudray.batch.synthetic.world import minor, notes

# One customer in so many lends an account, and each does so again and again.
MULES_ONE_IN = 150
MULES_MIN = 12
WITHOUT_PURCHASE = 0.6
REFUND_SPREAD_DAYS_MAX = 10.0
_MULE = 31


def mule_chain(day: Day, count: int) -> Rows:
    """A victim's account is emptied by a transfer to a mule, who passes most of it on within hours to the next, for
    three to five hands; the last buys cryptocurrency or draws cash. Every transfer names the next customer as payee."""
    world, rng, people = day.world, day.rng, day.world.customers
    sizes = rng.integers(4, 7, count)
    episodes = Episodes.sized(sizes)
    step, last = episodes.step, episodes.step == sizes[episodes.of] - 1
    mules = np.unique(mixed(world.plan.seed, _MULE, np.arange(max(MULES_MIN, len(people) // MULES_ONE_IN))))
    mules = np.unique((mules % np.uint64(len(people))).astype(np.int64))
    # Neighbours on the ring of mules, so that nobody passes money to oneself.
    ring = (rng.integers(0, len(mules), count)[episodes.of] + step) % len(mules)
    payee, victim = mules[ring], day.customers(count)[episodes.of]
    victim = np.where(victim == payee, (victim + 1) % len(people), victim)
    holder = np.where(step == 0, victim, mules[ring - 1])

    exit_kind = rng.choice(kinds.numbers("Cryptocurrency", "Cash"), len(step))
    home = people.home[holder]
    at_shop = world.merchants.at(np.where(kinds.LOCAL[exit_kind], home, ONLINE_CITY), exit_kind, rng.random(len(step)))
    at = episodes.times(day.moments(count), 50 * 60, rng)
    rows = world.payments(at, holder, np.where(last, at_shop, len(world.merchants) + payee))
    rows["scenario"] = SCENARIOS.index("mule_chain")
    kept = np.where(step == 0, 1.0, 1 - rng.uniform(0.01, 0.08, len(step)))
    left = np.exp(np.cumsum(np.log(kept)))  # shares that are kept from one hand to the next
    left /= left[step == 0][episodes.of]
    usd = np.exp(rng.normal(np.log(1800), 0.6, count))[episodes.of] * left
    cash = rows["channel"] == kinds.ATM
    rows["amount"] = np.where(cash, notes(usd, rows["currency"]), minor(usd, rows["currency"]))
    rows["slot"] = np.where(last, FIRST_CARD, ACCOUNT)
    rows["city"] = home
    rows["terminal"] = np.where(last, world.merchants.terminal(rows["merchant"], rng.random(len(step))), NOTHING)

    number = (day.start_us - world.plan.start_us) // DAY_US
    pocket = np.zeros(len(step), np.int64)
    strange = (step == 0) & (rng.random(len(step)) < 0.6)  # the others were talked into it
    device = np.where(strange, strange_devices(len(step), rng), people.device(holder, pocket, number))
    address = people.address(world.geography, holder, home, pocket, number)
    address = np.where(strange, strange_addresses(world, len(step), rng), address)
    rows["device"], rows["address"] = np.where(cash, NOTHING, device), np.where(cash, NOTHING, address)
    world.unsay_places(rows, rng)
    return rows


def refund_fraud(day: Day, count: int) -> Rows:
    """A merchant's employee gives an accomplice's card refunds from the shop's terminal, over some days: without any
    purchase (they name one that never was) or, after a small real purchase, over its amount. The purchase itself is
    genuine."""
    world, rng, people = day.world, day.rng, day.world.customers
    sizes = rng.integers(4, 8, count)  # the purchase and three to six refunds
    episodes = Episodes.sized(sizes)
    accomplice = day.customers(count)
    kind = rng.choice(kinds.numbers("Clothing", "Electronics", "Home supplies"), count)
    merchant = world.merchants.at(people.home[accomplice], kind, rng.random(count))
    terminal = world.merchants.terminal(merchant, rng.random(count))
    days = min(REFUND_SPREAD_DAYS_MAX, world.plan.days / 10)
    at = episodes.times(day.moments(count), days / 6 * DAY_US / SECOND_US, rng)
    refund = episodes.step > 0
    at[refund] += HOUR_US

    rows = world.payments(at, accomplice[episodes.of], merchant[episodes.of])
    rows["terminal"] = terminal[episodes.of]
    bought = rng.uniform(10, 40, count)
    factor = rng.uniform(3.0, 12.0, len(at))
    rows["amount"] = minor(np.where(refund, factor, 1.0) * bought[episodes.of], rows["currency"])
    rows["scenario"][refund] = SCENARIOS.index("refund_fraud")
    rows["kind"][refund], rows["present"][refund] = REFUND, 0
    # Nobody buys at home while away.
    city, moving = world.trips.where(accomplice, at[~refund])
    invented = (rng.random(count) < WITHOUT_PURCHASE) | moving | (city != people.home[accomplice])
    without = invented[episodes.of]
    rows["city"][~refund] = people.home[accomplice]
    rows["original"][refund] = np.where(without, INVENTED, np.flatnonzero(~refund)[episodes.of])[refund]
    return _kept(rows, refund | ~without)


def _kept(rows: Rows, which: Bools) -> Rows:
    """Those rows, with `original` as places among them."""
    place = np.cumsum(which) - 1
    follows = rows["original"] >= 0
    rows["original"][follows] = place[rows["original"][follows]]
    return rows[which]
