"""With which customers a device or address was seen: read from a bounded cache, written at most once an hour a pair."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Literal

from sqlalchemy import bindparam, select

from fraudray.adapters.sql import schema as t
from fraudray.adapters.sql.driver import Reader
from fraudray.adapters.vault import Vault
from fraudray.ports.ledger import SIGHTED_MAX

THINGS_MAX = 20_000
REWRITE_US = 3600 * 1_000_000
Kind = Literal["device", "address"]
_LATEST = (
    select(t.sightings.c.customer_id, t.sightings.c.first_us, t.sightings.c.last_us)
    .where(t.sightings.c.blind == bindparam("blind"))
    .order_by(t.sightings.c.last_us.desc())
    .limit(SIGHTED_MAX)
)


@dataclass(slots=True)
class _Pair:
    """One customer of a thing. What is stored may lie behind what was seen, by an hour at most."""

    first_us: int
    last_us: int
    stored_first_us: int
    stored_last_us: int


@dataclass(slots=True)
class _Thing:
    blind: bytes
    pairs: dict[str, _Pair] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Due:
    """What is to be written now."""

    blind: bytes
    first_us: int
    last_us: int


class Sightings:
    """Knows what was seen at once, also what is not durable yet. Safe to share between threads."""

    def __init__(self, reader: Reader, vault: Vault) -> None:
        self._reader, self._vault = reader, vault
        self._things: OrderedDict[tuple[Kind, str], _Thing] = OrderedDict()
        self._lock = threading.Lock()

    def customers(self, kind: Kind, value: str, since_us: int) -> frozenset[str]:
        """See `Ledger.customers_of_device`."""
        with self._lock:
            pairs = self._thing(kind, value).pairs
            return frozenset([customer for customer, pair in pairs.items() if pair.last_us >= since_us])

    def see(self, kind: Kind, value: str, customer_id: str, at_us: int) -> Due | None:
        """Remember a sighting; what has to be stored of it, if anything: a new pair, an earlier first, or a last that
        is an hour ahead of what is stored."""
        with self._lock:
            thing = self._thing(kind, value)
            pair = thing.pairs.get(customer_id)
            if pair is None:
                if len(thing.pairs) >= SIGHTED_MAX:
                    oldest = min(thing.pairs, key=lambda customer: thing.pairs[customer].last_us)
                    del thing.pairs[oldest]
                thing.pairs[customer_id] = _Pair(at_us, at_us, at_us, at_us)
                return Due(thing.blind, at_us, at_us)
            pair.first_us, pair.last_us = min(pair.first_us, at_us), max(pair.last_us, at_us)
            if pair.first_us == pair.stored_first_us and pair.last_us - pair.stored_last_us < REWRITE_US:
                return None
            pair.stored_first_us, pair.stored_last_us = pair.first_us, pair.last_us
            return Due(thing.blind, pair.first_us, pair.last_us)

    def forget_thing(self, kind: Kind, value: str) -> None:
        """A write failed: what was seen with it may not be stored, so it is read anew."""
        with self._lock:
            self._things.pop((kind, value), None)

    def forget(self, customer_id: str) -> None:
        """The customer was erased."""
        with self._lock:
            for thing in self._things.values():
                thing.pairs.pop(customer_id, None)

    def _thing(self, kind: Kind, value: str) -> _Thing:
        thing = self._things.get((kind, value))
        if thing is not None:
            self._things.move_to_end((kind, value))
            return thing
        blind = self._vault.blind_index(kind, value)
        found = self._reader.all(_LATEST, blind=blind)
        thing = self._things[kind, value] = _Thing(
            blind, {customer: _Pair(first, last, first, last) for customer, first, last in found}
        )
        while len(self._things) > THINGS_MAX:
            self._things.popitem(last=False)
        return thing
