"""The customers: where they live, what kind of person each is, and the cards, devices and networks they use."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fraudray.batch.synthetic.cities import CITIES, Geography
from fraudray.batch.synthetic.draws import Bools, Floats, Ints, Stream, generator, mixed, share
from fraudray.domain.transaction import Funding

FUNDINGS = tuple(Funding)
FIRST_CARD, SECOND_CARD, WALLET, ACCOUNT = range(4)
"""The instruments of a customer; instrument number is 4 · customer + one of these."""
# So many customers make one more home city worth having merchants of its own.
CUSTOMERS_A_CITY = 40
HOMES_MIN = 4
PERSONA_SHARES = (0.5, 0.15, 0.2, 0.15)  # in the order of `clock.PERSONAS`
DEVICES_MAX = 64  # that one customer can get through in each of two pockets
# Numbers of devices that are nobody's begin here.
STRANGE_DEVICES = 1 << 38
DEVICE_LIFE_DAYS = (200, 1200)
LEASE_DAYS = (40, 300)
_DEVICE, _ADDRESS, _FUNDING = 11, 12, 13


@dataclass(frozen=True)
class Customers:
    """Customers as arrays, one entry a customer.

    `activity` is relative (mean 1); `spend` multiplies prices; `online` is the share of purchases made online;
    `wanderlust_days` the mean days between trips.
    """

    seed: int
    home: Ints
    persona: Ints
    activity: Floats
    spend: Floats
    online: Floats
    wanderlust_days: Floats
    has_second_card: Bools
    has_wallet: Bools
    has_second_device: Bools

    def __len__(self) -> int:
        """How many there are."""
        return len(self.home)

    def device(self, customer: Ints, slot: Ints, day: Ints | int) -> Ints:
        """The number of the device in that pocket (0 or 1) on a day: people replace devices after a year or two."""
        low, high = DEVICE_LIFE_DAYS
        life = low + (share(self.seed, _DEVICE, customer, slot) * (high - low)).astype(np.int64)
        age = (share(self.seed, _DEVICE, customer, slot, 1) * life).astype(np.int64)
        generation = np.minimum((day + age) // life, DEVICES_MAX - 1)
        number: Ints = (customer * 2 + slot) * DEVICES_MAX + generation
        return number

    def address(self, geography: Geography, customer: Ints, city: Ints, slot: Ints, day: Ints | int) -> Ints:
        """An IPv4 address as a number: at home (slot 0) or on the move (1), in the networks of the city they are in.

        Providers hand out another one every few months.
        """
        low, high = LEASE_DAYS
        lease = low + (share(self.seed, _ADDRESS, customer, slot) * (high - low)).astype(np.int64)
        turn = (day + (share(self.seed, _ADDRESS, customer, slot, 1) * lease).astype(np.int64)) // lease
        luck = share(self.seed, _ADDRESS, customer, slot, 2, city, turn)
        return geography.first_address[city] + (luck * geography.addresses[city]).astype(np.int64)

    def funding(self, customer: Ints, slot: Ints) -> Ints:
        """What stands behind each instrument, as a place in `FUNDINGS`."""
        first = np.where(
            share(self.seed, _FUNDING, customer) < 0.6, FUNDINGS.index(Funding.DEBIT), FUNDINGS.index(Funding.CREDIT)
        )
        second = np.where(
            share(self.seed, _FUNDING, customer, 1) < 0.8, FUNDINGS.index(Funding.CREDIT),
            FUNDINGS.index(Funding.PREPAID),
        )  # fmt: skip
        others = np.where(slot == WALLET, FUNDINGS.index(Funding.WALLET), FUNDINGS.index(Funding.BANK_ACCOUNT))
        return np.where(slot == FIRST_CARD, first, np.where(slot == SECOND_CARD, second, others))

    def friend(self, customer: Ints, which: Ints) -> Ints:
        """One of the few people to whom a customer sends money, never the customer."""
        found = (mixed(self.seed, customer, which) % np.uint64(len(self))).astype(np.int64)
        return np.where(found == customer, (found + 1) % len(self), found)


def settle_customers(seed: int, count: int) -> Customers:
    """`count` customers (at least 2) in as many cities as there are people for."""
    rng = generator(seed, Stream.CUSTOMERS)
    cities = int(np.clip(count // CUSTOMERS_A_CITY, HOMES_MIN, len(CITIES)))
    weights = np.array([city.weight for city in CITIES[:cities]])
    activity = rng.gamma(2.0, 0.5, count) + 0.05
    return Customers(
        seed=seed,
        home=rng.choice(cities, count, p=weights / weights.sum()).astype(np.int64),
        persona=rng.choice(len(PERSONA_SHARES), count, p=PERSONA_SHARES).astype(np.int64),
        activity=activity / activity.mean(),
        spend=np.exp(rng.normal(0.0, 0.45, count)),
        online=rng.beta(2.0, 4.0, count),
        wanderlust_days=rng.uniform(25.0, 250.0, count),
        has_second_card=rng.random(count) < 0.4,
        has_wallet=rng.random(count) < 0.45,
        has_second_device=rng.random(count) < 0.4,
    )
