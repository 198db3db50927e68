"""All list entries in memory, and what a transaction matches. Immutable: a change makes another one.

A look-up asks one dictionary per kind and, for an address, one per prefix length in use, so that it costs
microseconds however long the lists are. A change copies only the dictionaries that it touches.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from fraudray.domain.customer import CustomerProfile
from fraudray.domain.list_values import Kind, address, domain_key, merchant_key, network
from fraudray.domain.lists import Level, ListEntry
from fraudray.domain.transaction import Transaction, TransactionType

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_US = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Mark:
    """What a look-up needs of an entry; `expires_us` is in microseconds UTC."""

    entry_id: str
    level: Level
    kind: Kind
    rule: str | None = None
    expires_us: int | None = None

    @classmethod
    def of(cls, entry: ListEntry) -> Mark:
        """The mark of an entry."""
        ends = entry.expires_at
        return cls(
            entry.entry_id, entry.level, entry.kind, entry.rule, None if ends is None else (ends - _EPOCH) // _US
        )

    @property
    def expires_at(self) -> datetime | None:
        """When it ends; None when it does not."""
        return None if self.expires_us is None else _EPOCH + self.expires_us * _US

    @property
    def until(self) -> str:
        """When it ends, for people."""
        ends = self.expires_at
        return "removed" if ends is None else f"{ends:%Y-%m-%d %H:%M} UTC"


@dataclass(frozen=True, slots=True)
class ListMatches:
    """The entries that match a transaction and hold at its moment, by level."""

    deny: tuple[Mark, ...] = ()
    allow: tuple[Mark, ...] = ()
    block: tuple[Mark, ...] = ()
    mutes: tuple[Mark, ...] = ()

    def __iter__(self) -> Iterator[Mark]:
        """In the order in which levels act."""
        yield from (*self.deny, *self.allow, *self.block, *self.mutes)

    @property
    def any(self) -> bool:
        """Whether any entry matches."""
        return bool(self.deny or self.allow or self.block or self.mutes)

    def without_blocks(self) -> ListMatches:
        """The same, had nobody denied or blocked anything."""
        return ListMatches(allow=self.allow, mutes=self.mutes)


NOTHING_LISTED = ListMatches()
Placed = tuple[str, Mark]
"""An entry's value as it is compared, and its mark."""
Row = dict[Hashable, tuple[Mark, ...]]


class Lists:
    """A snapshot of all entries. Thread-safe, since nothing in it changes."""

    __slots__ = (
        "_customers", "_devices", "_domains", "_instruments", "_merchants", "_networks", "_tables", "_terminals",
    )  # fmt: skip

    def __init__(self, placed: Iterable[Placed] = ()) -> None:
        tables: dict[Hashable, Row] = {}
        for value, mark in placed:
            table, key = _place(mark.kind, value)
            row = tables.setdefault(table, {})
            row[key] = (*row.get(key, ()), mark)
        self._take(tables)

    def _take(self, tables: dict[Hashable, Row]) -> None:
        self._tables = tables
        row = tables.get  # looked up once: hashing an enum takes longer than the rest of a look-up
        self._customers, self._instruments = row(Kind.CUSTOMER), row(Kind.INSTRUMENT)
        self._devices, self._terminals = row(Kind.DEVICE), row(Kind.TERMINAL)
        self._merchants, self._domains = row(Kind.MERCHANT), row(Kind.EMAIL_DOMAIN)
        self._networks: dict[int, list[tuple[int, Row]]] = {}
        for table, networks in tables.items():
            if isinstance(table, tuple):
                version, shift = table
                self._networks.setdefault(version, []).append((shift, networks))

    def changed(self, *, added: Iterable[Placed] = (), removed: Iterable[Placed] = ()) -> Lists:
        """This snapshot with entries added and others taken out; harmless when that was done already."""
        tables, copied = self._tables.copy(), set[Hashable]()
        for news, placed in ((False, removed), (True, added)):
            for value, mark in placed:
                table, key = _place(mark.kind, value)
                if table not in copied:
                    copied.add(table)
                    tables[table] = tables.get(table, {}).copy()
                row = tables[table]
                marks = tuple(m for m in row.get(key, ()) if m.entry_id != mark.entry_id) + ((mark,) if news else ())
                if marks:
                    row[key] = marks
                else:
                    row.pop(key, None)
        lists = Lists()
        lists._take({table: row for table, row in tables.items() if row})
        return lists

    def __len__(self) -> int:
        """How many entries there are, expired ones included."""
        return sum(len(marks) for row in self._tables.values() for marks in row.values())

    def look_up(self, tx: Transaction, profile: CustomerProfile | None, now: datetime) -> ListMatches:
        """What matches at `now`. On a reversal, which only releases money, nothing but mutes acts."""
        if not self._tables:
            return NOTHING_LISTED
        found = self._found(tx, profile)
        if not found:
            return NOTHING_LISTED
        now_us = (now - _EPOCH) // _US
        live = [m for m in dict.fromkeys(found) if m.expires_us is None or now_us < m.expires_us]
        if tx.transaction_type is TransactionType.REVERSAL:
            live = [mark for mark in live if mark.level is Level.MUTE]
        levels = {level: tuple(mark for mark in live if mark.level is level) for level in Level}
        return ListMatches(levels[Level.DENY], levels[Level.ALLOW], levels[Level.BLOCK], levels[Level.MUTE])

    def _found(self, tx: Transaction, profile: CustomerProfile | None) -> list[Mark]:
        found: list[Mark] = []
        for row, value in (
            (self._customers, tx.customer_id), (self._instruments, tx.instrument_id), (self._devices, tx.device_id),
            (self._devices, tx.device_fingerprint), (self._terminals, tx.terminal_id),
        ):  # fmt: skip
            if row and value is not None:
                found += row.get(value, ())
        if self._merchants:
            found += self._merchants.get(merchant_key(tx.merchant), ())
            if tx.mcc is not None:
                found += self._merchants.get("mcc:" + tx.mcc, ())
        if self._networks and tx.ip_address is not None:
            version, number = address(tx.ip_address)
            for shift, networks in self._networks.get(version, ()):
                if marks := networks.get(number >> shift):
                    found += marks
        if self._domains:
            for email in (tx.email, profile.email if profile is not None else None):
                if email is not None:
                    found += _below(email, self._domains)
        return found


def _below(email: str, domains: Row) -> Iterator[Mark]:
    """The entries for the address's domain and for every domain above it."""
    domain = domain_key(email.rpartition("@")[2])
    while domain:
        yield from domains.get(domain, ())
        domain = domain.partition(".")[2]


def _place(kind: Kind, value: str) -> tuple[Hashable, Hashable]:
    """The dictionary and the key under which a value is found."""
    if kind is not Kind.ADDRESS:
        return kind, value
    net = network(value)
    shift = net.max_prefixlen - net.prefixlen
    return (net.version, shift), int(net.network_address) >> shift
