"""Trips: customers leave home for some days, need the time that the journey takes, and come back."""

from __future__ import annotations

import numpy as np

from fraudray.batch.synthetic.cities import CITIES, TRIP_MIN_MI, Geography
from fraudray.batch.synthetic.clock import DAY_US, HOUR_US, MS_US
from fraudray.batch.synthetic.customers import Customers
from fraudray.batch.synthetic.draws import Bools, Floats, Ints, Stream, choose, cumulative, generator

# Slower than `fraudray.geo.travel.TravelRules` allows (600 mph and 2 h), so that no genuine journey looks impossible.
DOOR_TO_DOOR_H = 3.0
AIR_SPEED_MPH = 450.0
# Half as likely every so many miles further.
NEARNESS_MI = 700.0


class Trips:
    """The present or next trip of every customer: five arrays, one entry a customer; times in microseconds."""

    def __init__(self, seed: int, start_us: int, customers: Customers, geography: Geography) -> None:
        """Nobody is away when the history starts."""
        self._seed = seed
        self._customers = customers
        self._geography = geography
        self._destinations = _destinations(geography)
        count = len(customers)
        self.city = np.zeros(count, np.int64)
        self.leave, self.arrive, self.back, self.home = (np.zeros(count, np.int64) for _ in range(4))
        self._plan(np.arange(count), start_us, generator(seed, Stream.TRIPS))

    def advance(self, day: int, start_us: int) -> None:
        """Let those who are home again by the start of day number `day` plan their next trip."""
        ready = np.flatnonzero(self.home <= start_us)
        if len(ready):
            self._plan(ready, start_us, generator(self._seed, Stream.TRIPS, day))

    def where(self, customer: Ints, at: Ints) -> tuple[Ints, Bools]:
        """The city each customer is in at a moment, and whether they are on the way instead.

        Right for moments from the last `advance` until the end of its day.
        """
        leave, arrive, back, home = (times[customer] for times in (self.leave, self.arrive, self.back, self.home))
        away = (at >= arrive) & (at < back)
        moving = (at >= leave) & (at < home) & ~away
        return np.where(away, self.city[customer], self._customers.home[customer]), moving

    def _plan(self, who: Ints, start_us: int, rng: np.random.Generator) -> None:
        origin = self._customers.home[who]
        city = choose(self._destinations, origin, rng)
        journey_h = DOOR_TO_DOOR_H + self._geography.distance_mi[origin, city] / AIR_SPEED_MPH
        journey = (journey_h * HOUR_US).astype(np.int64) // MS_US * MS_US
        wait = rng.exponential(self._customers.wanderlust_days[who]) * DAY_US
        stay = (np.minimum(rng.lognormal(1.1, 0.6, len(who)), 21.0) * DAY_US).astype(np.int64) // MS_US * MS_US
        self.city[who] = city
        self.leave[who] = start_us + wait.astype(np.int64) // MS_US * MS_US
        self.arrive[who] = self.leave[who] + journey
        self.back[who] = self.arrive[who] + stay
        self.home[who] = self.back[who] + journey


def _destinations(geography: Geography) -> Floats:
    """(cities × cities) running shares of where trips from a city go: near and big cities more often."""
    weights = np.array([city.weight for city in CITIES]) * 0.5 ** (geography.distance_mi / NEARNESS_MI)
    return cumulative(np.where(geography.distance_mi < TRIP_MIN_MI, 0.0, weights))
