"""Genuine traffic: what customers buy on a day, where, with what and for how much."""

from __future__ import annotations

import numpy as np

from fraudray.batch.synthetic import kinds
from fraudray.batch.synthetic.clock import DAY_US, PERSONAS, DayClock
from fraudray.batch.synthetic.customers import ACCOUNT, FIRST_CARD, SECOND_CARD, WALLET
from fraudray.batch.synthetic.draws import Bools, Ints, choose, mixed, share
from fraudray.batch.synthetic.merchants import ONLINE_CITY
from fraudray.batch.synthetic.row import Rows, outcomes
from fraudray.batch.synthetic.world import World, minor, notes
from fraudray.domain.transaction import ProcessorOutcome

FAITHFUL = 0.75  # share of visits to a merchant of one's own
OWN_MERCHANTS = 3  # of each kind
FRIENDS = 4
DECLINED = 0.025
ONLINE_WHEN_AWAY = 0.5
SUBSCRIPTION_SHARE = 0.04  # of all rows
SUBSCRIPTIONS_MAX = 3
MONTH_DAYS = 30
_FAVOURITE, _FRIEND, _SUBSCRIPTION = 21, 22, 23
_REASONS = outcomes(
    ProcessorOutcome.INSUFFICIENT_FUNDS, ProcessorOutcome.DO_NOT_HONOR, ProcessorOutcome.DECLINED,
    ProcessorOutcome.INCORRECT_CVC, ProcessorOutcome.EXPIRED_CARD, ProcessorOutcome.ISSUER_UNAVAILABLE,
    ProcessorOutcome.TIMEOUT, ProcessorOutcome.NETWORK_ERROR,
)  # fmt: skip
_REASON_WEIGHTS = (0.4, 0.2, 0.1, 0.08, 0.04, 0.06, 0.06, 0.06)


class Habits:
    """The purchases that customers may make on one day."""

    def __init__(self, world: World, day: int) -> None:
        """For day number `day`, to which `world.trips` must have advanced."""
        people = world.customers
        self._world, self._day = world, day
        self._clock = DayClock.of(world.plan.date_of(day), world.geography.zones)
        self._class = world.geography.zone[people.home] * len(PERSONAS) + people.persona
        running = np.cumsum(people.activity * self._clock.busy[self._class])
        self._running = running / running[-1]

    def purchases(self, count: int, rng: np.random.Generator) -> Rows:
        """At most `count` purchases of the day in no order; nobody buys while on a journey."""
        world, people = self._world, self._world.customers
        customer = np.minimum(np.searchsorted(self._running, rng.random(count), side="right"), len(people) - 1)
        at = self._clock.moments(self._class[customer], rng)
        city, moving = world.trips.where(customer, at)
        customer, at, city = customer[~moving], at[~moving], city[~moving]

        away = city != people.home[customer]
        online = rng.random(len(at)) < people.online[customer] * np.where(away, ONLINE_WHEN_AWAY, 1.0)
        kind = choose(kinds.VISITS, online * 2 + away, rng)
        rows = world.payments(at, customer, self._merchants(customer, kind, city, away, rng))
        rows["city"] = city
        self._instruments(rows, kind, city, rng)

        local = rows["present"] == 1
        rows["currency"][local] = world.geography.currency[city[local]]
        usd = world.prices(rows, rng)
        rows["amount"] = minor(usd, rows["currency"], charming=rng.random(len(at)) < np.where(online, 0.6, 0.25))
        cash = rows["channel"] == kinds.ATM
        rows["amount"][cash] = notes(usd[cash], rows["currency"][cash])
        self._fuel_is_reserved(rows, kind, rng)
        declined = np.flatnonzero(rng.random(len(at)) < DECLINED)
        rows["outcome"][declined] = rng.choice(_REASONS, len(declined), p=_REASON_WEIGHTS)
        world.unsay_places(rows, rng)
        return rows

    def subscriptions(self) -> Rows:
        """What is charged on this day of everybody's month: the same amount by the same merchant every time.

        The merchant alone acts, so that there is neither place nor device.
        """
        world, plan = self._world, self._world.plan
        everybody = np.arange(len(world.customers))
        a_month = SUBSCRIPTION_SHARE * plan.rows / plan.days / len(everybody) * MONTH_DAYS
        held = min(a_month / SUBSCRIPTIONS_MAX, 1.0)
        found = []
        for which in range(SUBSCRIPTIONS_MAX):
            luck = share(plan.seed, _SUBSCRIPTION, which, everybody)
            due = mixed(plan.seed, _SUBSCRIPTION, which, everybody, 1) % np.uint64(MONTH_DAYS) == self._day % MONTH_DAYS
            who = everybody[(luck < held) & due]
            kind = np.full(len(who), kinds.NUMBER["Subscriptions"])
            moment = (share(plan.seed, _SUBSCRIPTION, which, who, 2) * DAY_US).astype(np.int64) // 1000 * 1000
            merchant = world.online(kind, share(plan.seed, _SUBSCRIPTION, which, who, 3))
            rows = world.payments(self._clock.start_us + moment, who, merchant)
            usd = kinds.MEDIAN_USD[kind] * (0.4 + 2 * share(plan.seed, _SUBSCRIPTION, which, who, 4))
            rows["amount"] = minor(usd, rows["currency"], charming=True)
            found.append(rows)
        return np.concatenate(found)

    def _merchants(self, customer: Ints, kind: Ints, city: Ints, away: Bools, rng: np.random.Generator) -> Ints:
        world, seed = self._world, self._world.plan.seed
        local = kinds.LOCAL[kind]
        own = rng.integers(0, OWN_MERCHANTS, len(kind))
        faithful = (rng.random(len(kind)) < FAITHFUL) & ~(away & local)
        luck = np.where(faithful, share(seed, _FAVOURITE, customer, kind, own), rng.random(len(kind)))
        transfer = kind == kinds.NUMBER["Money transfer"]
        friend = world.customers.friend(customer, _FRIEND + rng.integers(0, FRIENDS, len(kind)))
        shop = np.where(transfer, kinds.NUMBER["Marketplace"], kind)  # payees are not in the tables
        merchant = world.merchants.at(np.where(local, city, ONLINE_CITY), shop, luck)
        return np.where(transfer, len(world.merchants) + friend, merchant)

    def _instruments(self, rows: Rows, kind: Ints, city: Ints, rng: np.random.Generator) -> None:
        """Which card, and for all but cards in a reader the device and its network."""
        world, people, customer = self._world, self._world.customers, rows["customer"]
        count = len(rows)
        channel = rows["channel"]
        wallet = people.has_wallet[customer] & (rng.random(count) < 0.3)
        wallet &= np.isin(channel, (kinds.POS, kinds.ECOMMERCE, kinds.MOBILE))
        second = people.has_second_card[customer] & (rng.random(count) < 0.35) & (channel != kinds.ATM)
        slot = np.where(wallet, WALLET, np.where(second, SECOND_CARD, FIRST_CARD))
        rows["slot"] = np.where(channel == kinds.TRANSFER, ACCOUNT, slot)
        rows["terminal"] = world.merchants.terminal(rows["merchant"], rng.random(count))

        other = people.has_second_device[customer] & (rng.random(count) < 0.35)
        connected = np.isin(channel, (kinds.ECOMMERCE, kinds.MOBILE, kinds.TRANSFER))
        device = people.device(customer, other.astype(np.int64), self._day)
        rows["device"] = np.where(connected | ((rows["slot"] == WALLET) & (channel == kinds.POS)), device, -1)
        roaming = (rng.random(count) < 0.3).astype(np.int64)
        address = people.address(world.geography, customer, city, roaming, self._day)
        rows["address"] = np.where(connected, address, -1)

    def _fuel_is_reserved(self, rows: Rows, kind: Ints, rng: np.random.Generator) -> None:
        """A pump authorizes a round sum first; what was filled is captured later (see `afterwards`)."""
        fuel = kind == kinds.NUMBER["Fuel"]
        usd = rng.choice((100.0, 125.0, 150.0), int(fuel.sum()))
        rows["amount"][fuel] = minor(usd, rows["currency"][fuel])
