"""What the bank has registered of its customers: the file that `fraudray customers import` reads."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np

from fraudray.batch.synthetic.cities import CITIES, CURRENCIES
from fraudray.batch.synthetic.columns import customer_ids, device_ids, emails
from fraudray.batch.synthetic.draws import Bools, Ints, Stream, generator
from fraudray.batch.synthetic.spelling import dotted
from fraudray.batch.synthetic.world import World, minor
from fraudray.domain.money import from_minor

PORTION = 10_000
REGISTERED = 0.8
WITH_DEVICES, WITH_ADDRESSES, WITH_AMOUNTS = 0.85, 0.7, 0.6
# What a customer of average means usually pays at once.
_LOW_USD, _HIGH_USD = 5.0, 150.0
_GIVEN = (
    "Ada", "Amir", "Bea", "Carlos", "Chloe", "Dinesh", "Elif", "Emil", "Fatou", "Goran", "Hana", "Ines", "Jonas",
    "Keiko", "Liam", "Mila", "Nadia", "Omar", "Priya", "Rosa", "Sven", "Tariq", "Uma", "Yuki",
)  # fmt: skip
_FAMILY = (
    "Adeyemi", "Bauer", "Costa", "Dubois", "Eriksen", "Fischer", "García", "Hughes", "Ito", "Jansen", "Kim",
    "Lindqvist", "Moreau", "Nowak", "Okafor", "Patel", "Rossi", "Silva", "Tanaka", "Usman", "Vargas", "Weber", "Yılmaz",
    "Zhang",
)  # fmt: skip


def profile_lines(world: World) -> Iterator[str]:
    """One JSON object a line for a share of the customers, in order of their ids; devices and addresses as they were
    on the first day of the history."""
    for start in range(0, len(world.customers), PORTION):
        who = np.arange(start, min(start + PORTION, len(world.customers)))
        rng = generator(world.plan.seed, Stream.PROFILES, start)
        yield from _lines(world, who[rng.random(len(who)) < REGISTERED], rng)


def _lines(world: World, who: Ints, rng: np.random.Generator) -> Iterator[str]:
    people, seed, count = world.customers, world.plan.seed, len(who)
    home, currency = people.home[who], world.geography.currency[people.home[who]]
    low = minor(_LOW_USD * people.spend[who], currency).tolist()
    high = minor(_HIGH_USD * people.spend[who], currency).tolist()
    ids, mails = customer_ids(who).to_pylist(), emails(who).to_pylist()
    pockets = [np.full(count, slot) for slot in (0, 1)]
    devices = [device_ids(seed, people.device(who, slot, 0)).to_pylist() for slot in pockets]
    addresses = [dotted(people.address(world.geography, who, home, slot, 0)).to_pylist() for slot in pockets]
    shown = [_some(count, chance, rng) for chance in (WITH_DEVICES, WITH_ADDRESSES, WITH_AMOUNTS)]
    names = rng.integers(0, (len(_GIVEN), len(_FAMILY)), (count, 2)).tolist()
    ages = rng.integers(90, 3000, (count, 3)).tolist()
    for place in range(count):
        code = CURRENCIES[currency[place]]
        profile: dict[str, Any] = {
            "customer_id": ids[place],
            "name": f"{_GIVEN[names[place][0]]} {_FAMILY[names[place][1]]}",
            "email": mails[place],
            "home": CITIES[home[place]].text,
            "registered_at": _before(world, max(ages[place])),
        }
        if shown[0][place]:
            pocket_count = 1 + int(people.has_second_device[who[place]])
            profile["devices"] = [
                {"device_id": devices[slot][place], "registered_at": _before(world, ages[place][slot])}
                for slot in range(pocket_count)
            ]
        if shown[1][place]:
            profile["addresses"] = [address[place] for address in addresses]
        if shown[2][place]:
            usual: dict[str, Decimal | str] = {
                "low": from_minor(low[place], code), "high": from_minor(high[place], code), "currency": code,
            }  # fmt: skip
            profile["usual_amounts"] = usual
        yield json.dumps(profile, ensure_ascii=False, default=str) + "\n"


def _some(count: int, chance: float, rng: np.random.Generator) -> Bools:
    return rng.random(count) < chance


def _before(world: World, days: int) -> str:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=world.plan.start_us) - timedelta(days=days)
    return moment.isoformat().replace("+00:00", "Z")
