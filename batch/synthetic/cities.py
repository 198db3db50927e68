"""Where people live and travel: real cities that fraudray's gazetteer knows without doubt, their money and networks."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from fraudray.batch.synthetic.draws import Floats, Ints
from fraudray.domain.money import minor_units
from fraudray.geo.places import Place, PlaceIndex
from fraudray.geo.travel import great_circle_mi


class City(NamedTuple):
    """A city as transactions write it, its currency, how many of the customers live there, one network of its country.

    Networks are consumer blocks of the packaged country database that no list of hosting or anonymisers touches.
    """

    text: str
    currency: str
    weight: float
    network: str


# The first are the homes of small histories, hence the mix of continents and currencies.
CITIES = (
    City("New York, US", "USD", 16, "73.0.0.0/11"), City("London, GB", "GBP", 12, "86.128.0.0/10"),
    City("Berlin, DE", "EUR", 8, "79.192.0.0/10"), City("Tokyo, JP", "JPY", 8, "126.64.0.0/10"),
    City("Chicago, US", "USD", 8, "73.32.0.0/11"), City("São Paulo, BR", "BRL", 7, "179.128.0.0/11"),
    City("Paris, FR", "EUR", 7, "86.192.0.0/10"), City("Los Angeles, US", "USD", 9, "73.64.0.0/11"),
    City("Mumbai, IN", "INR", 7, "117.192.0.0/10"), City("Toronto, CA", "CAD", 6, "99.224.0.0/11"),
    City("Sydney, AU", "AUD", 5, "1.128.0.0/11"), City("Seattle, US", "USD", 5, "73.96.0.0/11"),
    City("Madrid, ES", "EUR", 5, "83.32.0.0/11"), City("Warsaw, PL", "PLN", 4, "83.0.0.0/11"),
    City("Mexico City, MX", "MXN", 5, "189.128.0.0/10"), City("Johannesburg, ZA", "ZAR", 4, "41.0.0.0/11"),
    City("Dallas, US", "USD", 5, "73.128.0.0/11"), City("Milan, IT", "EUR", 4, "79.0.0.0/10"),
    City("Amsterdam, NL", "EUR", 4, "145.96.0.0/11"), City("Zurich, CH", "CHF", 3, "85.0.0.0/13"),
    City("Stockholm, SE", "SEK", 3, "78.64.0.0/12"), City("Singapore, SG", "SGD", 4, "118.200.0.0/15"),
    City("Manchester, GB", "GBP", 3, "86.0.0.0/11"), City("Munich, DE", "EUR", 3, "84.128.0.0/10"),
    City("Atlanta, US", "USD", 4, "73.160.0.0/11"), City("Istanbul, TR", "TRY", 4, "78.160.0.0/12"),
    City("Seoul, KR", "KRW", 4, "121.128.0.0/10"), City("Dubai, AE", "AED", 3, "94.200.0.0/13"),
    City("Buenos Aires, AR", "ARS", 3, "186.128.0.0/12"), City("Nairobi, KE", "KES", 2, "105.48.0.0/12"),
    City("Boston, US", "USD", 3, "73.192.0.0/11"), City("Lyon, FR", "EUR", 2, "82.224.0.0/11"),
    City("Vancouver, CA", "CAD", 2, "9.64.0.0/10"), City("Melbourne, AU", "AUD", 3, "49.176.0.0/12"),
    City("Barcelona, ES", "EUR", 3, "88.0.0.0/11"), City("Rome, IT", "EUR", 3, "87.0.0.0/11"),
    City("Brussels, BE", "EUR", 2, "109.128.0.0/12"), City("Vienna, AT", "EUR", 2, "84.112.0.0/14"),
    City("Dublin, IE", "EUR", 2, "87.32.0.0/12"), City("Lisbon, PT", "EUR", 2, "85.240.0.0/13"),
    City("Oslo, NO", "NOK", 1, "84.208.0.0/13"), City("Copenhagen, DK", "DKK", 2, "83.88.0.0/13"),
    City("Helsinki, FI", "EUR", 1, "91.152.0.0/13"), City("Prague, CZ", "CZK", 2, "88.100.0.0/14"),
    City("Athens, GR", "EUR", 1, "94.64.0.0/13"), City("Osaka, JP", "JPY", 2, "60.64.0.0/10"),
    City("Auckland, NZ", "NZD", 1, "122.56.0.0/13"), City("Bengaluru, IN", "INR", 2, "106.192.0.0/11"),
)  # fmt: skip

# Roughly what a dollar buys, so that prices look like prices there. Fixed: rates of the day would change the bytes.
PER_USD = {
    "AED": 3.7, "ARS": 1000.0, "AUD": 1.5, "BRL": 5.5, "CAD": 1.4, "CHF": 0.85, "CZK": 22.0, "DKK": 6.7, "EUR": 0.9,
    "GBP": 0.77, "INR": 85.0, "JPY": 150.0, "KES": 130.0, "KRW": 1380.0, "MXN": 18.5, "NOK": 10.5, "NZD": 1.7,
    "PLN": 3.8, "SEK": 10.2, "SGD": 1.3, "TRY": 38.0, "USD": 1.0, "ZAR": 18.0,
}  # fmt: skip
CURRENCIES = tuple(PER_USD)
MINOR_UNITS = np.array([minor_units(code) for code in CURRENCIES], np.int64)
USD_PRICE = np.array([PER_USD[code] for code in CURRENCIES], np.float64)

# Journeys nearer than this are no trips: both cities would count as one neighbourhood.
TRIP_MIN_MI = 100.0


@dataclass(frozen=True)
class Geography:
    """The cities as arrays, one entry a city in the order of `CITIES`.

    `distance_mi` is (cities × cities) between centres; `zone` is a place in `zones`;
    `first_address` and `addresses` are the network's first IPv4 address as a number, and how many it has.
    """

    places: tuple[Place, ...]
    zones: tuple[ZoneInfo, ...]
    zone: Ints
    currency: Ints
    distance_mi: Floats
    first_address: Ints
    addresses: Ints

    @classmethod
    def load(cls) -> Geography:
        """Look every city up in the packaged gazetteer. Raises LookupError for one that it does not know for sure."""
        index = PlaceIndex()
        try:
            places = tuple(_place(index, city.text) for city in CITIES)
        finally:
            index.close()
        names = sorted({place.time_zone for place in places})
        networks = [ipaddress.IPv4Network(city.network) for city in CITIES]
        points = [(place.latitude, place.longitude) for place in places]
        return cls(
            places=places,
            zones=tuple(ZoneInfo(name) for name in names),
            zone=np.array([names.index(place.time_zone) for place in places], np.int64),
            currency=np.array([CURRENCIES.index(city.currency) for city in CITIES], np.int64),
            distance_mi=np.array([[great_circle_mi(*a, *b) for b in points] for a in points]),
            first_address=np.array([int(network.network_address) for network in networks], np.int64),
            addresses=np.array([network.num_addresses for network in networks], np.int64),
        )


def _place(index: PlaceIndex, text: str) -> Place:
    found = index.resolve(text)
    if found.status != "ok" or found.place is None:
        raise LookupError(f"the gazetteer is not sure where {text} is")
    return found.place
