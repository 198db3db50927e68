"""What follows a genuine purchase: second tries, captures, increments, reversals and refunds."""

from __future__ import annotations

import numpy as np

from fraudray.batch.synthetic import kinds
from fraudray.batch.synthetic.clock import DAY_US, MINUTE_US, MS_US, SECOND_US
from fraudray.batch.synthetic.draws import Bools, Floats, Ints
from fraudray.batch.synthetic.row import APPROVED, CAPTURE, INCREMENT, NOTHING, REFUND, REVERSAL, Rows
from fraudray.batch.synthetic.world import World

RETRIED = 0.6  # of declined purchases
REVERSED = 0.003
INCREMENTED = 0.35  # of hotel stays and car hires
FULL_REFUND = 0.7
REFUND_DAYS = (1.0, 25.0)
STAY_DAYS = (1.0, 5.0)
_STAYS = kinds.numbers("Hotels", "Car rental")
_FUEL = kinds.NUMBER["Fuel"]


def afterwards(world: World, purchases: Rows, rng: np.random.Generator) -> tuple[Rows, Ints]:
    """All that follows `purchases`, and for each such row the place of its purchase.

    `original` is that place too, but for second tries, which are authorizations of their own. A reservation for fuel is
    always captured, within minutes and for at most the sum reserved; hotels and cars at the end of the stay, for at
    most what was authorized and added. Refunds are of at most the purchase. Messages that the merchant sends alone say
    nothing of where the customer is.
    """
    kind = world.merchants.kind_of(purchases["merchant"])
    approved = purchases["outcome"] == APPROVED
    luck = rng.random(len(purchases))
    refunded = approved & (luck < kinds.REFUNDED[kind])
    reserved = np.isin(kind, _STAYS) | (kind == _FUEL)
    reversed_ = approved & ~refunded & ~reserved & (luck > 1 - REVERSED)
    fuel = approved & (kind == _FUEL)
    stay = approved & np.isin(kind, _STAYS)
    added = stay & (rng.random(len(purchases)) < INCREMENTED)
    again = ~approved & (rng.random(len(purchases)) < RETRIED)

    part = np.where(rng.random(len(purchases)) < FULL_REFUND, 1.0, rng.uniform(0.1, 0.9, len(purchases)))
    stay_us = _spans(STAY_DAYS, len(purchases), rng)
    extra = np.where(added, rng.uniform(0.1, 0.5, len(purchases)), 0.0)
    litres = rng.uniform(0.15, 0.9, len(purchases))
    bill = (1.0 + extra) * rng.uniform(0.9, 1.0, len(purchases))
    found = [
        _second_tries(purchases, again, rng),
        _alone(purchases, reversed_, REVERSAL, 1.0, rng.integers(20, 1200, len(purchases)) * SECOND_US),
        _alone(purchases, refunded, REFUND, part, _spans(REFUND_DAYS, len(purchases), rng)),
        _alone(purchases, fuel, CAPTURE, litres, rng.integers(3, 40, len(purchases)) * MINUTE_US),
        _alone(purchases, added, INCREMENT, extra, (stay_us * rng.uniform(0.2, 0.8, len(purchases))).astype(np.int64)),
        _alone(purchases, stay, CAPTURE, bill, stay_us),
    ]
    return np.concatenate([rows for rows, _ in found]), np.concatenate([places for _, places in found])


def _spans(days: tuple[float, float], count: int, rng: np.random.Generator) -> Ints:
    return (rng.uniform(*days, count) * DAY_US).astype(np.int64)


def _second_tries(purchases: Rows, which: Bools, rng: np.random.Generator) -> tuple[Rows, Ints]:
    places = np.flatnonzero(which)
    rows = purchases[places]
    rows["at"] += rng.integers(10, 180, len(rows)) * SECOND_US
    rows["outcome"] = APPROVED
    return rows, places


def _alone(purchases: Rows, which: Bools, kind: int, part: Floats | float, after_us: Ints) -> tuple[Rows, Ints]:
    """Messages of that kind by the merchant, for a part of the purchase, so much later."""
    places = np.flatnonzero(which)
    rows = purchases[places]
    parts = np.broadcast_to(np.asarray(part), len(purchases))[places]
    rows["original"] = places
    rows["kind"] = kind
    rows["at"] += after_us[places] // MS_US * MS_US
    # Rounded down, so that a capture stays within what was authorized and added, both rounded too.
    rows["amount"] = np.maximum((rows["amount"] * parts).astype(np.int64), 1)
    rows["present"] = 0
    for field in ("city", "device", "address"):
        rows[field] = NOTHING
    return rows, places
