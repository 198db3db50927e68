"""Fraud that grows out of genuine traffic: cards copied at a terminal, purchases that the customer denies."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from fraudray.batch.synthetic import kinds
from fraudray.batch.synthetic.clock import DAY_US, MS_US
from fraudray.batch.synthetic.draws import Bools, Ints
from fraudray.batch.synthetic.row import APPROVED, AUTHORIZATION, NOTHING, SCENARIOS, Rows, blank
from fraudray.batch.synthetic.strangers import (
    REFUSALS,
    Day,
    Episodes,
    purchases,
    refuse,
    strange_addresses,
    strange_devices,
)
from fraudray.batch.synthetic.world import minor, notes

COPIED = 0.8  # of the cards that pass
CARDS_OF_A_TERMINAL = (8, 33)
WINDOW_DAYS_MAX, WAIT_DAYS_MAX = 28.0, 35.0
_SAME_TERMINAL, _ELSEWHERE, _ONLINE = range(3)
_USES = (0.15, 0.4, 0.45)


@dataclass
class _Skimmer:
    until_us: int
    room: int
    copied: set[int] = field(default_factory=set)


class Skimmers:
    """compromised_terminal: a device in a busy terminal copies cards for some weeks.

    Most cards that pass are used some days or weeks later by others: at the same terminal, at shops and cash machines
    of any city, or online. Remembers only the terminals at work and the cards copied there.
    """

    def __init__(self) -> None:
        """No terminal is compromised."""
        self._at_work: dict[int, _Skimmer] = {}

    def visit(self, day: Day, count: int, genuine: Rows) -> Rows:
        """Put `count` more to work at the day's busiest terminals, and the fraud on the cards that pass on this day."""
        read = genuine[(genuine["terminal"] >= 0) & (genuine["channel"] == kinds.POS) & (genuine["present"] == 1)]
        self._at_work = {
            terminal: one for terminal, one in self._at_work.items() if one.until_us > day.start_us and one.room > 0
        }
        self._open(day, count, read)
        if not self._at_work:
            return blank(0)
        passing = read[np.isin(read["terminal"], list(self._at_work))]
        stolen = [place for place, row in enumerate(passing) if self._copies(day, row)]
        return _cloned(day, passing[np.array(stolen, np.int64)])

    def _open(self, day: Day, count: int, read: Rows) -> None:
        terminals, uses = np.unique(read["terminal"], return_counts=True)
        busiest = [int(terminals[place]) for place in np.argsort(-uses, kind="stable")]
        days = min(WINDOW_DAYS_MAX, day.world.plan.days / 8)
        for terminal in [one for one in busiest if one not in self._at_work][:count]:
            until_us = day.start_us + int(day.rng.uniform(0.5, 1.0) * days * DAY_US) + DAY_US
            self._at_work[terminal] = _Skimmer(until_us, int(day.rng.integers(*CARDS_OF_A_TERMINAL)))

    def _copies(self, day: Day, row: np.void) -> bool:
        """Whether this use of a terminal at work costs a card, once each; the first always does."""
        one, card = self._at_work[int(row["terminal"])], int(row["customer"]) * 4 + int(row["slot"])
        if one.room == 0 or card in one.copied or (one.copied and day.rng.random() > COPIED):
            return False
        one.copied.add(card)
        one.room -= 1
        return True


def _cloned(day: Day, uses: Rows) -> Rows:
    """Two to four payments by others with each card in `uses`, within hours of one another."""
    world, rng, count = day.world, day.rng, len(uses)
    episodes = Episodes.sized(rng.integers(2, 5, count))
    of, length = episodes.of, len(episodes)
    wait_days = rng.uniform(0.1, 1.0, count) * min(WAIT_DAYS_MAX, world.plan.days / 6)
    began = uses["at"] + (wait_days * DAY_US).astype(np.int64) // MS_US * MS_US
    at = episodes.times(began, 35 * 60, rng)
    use = rng.choice(len(_USES), count, p=_USES)[of]
    goods = ("Online electronics", "Marketplace", "Gift cards", "Online clothing")
    rows = purchases(day, "compromised_terminal", at, uses["customer"][of], goods, rng.uniform(1.0, 3.0, length))
    rows["slot"] = uses["slot"][of]
    rows["device"] = strange_devices(count, rng)[of]
    rows["address"] = strange_addresses(world, count, rng)[of]

    city = rng.integers(0, len(world.geography.places), count)[of]
    kind = rng.choice(kinds.numbers("Cash", "Electronics", "Clothing", "Fuel"), length)
    merchant = np.where(
        use == _SAME_TERMINAL, uses["merchant"][of], world.merchants.at(city, kind, rng.random(length))
    )  # fmt: skip
    place = np.where(use == _SAME_TERMINAL, uses["city"][of], city)
    _in_person(day, rows, use != _ONLINE, merchant, place)
    same = use == _SAME_TERMINAL
    rows["terminal"][same] = uses["terminal"][of][same]
    refuse(rows, 0.2, REFUSALS, rng)
    return rows


def _in_person(day: Day, rows: Rows, which: Bools, merchant: Ints, city: Ints) -> None:
    """Make those payments with a copy of the card in a terminal of the merchant."""
    world, rng = day.world, day.rng
    there = world.payments(rows["at"][which], rows["customer"][which], merchant[which])
    there["city"] = city[which]
    there["currency"] = world.geography.currency[there["city"]]
    usd = world.prices(there, rng, rng.uniform(1.0, 3.0, len(there)))
    cash = there["channel"] == kinds.ATM
    there["amount"] = np.where(cash, notes(usd, there["currency"]), minor(usd, there["currency"]))
    there["terminal"] = world.merchants.terminal(there["merchant"], rng.random(len(there)))
    there["slot"], there["scenario"] = rows["slot"][which], rows["scenario"][which]
    rows[which] = there


def friendly_fraud(day: Day, count: int, genuine: Rows) -> int:
    """A customer disputes an online purchase that they made themselves: nothing in the row tells, and it is known late.

    Marks at most `count` of the approved online purchases of the day in place; gives back how many.
    """
    free = (genuine["scenario"] == NOTHING) & (genuine["kind"] == AUTHORIZATION) & (genuine["outcome"] == APPROVED)
    open_to_it = np.flatnonzero(free & np.isin(genuine["channel"], (kinds.ECOMMERCE, kinds.MOBILE)))
    denied = day.rng.choice(open_to_it, min(count, len(open_to_it)), replace=False)
    genuine["scenario"][denied] = SCENARIOS.index("friendly_fraud")
    return len(denied)
