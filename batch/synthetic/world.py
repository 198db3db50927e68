"""The world that a history happens in: its plan, cities, merchants, customers and where they are today."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fraudray.batch.synthetic import kinds
from fraudray.batch.synthetic.cities import MINOR_UNITS, USD_PRICE, Geography
from fraudray.batch.synthetic.customers import Customers, settle_customers
from fraudray.batch.synthetic.draws import Bools, Floats, Ints
from fraudray.batch.synthetic.merchants import ONLINE_CITY, Merchants, open_merchants
from fraudray.batch.synthetic.plan import Plan
from fraudray.batch.synthetic.row import NOTHING, Rows, blank
from fraudray.batch.synthetic.trips import Trips

# A share of online payments does not say where the customer is.
PLACE_UNSAID = 0.25
_AMOUNT_MINOR_MAX = 10**11


@dataclass(frozen=True)
class World:
    """All that rows are made from. Only `trips` changes, a day at a time."""

    plan: Plan
    geography: Geography
    customers: Customers
    merchants: Merchants
    trips: Trips

    @classmethod
    def build(cls, plan: Plan) -> World:
        """The world of a plan: the same for the same seed and number of customers."""
        geography = Geography.load()
        customers = settle_customers(plan.seed, plan.customers)
        merchants = open_merchants(plan.seed, customers.home)
        trips = Trips(plan.seed, plan.start_us, customers, geography)
        return cls(plan, geography, customers, merchants, trips)

    def payments(self, at: Ints, customer: Ints, merchant: Ints) -> Rows:
        """Authorizations with their first card and home currency at moments; amounts, places and devices are missing.

        The channel is that of the merchant's kind, and so is whether the card is present.
        """
        rows = blank(len(at))
        rows["at"], rows["customer"], rows["merchant"] = at, customer, merchant
        kind = self.merchants.kind_of(merchant)
        rows["channel"] = kinds.CHANNEL[kind]
        rows["present"] = kinds.LOCAL[kind]
        rows["currency"] = self.geography.currency[self.customers.home[customer]]
        return rows

    def online(self, kind: Ints, luck: Floats) -> Ints:
        """An online merchant of each kind for a number in [0, 1)."""
        return self.merchants.at(np.full(len(kind), ONLINE_CITY), kind, luck)

    def prices(self, rows: Rows, rng: np.random.Generator, times: Floats | float = 1.0) -> Floats:
        """What each customer pays at each merchant's kind, in US dollars, `times` the usual."""
        kind = self.merchants.kind_of(rows["merchant"])
        spend = self.customers.spend[rows["customer"]]
        usd: Floats = kinds.MEDIAN_USD[kind] * spend * times
        return usd * np.exp(kinds.SIGMA[kind] * rng.standard_normal(len(rows)))

    def unsay_places(self, rows: Rows, rng: np.random.Generator) -> None:
        """Take the place from a share of the payments without a card."""
        unsaid = (rows["present"] == 0) & (rng.random(len(rows)) < PLACE_UNSAID)
        rows["city"][unsaid] = NOTHING


def minor(usd: Floats, currency: Ints, *, charming: Bools | bool = False) -> Ints:
    """Dollars as minor units of each currency (a place in `CURRENCIES`), at least one unit.

    `charming` prices end in 99 where the currency has two decimals and the price is above three units.
    """
    hundred = 10 ** MINOR_UNITS[currency]
    amount = np.maximum(np.round(usd * USD_PRICE[currency] * hundred), 1.0).astype(np.int64)
    charmed = (amount // hundred) * hundred + hundred - 1
    amount = np.where(charming & (hundred == 100) & (amount >= 300), charmed, amount)
    return np.minimum(amount, _AMOUNT_MINOR_MAX)


def notes(usd: Floats, currency: Ints) -> Ints:
    """Dollars as what a cash machine gives: minor units that are multiples of a note worth about ten dollars."""
    note = 10.0 ** np.round(np.log10(10 * USD_PRICE[currency]))
    count = np.maximum(np.round(usd * USD_PRICE[currency] / note), 1.0)
    amount: Ints = (count * note).astype(np.int64) * 10 ** MINOR_UNITS[currency]
    return amount
