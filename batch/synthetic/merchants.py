"""Merchants of every kind in every city and online, and their terminals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fraudray.batch.synthetic.cities import CITIES
from fraudray.batch.synthetic.draws import Floats, Ints, Stream, generator
from fraudray.batch.synthetic.kinds import KINDS, LOCAL, NUMBER

ONLINE_CITY = len(CITIES)
"""The "city" of merchants that sell online."""
PER_CITY_MIN = 2
TERMINALS_MAX = 5
# Few merchants have most of the custom: the share of a city's visits that falls to its busiest tenth is about a third.
CROWDING = 1.8
_FIRST = (
    "Amber", "Birch", "Cedar", "Coral", "Delta", "Ember", "Falcon", "Garnet", "Harbor", "Indigo", "Juniper", "Kestrel",
    "Lantern", "Meadow", "Northern", "Opal", "Pioneer", "Quarry", "River", "Saffron", "Summit", "Timber", "Union",
    "Velvet", "Willow", "Zephyr",
)  # fmt: skip


@dataclass(frozen=True)
class Merchants:
    """Merchants as arrays, one entry a merchant, those of one city and kind beside one another.

    `first` and `count` are (cities + 1 × kinds): where those of a city and kind begin, and how many there are.
    Terminals are numbered through; an online merchant has none. Numbers from `len(names)` on are not merchants but
    payees: customer number c is payee `len(names) + c`.
    """

    names: tuple[str, ...]
    kind: Ints
    first: Ints
    count: Ints
    first_terminal: Ints
    terminals: Ints

    def __len__(self) -> int:
        """How many merchants there are, payees not counted."""
        return len(self.names)

    def at(self, city: Ints, kind: Ints, popularity: Floats) -> Ints:
        """A merchant of each city and kind (of no city: `ONLINE_CITY`) for a number in [0, 1): near 0 the busiest."""
        count = self.count[city, kind]
        return self.first[city, kind] + (popularity**CROWDING * count).astype(np.int64)

    def kind_of(self, merchant: Ints) -> Ints:
        """The kind of each merchant; payees are money transfers."""
        payee = merchant >= len(self)
        return np.where(payee, NUMBER["Money transfer"], self.kind[np.where(payee, 0, merchant)])

    def terminal(self, merchant: Ints, luck: Floats) -> Ints:
        """A terminal of each merchant for a number in [0, 1), -1 where it has none."""
        known = np.minimum(merchant, len(self) - 1)
        terminals = np.where(merchant < len(self), self.terminals[known], 0)
        return np.where(terminals > 0, self.first_terminal[known] + (luck * terminals).astype(np.int64), -1)


def open_merchants(seed: int, homes: Ints) -> Merchants:
    """Merchants for customers who live in the cities `homes` (one entry a customer)."""
    rng = generator(seed, Stream.MERCHANTS)
    customers = np.bincount(homes, minlength=ONLINE_CITY).astype(np.float64)
    per_1000 = np.array([kind.per_1000 for kind in KINDS])
    count = np.zeros((ONLINE_CITY + 1, len(KINDS)), np.int64)
    local = np.maximum(np.round(customers[:, None] * per_1000 / 1000), PER_CITY_MIN)
    count[:ONLINE_CITY] = np.where(LOCAL, local, 0)
    count[ONLINE_CITY] = np.where(LOCAL, 0, np.maximum(np.round(len(homes) * per_1000 / 1000), PER_CITY_MIN))
    count[:, NUMBER["Money transfer"]] = 0  # payees are customers

    total = int(count.sum())
    first = (np.cumsum(count.ravel()) - count.ravel()).reshape(count.shape)
    kind = np.repeat(np.tile(np.arange(len(KINDS)), ONLINE_CITY + 1), count.ravel())
    terminals = np.where(LOCAL[kind], rng.integers(1, TERMINALS_MAX + 1, total), 0)
    words = rng.integers(0, len(_FIRST), total)
    names = tuple(
        f"{_FIRST[word]} {KINDS[number].noun} {place + 1}"
        for place, (word, number) in enumerate(zip(words.tolist(), kind.tolist(), strict=True))
    )
    return Merchants(names, kind, first, count, np.cumsum(terminals) - terminals, terminals)
